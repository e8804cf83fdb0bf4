"""Binance's public feed over real sockets: against the sandbox's exchanges, and against venues that misbehave."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis.asyncio
from aiohttp.abc import AbstractResolver, ResolveResult
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Account, Asset, Venue
from hedgeapp.database import conninfo
from hedgeapp.ending import end
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.read import read
from hedgeapp.services import Lease, Service
from marketdata.board import Board
from marketdata.core.board import FeedHealth
from marketdata.feeds.binance.market import Market
from marketdata.feeds.binance.protocol import COINM, USDM
from marketdata.feeds.public import service
from marketdata.feeds.public.connection import Connection, ConnectionIsLost
from marketdata.feeds.public.protocol import Patience
from marketdata.operations.changes import change
from tests.sandbox.running import Sandbox, free_port

WAIT_S = 60.0
IMPATIENT = Patience(
    ping_s=0.4, silence_s_max=1.5, dial_s_max=2.0, answer_s_max=0.5, snapshot_pause_s=0.1, interest_s=0.1
)
ETH_LINEAR = Instrument(
    id="binance-usdm:ETH-USDT-PERP",
    venue="binance-usdm",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal(1),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.001"),
)
ETH_INVERSE = replace(
    ETH_LINEAR,
    id="binance-coinm:ETH-USD-PERP",
    venue="binance-coinm",
    symbol="ETH-USD-PERP",
    venue_symbol="ETHUSD_PERP",
    kind="inverse",
    quote="USD",
    settlement="ETH",
    contract_size=Decimal(10),
    step_size=Decimal(1),
)
KINDS = {"mark", "index", "bid", "ask", "funding_rate", "funding_at"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the tests that leave it as it was."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox"), "--hand-every", "0")
    yield running
    running.stop()


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that the test may stop in the middle."""
    running = Sandbox(tmp_path, "--hand-every", "0")
    yield running
    running.process.kill()
    running.process.wait(WAIT_S)


def venue_of(port: int, name: str = "binance-usdm") -> Venue:
    """Return a venue of the sandbox on a port."""
    door = "usdm" if name == "binance-usdm" else "coinm"
    return Venue(name=name, protocol=name, rest_url=f"http://127.0.0.1:{port}", ws_url=f"ws://127.0.0.1:{port}/{door}")


class Running:
    """A connection while it runs, and its market."""

    def __init__(
        self,
        venue: Venue,
        *instruments: Instrument,
        patience: Patience = IMPATIENT,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.market = Market(venue.name, instruments)
        self.connection = Connection(
            venue, instruments, self.market, COINM if venue.protocol == "binance-coinm" else USDM, patience, wall
        )
        self.task = asyncio.create_task(self.connection.run())

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds; fail with the connection's own error when it is lost first."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    async def lost(self) -> str:
        """Wait until the connection is lost; return why."""
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(ConnectionIsLost) as caught:
                await self.task
        return str(caught.value)

    def books_run(self) -> bool:
        """Tell whether all books run."""
        return all(book.is_running for book in self.market.books.values())


@asynccontextmanager
async def running(venue: Venue, *instruments: Instrument, patience: Patience = IMPATIENT) -> AsyncIterator[Running]:
    """Run a connection for as long as the block lasts."""
    found = Running(venue, *instruments, patience=patience)
    try:
        yield found
    finally:
        await end([found.task])


async def act(sandbox: Sandbox, name: str, **given: Any) -> Any:
    """Do a drill on the control page."""
    return await asyncio.to_thread(sandbox.control, name, **given)


@pytest.mark.parametrize("instrument", [ETH_LINEAR, ETH_INVERSE], ids=lambda one: one.venue)
async def test_every_mark_and_a_running_book_come_from_each_venue(sandbox: Sandbox, instrument: Instrument) -> None:
    async with running(venue_of(sandbox.port, instrument.venue), instrument) as feed:
        await feed.until(lambda: {mark.kind for mark in feed.market.marks()} == KINDS and feed.books_run())
        value = {mark.kind: mark.value for mark in feed.market.marks()}
        (book,) = feed.market.books.values()
        assert value["bid"] < value["ask"]
        assert abs(value["mark"] / value["index"] - 1) < Decimal("0.05")
        assert len(book.bids.top()) > 50
        assert feed.connection.is_up
        await feed.until(lambda: feed.market.open_interest(instrument.venue_symbol))
        assert feed.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}


@pytest.mark.parametrize("jumped_s", [-300.0, 300.0])
async def test_a_clock_of_ours_that_was_set_ends_the_connection_with_all_its_times(
    sandbox: Sandbox, jumped_s: float
) -> None:
    moved_s = 0.0
    feed = Running(venue_of(sandbox.port), ETH_LINEAR, wall=lambda: time.monotonic() + moved_s)
    try:
        await feed.until(feed.books_run)
        moved_s = jumped_s
        assert f"found ours {jumped_s:+.1f} s off at once" in await feed.lost()
    finally:
        await end([feed.task])


async def test_a_gap_is_healed_by_a_new_snapshot_on_the_same_connection(sandbox: Sandbox) -> None:
    async with running(venue_of(sandbox.port), ETH_LINEAR) as feed:
        await feed.until(feed.books_run)
        await act(sandbox, "skip-depth", venue="binance-usdm", symbol="ETHUSDT", count=1)
        await feed.until(lambda: feed.market.counters["gaps"] == 1)
        await feed.until(lambda: feed.market.counters["resyncs"] >= 1 and feed.books_run())
        assert not feed.task.done()


@pytest.mark.parametrize("kind", ["depth", "bookTicker", "markPrice", "aggTrade"])
async def test_a_malformed_frame_is_refused_and_the_feed_lives(sandbox: Sandbox, kind: str) -> None:
    async with running(venue_of(sandbox.port), ETH_LINEAR) as feed:
        await feed.until(feed.books_run)
        await act(sandbox, "malformed", venue="binance-usdm", symbol="ETHUSDT", kind=kind)
        await feed.until(lambda: feed.market.counters["refused"] == 1)
        (refused,) = feed.market.quarantine
        assert refused.raw
        assert refused.fault.kind == "malformed"
        count = feed.market.message_count
        await feed.until(lambda: feed.market.message_count > count + 20 and feed.books_run())


async def test_a_dropped_connection_wipes_the_books(sandbox: Sandbox) -> None:
    async with running(venue_of(sandbox.port), ETH_LINEAR) as feed:
        await feed.until(feed.books_run)
        await act(sandbox, "drop", venue="binance-usdm")
        assert "found the socket closed" in await feed.lost()
        assert not feed.books_run()
        assert feed.market.books["ETHUSDT"].bids.top() == []


async def test_a_silent_socket_is_given_up(sandbox: Sandbox) -> None:
    async with running(venue_of(sandbox.port), ETH_LINEAR) as feed:
        await feed.until(feed.books_run)
        await act(sandbox, "silence", venue="binance-usdm", on=True)
        try:
            assert await feed.lost() in {
                f"ws://127.0.0.1:{sandbox.port}/usdm/{door}/ws: expected a message within 1.5 s, found silence"
                for door in ("public", "market")
            }
        finally:
            await act(sandbox, "silence", venue="binance-usdm", on=False)


async def test_a_half_open_socket_is_found(own_sandbox: Sandbox) -> None:
    patience = replace(IMPATIENT, silence_s_max=WAIT_S)
    async with running(venue_of(own_sandbox.port), ETH_LINEAR, patience=patience) as feed:
        await feed.until(feed.books_run)
        own_sandbox.process.send_signal(signal.SIGSTOP)
        assert "found the socket closed" in await feed.lost()


async def test_a_venue_that_is_down_is_said_in_a_sentence(sandbox: Sandbox) -> None:
    await act(sandbox, "down", venue="binance-usdm", down=True)
    try:
        async with running(venue_of(sandbox.port), ETH_LINEAR) as feed:
            assert (await feed.lost()).startswith("binance-usdm: expected a connection, found ")
    finally:
        await act(sandbox, "down", venue="binance-usdm", down=False)


async def test_a_wrong_url_is_said_in_a_sentence() -> None:
    async with running(venue_of(free_port()), ETH_LINEAR) as feed:
        why = await feed.lost()
        assert why.startswith("binance-usdm: expected a connection, found ClientConnectorError: ")
        assert "Connect call failed" in why


async def test_without_snapshots_quotes_go_on_and_the_reason_is_said(sandbox: Sandbox) -> None:
    venue = replace(venue_of(sandbox.port), rest_url=f"http://127.0.0.1:{free_port()}")
    async with running(venue, ETH_LINEAR) as feed:
        await feed.until(lambda: feed.connection.snapshot_error)
        assert "/fapi/v1/depth: expected a book, found ClientConnectorError" in feed.connection.snapshot_error
        count = feed.market.message_count
        await feed.until(lambda: feed.market.message_count > count + 20)
        assert {"bid", "ask"} <= {mark.kind for mark in feed.market.marks()}
        assert not feed.books_run()


async def emptied() -> None:
    """Make the board lose its memory."""
    async with redis.asyncio.from_url(settings.REDIS_URL) as client:
        await client.flushall()


async def introduced(*rows: Asset | Venue | Account | Instrument) -> None:
    """Put rows into the reference data."""
    for row in rows:
        await sync_to_async(change)(row, by="test", reason="test", at=datetime.now(UTC))


class Serving:
    """The service under a lease that was really taken, and what it leaves on the board and in the log."""

    def __init__(self, board: Board, task: "asyncio.Task[None]") -> None:
        self.board, self.task = board, task

    async def until(self, holds: Callable[[FeedHealth | None, list[Mark]], Any]) -> None:
        """Wait until health and marks are as expected."""
        async with asyncio.timeout(WAIT_S):
            while True:
                health = next(iter(await self.board.read_health()), None)
                if holds(health, await self.board.read()):
                    return
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.05)


def _states() -> list[tuple[str, str]]:
    with psycopg.connect(conninfo()) as connection:
        events = [recorded.event for recorded in read(connection, kinds={"FeedStateChanged"})]
    return [(event.state, event.reason) for event in events if isinstance(event, FeedStateChanged)]


@asynccontextmanager
async def serving(venue: Venue, *rows: Account | Instrument) -> AsyncIterator[Serving]:
    """Run the service of a venue, with nothing on the board before."""
    name = f"feed:{venue.name}"
    board = Board.from_settings()
    await emptied()
    assets = [Asset(symbol=one, name=one, decimals=18, underlying=one) for one in ("ETH", "BTC", "USDT")]
    await introduced(*assets, venue, *rows)
    async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True) as connection:
        epoch = await epochs.take(connection, name, "test")
        assert epoch
        lease = Lease(Service(name=name, runner="tests"), epoch)
        task = asyncio.create_task(service.run(lease))
        try:
            yield Serving(board, task)
        finally:
            await end([task])
            await lease.in_database(connections.close_all)
            lease.close()
            await sync_to_async(connections.close_all)()
            await board.close()


@pytest.mark.usefixtures("log_url")
class TestTheService:
    """As a host runs it: under a lease, with the real board and log."""

    async def test_its_marks_and_its_health_reach_the_board_and_a_lost_board_again(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ETH_LINEAR) as feed:
            await feed.until(lambda health, marks: {mark.kind for mark in marks} == KINDS and health)
            await feed.until(lambda health, _: health and health.is_connected and health.messages_per_s > 1)
            await emptied()
            await feed.until(lambda health, marks: {mark.kind for mark in marks} == KINDS and health)
            assert [state for state, _ in _states()] == ["disconnected", "live"]

    async def test_its_books_next_to_their_touch_reach_the_board_again_and_again(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ETH_LINEAR) as feed:
            for _ in range(2):
                async with asyncio.timeout(WAIT_S):
                    while (depth := await feed.board.read_depth(ETH_LINEAR.id)) is None:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                assert len(depth.bids) == len(depth.asks) == 20
                assert depth.bids[0][0] < depth.asks[0][0]
                await emptied()

    async def test_a_stream_that_stops_makes_it_stale_by_name(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ETH_LINEAR) as feed:
            await feed.until(lambda health, marks: {mark.kind for mark in marks} == KINDS and health)
            await act(sandbox, "silence", venue="binance-usdm", symbol="ETHUSDT", kind="markPrice", on=True)
            try:
                await feed.until(lambda *_: any(state == "stale" for state, _ in _states()))
            finally:
                await act(sandbox, "silence", venue="binance-usdm", symbol="ETHUSDT", kind="markPrice", on=False)
            reasons = dict(_states())
            assert reasons["stale"].startswith("mark of binance-usdm:ETH-USDT-PERP is ")
            await feed.until(lambda *_: _states()[-1][0] == "live")

    async def test_a_venue_that_errs_again_and_again_is_quarantined_with_all_its_marks(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ETH_LINEAR) as feed:
            await feed.until(lambda health, marks: {mark.kind for mark in marks} == KINDS and health)
            await act(sandbox, "malformed", venue="binance-usdm", symbol="ETHUSDT", kind="markPrice", count=1)
            await feed.until(lambda health, _: health and health.counters["refused"] == 1)
            assert not any(mark.suspect for mark in await feed.board.read())
            await act(sandbox, "malformed", venue="binance-usdm", symbol="ETHUSDT", kind="markPrice", count=1_000)
            await feed.until(lambda health, marks: health and health.quarantined and all(one.suspect for one in marks))
            await feed.until(lambda *_: _states()[-1][0] == "stale" and _states()[-1][1].startswith("quarantined: "))

    async def test_a_venue_that_goes_down_and_comes_back_is_told_and_followed_again(self, sandbox: Sandbox) -> None:
        async with serving(venue_of(sandbox.port), ETH_LINEAR) as feed:
            await feed.until(lambda health, _: health and health.is_connected)
            await act(sandbox, "down", venue="binance-usdm", down=True)
            try:
                await feed.until(lambda health, _: health and not health.is_connected and health.error)
            finally:
                await act(sandbox, "down", venue="binance-usdm", down=False)
            await feed.until(lambda health, _: health and health.is_connected and health.counters["reconnects"] == 1)
            await feed.until(lambda *_: [state for state, _ in _states()][-2:] == ["disconnected", "live"])

    async def test_a_host_name_that_does_not_resolve_at_the_start_is_followed_once_it_does(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known: set[str] = set()

        class Names(AbstractResolver):
            """Name servers that know of no venue at first."""

            def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
                pass

            async def resolve(
                self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
            ) -> list[ResolveResult]:
                if host not in known:
                    raise OSError(f"no such name: {host}")
                return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

            async def close(self) -> None:
                pass

        monkeypatch.setattr("aiohttp.connector.DefaultResolver", Names)
        place = f"venue.test:{sandbox.port}"
        venue = replace(venue_of(sandbox.port), rest_url=f"http://{place}", ws_url=f"ws://{place}/usdm")
        async with serving(venue, ETH_LINEAR) as feed:
            said = "the host name venue.test does not resolve"
            await feed.until(lambda health, _: health and not health.is_connected and said in health.error)
            known.add("venue.test")
            await feed.until(
                lambda health, marks: health and health.is_connected and {one.kind for one in marks} == KINDS
            )
            await feed.until(lambda *_: [state for state, _ in _states()] == ["disconnected", "live"])

    async def test_a_venue_without_instruments_waits_for_them(self, sandbox: Sandbox) -> None:
        venue = venue_of(sandbox.port, "binance-coinm")
        async with serving(venue) as feed:
            await feed.until(lambda health, _: health and "no instruments of binance-coinm are known" in health.error)
