"""Desk: claims the work of one queue and carries it until the venue's word, in a loop of its own beside the worker.

It is woken by the log (each intent is announced at its commit), by a task and by itself each second: none of the three
is needed. What it holds is written nowhere else but in the rows: another worker goes on from there.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TypeVar

import structlog
from django.utils.module_loading import import_string

from hedgeapp.core.events import Event
from hedgeapp.core.records import record
from hedgeapp.database import DatabaseThreads, conninfo
from hedgeapp.ending import together
from hedgeapp.eventlog.stream import follow
from hedgeapp.logs import redacted
from portfolio.operations.work import Claim, Kind, Queue, claim_work, close_work, free_work, put_off
from portfolio.queries.books import FOLLOWING
from portfolio.tasks.bell import BELL

CARRIED_AT_ONCE: Final = 8  # rows
LOOK_S: Final = 1.0  # due rows are looked for no less often
CARRY_S_MAX: Final = 18.0  # one try at a row; shorter than a claim lasts
SETTLE_S_MAX: Final = 20.0  # how long a claim is kept for want of a database that takes its outcome
SETTLE_PAUSE_S: Final = 0.3
STOP_S: Final = 6.0  # how long what is carried may take to end when the worker stops
BACKOFF_S: Final = (0.3, 5.0)  # before the second try, doubled for each after it, and at most
DATABASE_THREADS: Final = 4

T = TypeVar("T")
log = structlog.get_logger()


@record
class Done:
    """The work has its outcome."""

    said: str


@record
class Again:
    """The work has to be tried again, after so many seconds."""

    after_s: float
    said: str


Carrier = Callable[[Claim, Any], Awaitable[Done | Again]]


def backoff_s(tries: int) -> float:
    """Return the pause before another try."""
    first, most = BACKOFF_S
    return float(min(first * 2 ** min(tries, 10), most))


class Desk:
    """What a carrier works with: the database and the book of this process; each kind of desk adds its gateways."""

    carriers: ClassVar[Mapping[Kind, str]] = {}
    gather_s: ClassVar[Mapping[Queue, float]] = {}  # how long a queue's desk lets announced events come together

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.holder = f"{socket.gethostname()}/{os.getpid()}"
        self._threads = DatabaseThreads("desk", DATABASE_THREADS)
        self._carried: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Claim and carry until canceled; then let what is carried end."""
        BELL.hang()
        try:
            await together(self.keep(), self._follow(), self._work(), self._free())
        finally:
            BELL.take_down()
            await self.close()
            self._threads.close()

    async def keep(self) -> None:
        """Keep the gateways open until canceled."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close the gateways."""
        raise NotImplementedError

    def is_woken_by(self, event: Event) -> bool:
        """Tell whether an event says that there is something to do for this desk's queue."""
        raise NotImplementedError

    async def in_database(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run blocking database work in a thread."""
        return await self._threads.run(work, *args, **kwargs)

    async def _follow(self) -> None:
        """Keep the book close to the log's head, and wake when somebody wants something."""
        seq = await self._head()
        async for batch in follow(conninfo(), after=seq, gather_s=self.gather_s.get(self.queue, 0.0)):
            if any(self.is_woken_by(recorded.event) for recorded in batch):
                BELL.ring()
            await asyncio.to_thread(FOLLOWING.take, batch)

    async def _head(self) -> int:
        while True:
            try:
                return await self.in_database(_seq)
            except Exception as error:
                log.warning("desk.no_book", error=redacted(str(error)), error_kind=type(error).__name__)
                await asyncio.sleep(LOOK_S)

    async def _work(self) -> None:
        log.info("desk.open", queue=self.queue, holder=self.holder)
        try:
            while True:
                await self._claim()
                await BELL.wait(LOOK_S)
        finally:
            if self._carried:
                await asyncio.wait(self._carried, timeout=STOP_S)
            for task in self._carried:
                task.cancel()

    async def _claim(self) -> None:
        free = CARRIED_AT_ONCE - len(self._carried)
        if not free:
            return
        try:
            claims = await self.in_database(claim_work, self.queue, by=self.holder, count=free)
        except Exception as error:
            log.warning("desk.claim_failed", error=redacted(str(error)), error_kind=type(error).__name__)
            return
        for claim in claims:
            task = asyncio.create_task(self._carry(claim), name=f"{claim.kind}:{claim.subject}")
            self._carried.add(task)
            task.add_done_callback(self._ended)

    async def _free(self) -> None:
        """Let go of what dead processes hold, now and then, while nothing waits to be claimed."""
        while True:
            try:
                if await self.in_database(free_work, self.holder):
                    BELL.ring()
            except Exception as error:
                log.warning("desk.free_failed", error=redacted(str(error)), error_kind=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if len(self._carried) == CARRIED_AT_ONCE:
            BELL.ring()  # there may be more than could be carried
        self._carried.discard(task)

    async def _carry(self, claim: Claim) -> None:
        outcome = await self._outcome(claim)
        until = asyncio.get_running_loop().time() + SETTLE_S_MAX
        while True:
            try:
                if isinstance(outcome, Done):
                    await self.in_database(close_work, claim, said=outcome.said, at=datetime.now(UTC))
                else:
                    await self.in_database(put_off, claim, for_s=outcome.after_s, said=outcome.said)
                    asyncio.get_running_loop().call_later(outcome.after_s, BELL.ring)
                return
            except Exception as error:
                log.warning("desk.claim_kept", subject=claim.subject, error=redacted(str(error)))
                if asyncio.get_running_loop().time() > until:
                    return  # the claim ends by itself, and somebody claims it again
            await asyncio.sleep(SETTLE_PAUSE_S)

    async def _outcome(self, claim: Claim) -> Done | Again:
        carry: Carrier = import_string(self.carriers[claim.kind])
        try:
            async with asyncio.timeout(CARRY_S_MAX):
                return await carry(claim, self)
        except Exception as error:
            log.exception("desk.carry_failed", kind=claim.kind, subject=claim.subject)
            return Again(after_s=backoff_s(claim.tries), said=f"{type(error).__name__}: {redacted(str(error))}")


def _seq() -> int:
    with FOLLOWING.held() as book:
        return book.seq


async def run_kept(desk: type[Desk], queue: Queue) -> None:
    """Run the desk of a queue until canceled, and again after it failed."""
    while True:
        try:
            await desk(queue).run()
        except Exception as error:
            log.exception("desk.failed", error=redacted(str(error)))
        await asyncio.sleep(LOOK_S)
