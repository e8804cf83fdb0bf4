"""Processes that die at a named step of their own work: workers and web processes, forked warm.

`python -m tests.builders.dying` loads the project once, then forks a process for each line of JSON that it reads: what
it is, and at which step it kills or stops itself. Nothing of this is in the project's own code: a forked process
replaces, in its own memory, one name by one that dies.

A step is named `what.moment`. Of a function: `before` and `after`. Of a statement or an event: `before`, and `written`,
that is, not yet committed. Of a request to the venue: `before` it is written, and `answered`, when the first bytes of
the answer are there and nobody has read them.
"""

import asyncio
import ctypes
import functools
import importlib
import inspect
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import aiohttp
import django
import psycopg

CALLS: Final = {
    "claim": "portfolio.tasks.desk:claim_work",
    "put_off": "portfolio.tasks.desk:put_off",
    "close": "portfolio.tasks.desk:close_work",
    "marks": "portfolio.tasks.orders_desk:OrdersDesk.marks",
    "send": "portfolio.tasks.orders:send_order",
    "refuse": "portfolio.tasks.orders:refuse_order",
    "note_seen": "portfolio.tasks.orders:note_seen",
    "note_rejected": "portfolio.tasks.orders:note_rejected",
    "note_unknown": "portfolio.tasks.orders:note_unknown",
    "note_not_there": "portfolio.tasks.orders:note_not_there",
    "wake": "portfolio.operations.work:wake",
    "intend_move": "portfolio.tasks.moves:intend_move",
    "submit_move": "portfolio.tasks.moves:submit_move",
    "note_move_reported": "portfolio.tasks.moves:note_reported",
    "note_move_unknown": "portfolio.tasks.moves:note_unknown",
    "note_shown": "portfolio.tasks.moves:note_shown",
    "ask_again": "portfolio.tasks.moves:ask_again",
}
STATEMENTS: Final = {"claim": "RETURNING work.id", "put_off": "SET due_at = ", "close": "SET closed_at = "}
REQUESTS: Final = ("POST", "DELETE", "GET")
ORDER_PATH: Final = "/order"
TASKS: Final = ("portfolio.tasks.orders", "portfolio.tasks.halts", "portfolio.tasks.moves")
WARM: Final = (*TASKS, "marketdata.feeds.ccxt", "hedgeapp.celery", "hedgeapp.urls")
PATIENCE_S: Final = 60.0
READY_LOOK_S: Final = 0.02
DIE_WITH_PARENT: Final = 1  # prctl's PR_SET_PDEATHSIG
_report_fd = -1


def report(**said: Any) -> None:
    """Say something about this process, in one write."""
    os.write(_report_fd, json.dumps({"pid": os.getpid(), **said}).encode() + b"\n")


class Dying:
    """The one death of a process: at a step, for one order, by a signal."""

    def __init__(self, step: str, subject: str, by: int) -> None:
        self.what, _, self.moment = step.rpartition(".")
        self.step, self.subject, self.by = step, subject, by
        self._is_over = False

    def die(self) -> None:
        """Kill or stop this process, once."""
        if not self._is_over:
            self._is_over = True
            report(said="reached", step=self.step)
            os.kill(os.getpid(), self.by)

    def plant(self) -> None:
        """Put the death where its step is."""
        if self.what in REQUESTS:
            self._in_requests()
        elif self.moment == "written" and self.what in STATEMENTS:
            self._in_statements()
        elif self.what in CALLS:
            self._in_call()
        else:
            self._in_appends()
        if self.by == signal.SIGSTOP:
            self._stay_patient()

    def _stay_patient(self) -> None:
        """Go on where it was stopped, whatever its own timeouts say, and tell when the row is carried."""
        for module, name in (("portfolio.gateways.binance", "PLACE_S_MAX"), ("portfolio.tasks.desk", "CARRY_S_MAX")):
            setattr(importlib.import_module(module), name, PATIENCE_S)
        from portfolio.tasks.desk import Desk

        real = Desk._carry

        async def carry(desk: Any, claim: Any) -> None:
            await real(desk, claim)
            report(said="carried")

        setattr(Desk, "_carry", carry)  # noqa: B010

    def _in_call(self) -> None:
        module, _, path = CALLS[self.what].partition(":")
        *owners, name = path.split(".")
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        real: Callable[..., Any] = getattr(owner, name)

        def around(*args: Any, **kwargs: Any) -> Any:
            if self.moment == "before" and self._is_meant():
                self.die()
            found = real(*args, **kwargs)
            if self.moment == "after" and (self.what != "claim" or found):
                self.die()
            return found

        async def around_async(*args: Any, **kwargs: Any) -> Any:
            found = await real(*args, **kwargs)
            self.die()
            return found

        setattr(owner, name, around_async if inspect.iscoroutinefunction(real) else around)

    def _is_meant(self) -> bool:
        """Tell whether a call is about the order: a claim does not say what it will claim."""
        from portfolio.models import Work

        return self.what != "claim" or Work.objects.filter(subject=self.subject, closed_at=None).exists()

    def _in_statements(self) -> None:
        real, needle = psycopg.Cursor.execute, STATEMENTS[self.what]  # Django's cursors are among them

        def execute(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
            found = real(cursor, query, params, **options)
            if needle in str(query) and cursor.rowcount:
                self.die()
            return found

        setattr(psycopg.Cursor, "execute", execute)  # noqa: B010

    def _in_appends(self) -> None:
        orders: Any = importlib.import_module("portfolio.operations.orders")
        real = orders.append

        def append(connection: Any, events: Any, *, at: datetime) -> Any:
            events = list(events)
            is_it = any(type(event).__name__ == self.what for event in events)
            if is_it and self.moment == "before":
                self.die()
            found = real(connection, events, at=at)
            if is_it and self.moment == "written":
                self.die()
            return found

        orders.append = append

    def _in_requests(self) -> None:
        request, start = aiohttp.ClientSession._request, aiohttp.ClientResponse.start

        async def before(session: Any, method: str, url: Any, **kwargs: Any) -> Any:
            if method == self.what and str(url).partition("?")[0].endswith(ORDER_PATH):
                self.die()
            return await request(session, method, url, **kwargs)

        async def answered(response: Any, connection: Any) -> Any:
            found = await start(response, connection)
            if response.method == self.what and response.url.path.endswith(ORDER_PATH):
                self.die()
            return found

        client: Any = aiohttp
        if self.moment == "before":
            client.ClientSession._request = before
        else:
            client.ClientResponse.start = answered


def desk(queue: str) -> None:
    """Carry the work of a queue, in the loop that a worker's desk has."""
    import uvloop

    from portfolio.tasks.orders_desk import run_kept

    _say_when_ready()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_kept(queue))  # type: ignore[arg-type]


def moves(_: str) -> None:
    """Carry moves, once the custodian can be spoken to: a row that is put off for want of that is no step to die at."""
    from portfolio.tasks.moves_desk import MovesDesk, run_kept

    real = MovesDesk._work

    async def work(self: MovesDesk) -> None:
        while not self.doors.all():  # noqa: ASYNC110 - doors tell no event
            await asyncio.sleep(READY_LOOK_S)
        await real(self)

    setattr(MovesDesk, "_work", work)  # noqa: B010
    asyncio.run(run_kept("moves"))


def deaf(queue: str) -> None:
    """Carry the work of a queue, and hear no wake-up at all."""
    importlib.import_module("portfolio.tasks.bell").BELL.ring = lambda: None
    desk(queue)


def worker(queue: str) -> None:
    """Be the worker of a queue, as the Procfile has it."""
    from hedgeapp.celery import app

    os.environ["HEDGEAPP_DESK"] = queue
    _say_when_ready()
    options = f"--quiet worker -n {queue}@{os.getpid()} -P solo -Q {queue} --without-gossip --without-mingle"
    app.start(options.split())


def feeds(_: str) -> None:
    """Host the services of the accounts."""
    from django.conf import settings

    from hedgeapp.database import conninfo
    from hedgeapp.services import Host

    settings.SERVICES, settings.SERVICE_SOURCES = {}, ["tests.builders.dying.accounts"]
    asyncio.run(Host(conninfo(), ("account:*",)).run())


def accounts() -> list[Any]:
    """Return the services of the accounts that are enabled; marks are asked of the venue."""
    from marketdata.feeds import services

    return [one for one in services() if one.name.startswith("account:")]


def web(given: str) -> None:
    """Do what a person asked the web process for: intend an order, or cancel one."""
    from portfolio.operations.orders import Ticket, ask_cancel, intend_order

    asked, at = json.loads(given), datetime.now(UTC)
    if "nonce" not in asked:
        ask_cancel(asked["client_order_id"], by="ann", reason="", at=at)
        return
    numbers = {name: Decimal(asked[name]) for name in ("quantity", "price")}
    intend_order(Ticket(**{**asked, **numbers}), by="ann", at=at)


ROLES: Final = {"desk": desk, "moves": moves, "deaf": deaf, "worker": worker, "feeds": feeds, "web": web}


def _say_when_ready() -> None:
    from portfolio.tasks.orders_desk import OrdersDesk as Desk

    real = Desk.run

    async def run(self: Desk) -> None:
        async def look() -> None:
            while True:
                doors = self.doors.all()
                if len(doors) > 1 and all(gateway.clock_read_at for gateway in doors.values()):
                    report(said="ready")
                    return
                await asyncio.sleep(READY_LOOK_S)

        looking = asyncio.create_task(look())
        try:
            await real(self)
        finally:
            looking.cancel()

    setattr(Desk, "run", run)  # noqa: B010


def _live(asked: dict[str, Any]) -> None:
    """Be one forked process until its end."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 1)
    os.dup2(1, 2)
    os.close(0)
    socket.gethostname = lambda: asked.get("host") or "here"
    if step := asked.get("step"):
        by = signal.SIGSTOP if asked.get("is_stop") else signal.SIGKILL
        Dying(step, asked.get("subject", ""), by).plant()
    try:
        ROLES[asked["role"]](asked["given"])
    except BaseException:
        traceback.print_exc()


def main() -> None:
    """Fork what each line asks for, until the lines end; what was forked ends with this process."""
    global _report_fd
    django.setup()
    for module in WARM:
        importlib.import_module(module)
    _report_fd = os.dup(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    report(said="loaded")
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _live(asked)
            os._exit(0)
        report(said="forked", asked=asked["number"], forked=pid)


if __name__ == "__main__":
    main()
