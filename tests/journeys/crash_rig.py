"""A rig to crash orders on: servers, a sandbox and account services of its own, and workers that die when told to."""

import contextlib
import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg
import redis
from django.conf import settings
from django.db import close_old_connections, connections

from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import read
from portfolio.core.client_order_ids import client_order_id
from portfolio.core.orders import HedgeOrder
from portfolio.operations.orders import OrderIsRefused, Ticket, ask_cancel, intend_order
from portfolio.queries.books import FOLLOWING
from tests.builders.accounts import COIN, INSTRUMENTS, MAIN, World, seeded
from tests.builders.carrying import only_these_accounts
from tests.builders.dying import accounts
from tests.builders.forge import Forge, until

LOG: Final = "processes.log"
QUANTITY: Final = Decimal("0.05")  # ETH of each order
SYMBOL: Final = "ETHUSDT"
VENUE: Final = "binance-usdm"
ROWS: Final = 1_000  # of one answer of the venue


class Rig:
    """The whole of it, from the outside: what a test does to it, and what it finds."""

    def __init__(self, folder: Path, database_url: str) -> None:
        """Set it up on an empty log; processes use the database by `database_url`."""
        self.log = folder / LOG
        self.folder = folder
        self.forge = Forge(self.log, database_url)
        self.world = World(folder / "world")
        self.world.start()
        seeded(self.world)
        only_these_accounts((MAIN, COIN))
        self.venue = self.world.client(MAIN)
        self._machines = 0
        self.feeds = self.forge.fork("feeds")
        until(self._is_heard, "the whole book in the log")

    def read_anew(self) -> None:
        """Let the account be read anew, whatever its stream kept back."""
        with self._connecting(MAIN):
            self.world.act("drop", venue=VENUE, private=True)

    @contextlib.contextmanager
    def deaf_accounts(self) -> Iterator[None]:
        """Let nobody hear the accounts while the block lasts, in which PostgreSQL is killed; then all are read anew.

        An account that was just connected again would refuse every order for a moment.
        """
        with self._connecting(MAIN, COIN), self.stopped(self.feeds):
            yield

    @contextlib.contextmanager
    def _connecting(self, *names: str) -> Iterator[None]:
        """Let accounts lose their connections in the block, and wait until they have others."""
        before = [self._told_at(name) for name in names]
        yield

        def look() -> bool | None:
            if not Path(f"/proc/{self.feeds}").exists():
                # As the supervisor does: a host that cannot stop a service in time ends itself.
                self.feeds = self.forge.fork("feeds")
            is_told = all(self._told_at(name) > told for name, told in zip(names, before, strict=True))
            return self._is_heard() if is_told else None

        until(look, "the accounts read anew")

    def _told_at(self, account: str) -> datetime:
        close_old_connections()
        with FOLLOWING.held() as book:
            return book.feeds[f"account:{account}"].at

    def _is_heard(self) -> bool | None:
        close_old_connections()
        with FOLLOWING.held() as book:
            heard = {name for name, told in book.feeds.items() if told.state == "live"}
        return True if {one.name for one in accounts()} <= heard else None

    def close(self) -> None:
        """End every process of it."""
        self.forge.close()
        self.world.kill()
        connections.close_all()

    def ticket(
        self, nonce: str, *, away_bp: int = 20, time_in_force: Any = "ioc", quantity: Decimal = QUANTITY
    ) -> Ticket:
        """Return a ticket that buys so many bp above the mark: the accounts are short."""
        mark = Decimal(self.venue.fapiPublicGetPremiumIndex({"symbol": SYMBOL})["markPrice"])
        return Ticket(
            account=MAIN,
            instrument=INSTRUMENTS[MAIN][SYMBOL],
            side="buy",
            quantity=quantity,
            price=(mark * (10_000 + away_bp) / 10_000).quantize(Decimal("0.01")),
            time_in_force=time_in_force,
            reduce_only=False,
            reason="",
            proposal_id="",
            nonce=nonce,
        )

    def intend(self, ticket: Ticket) -> str:
        """Intend an order and return its client order id."""
        try:
            return intend_order(ticket, by="ann", at=datetime.now(UTC)).client_order_id
        except OrderIsRefused as refused:
            raise AssertionError(f"the rig's own order is refused: {refused}") from refused

    def cancel(self, name: str) -> None:
        """Ask for an order's cancel."""
        ask_cancel(name, by="ann", reason="", at=datetime.now(UTC))

    def doomed(self, queue_name: str, step: str, nonce: str, *, is_stop: bool = False) -> int:
        """Start a worker on a machine of its own that dies at a step of one order's way, and wait until it is warm."""
        self._machines += 1
        host = f"machine-{self._machines}"
        subject = client_order_id(f"ticket:{nonce}")
        pid = self.forge.fork("desk", queue_name, step=step, subject=subject, host=host, is_stop=is_stop)
        self.forge.told(pid, "ready")
        return pid

    @contextlib.contextmanager
    def workers(self, *queues: str, role: str = "desk") -> Iterator[list[int]]:
        """Run healthy workers of these queues while the block lasts, then kill them."""
        pids = [self.forge.fork(role, name, host=f"healthy-{time.monotonic_ns()}") for name in queues]
        try:
            for pid in pids:
                self.forge.told(pid, "ready")
            yield pids
        finally:
            for pid in pids:
                self.forge.kill(pid)

    @contextlib.contextmanager
    def stopped(self, *pids: int) -> Iterator[None]:
        """Stop processes as if their machine hung, while the block lasts."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def died(self, pid: int) -> None:
        """Wait until a doomed worker has reached its step and is gone."""
        self.forge.told(pid, "reached")
        self.forge.gone(pid)

    def park(self, name: str) -> None:
        """Let the leases on an order's work last, as if no other machine had looked yet."""
        self._sql("UPDATE portfolio_work SET claimed_until = now() + interval '1 hour' WHERE subject = %s", name)

    def release(self) -> None:
        """Let all leases end."""
        self._sql("UPDATE portfolio_work SET claimed_until = now() - interval '1 second' WHERE closed_at IS NULL")

    def order(self, name: str) -> HedgeOrder | None:
        """Return an order by the log's head."""
        close_old_connections()
        with FOLLOWING.held() as book:
            return book.our_orders.get(name)

    def in_state(self, name: str, *states: str) -> HedgeOrder:
        """Wait until an order is in one of these states; in a final one, and its work closed, when none is named."""

        def look() -> HedgeOrder | None:
            order = self.order(name)
            is_there = order is not None and (order.state in states if states else order.is_final)
            return order if is_there else None

        return until(look, f"{name} in {states or 'a final state'}", lambda: str(self.order(name)))

    def closed(self, name: str) -> None:
        """Wait until all work of an order is closed."""
        count = "SELECT count(*) FROM portfolio_work WHERE subject = %s AND closed_at IS NULL"
        until(lambda: True if self._sql(count, name)[0][0] == 0 else None, f"the work of {name} to be closed")

    def at_venue(self) -> dict[str, list[dict[str, Any]]]:
        """Return the venue's orders by client order id, as unmodified ccxt tells them."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.venue.fapiPrivateGetAllOrders({"symbol": SYMBOL, "limit": ROWS}):
            found.setdefault(row["clientOrderId"], []).append(row)
        return found

    def repeated(self) -> dict[str, int]:
        """Return the client order ids that the venue's own ledger has more than once."""
        with contextlib.closing(self._get(f"/control/accounts/{MAIN}/client-ids")) as answer:
            return {name: count for name, count in json.load(answer).items() if count > 1}

    def trades_of_venue(self) -> dict[str, Decimal]:
        """Return the account's trades in ETH as unmodified ccxt tells them: signed quantity by id."""
        found: dict[str, Decimal] = {}
        since = 0
        self.venue.load_markets()
        while rows := self.venue.fetch_my_trades("ETH/USDT:USDT", limit=ROWS, params={"fromId": since}):
            found |= {row["id"]: Decimal(row["amount"]) * (1 if row["side"] == "buy" else -1) for row in rows}
            since = int(rows[-1]["id"]) + 1
        return found

    def trades_of_log(self) -> list[tuple[str, Decimal]]:
        """Return the fills of the account in ETH as the log has them, repeats included."""
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            events = [one.event for one in read(connection, kinds={"FillRecorded"})]
        fills = [event for event in events if isinstance(event, FillRecorded)]
        ours = [one for one in fills if (one.account, one.instrument) == (MAIN, INSTRUMENTS[MAIN][SYMBOL])]
        return [(one.trade_id, one.quantity if one.side == "buy" else -one.quantity) for one in ours]

    def restart_venue(self) -> None:
        """Kill the venue and start it again; then the accounts are read anew."""
        with self._connecting(MAIN, COIN):
            self.world.kill()
            self.world.start()

    def kill_postgresql(self) -> None:
        """Kill PostgreSQL as a power cut would; it comes back by itself."""
        os.kill(int(next((self.folder / "postgres").rglob("postmaster.pid")).read_text().split()[0]), signal.SIGKILL)

    def valkey(self) -> redis.Redis:
        """Return a client of the broker."""
        return redis.Redis.from_url(settings.REDIS_URL)

    def valkey_pid(self) -> int:
        """Return the broker's process."""
        return int(self.valkey().info("server")["process_id"])

    def marks(self, root: str) -> list[dict[str, Any]]:
        """Return what a venue (fapi or dapi) says of mark and index prices."""
        with contextlib.closing(self._get(f"/{root}/v1/premiumIndex")) as answer:
            return list(json.load(answer))

    def _get(self, path: str) -> Any:
        return urllib.request.urlopen(f"{self.world.url}{path}", timeout=30)

    def _sql(self, statement: str, *given: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(conninfo(), autocommit=True) as connection:
            cursor = connection.execute(statement, given)
            return cursor.fetchall() if cursor.description else []
