"""Bybit's public feed over real sockets, against a venue that does what each test wants."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.feeds.bybit.market import Market
from marketdata.feeds.bybit.protocol import BYBIT
from marketdata.feeds.public.connection import Connection, ConnectionIsLost
from marketdata.feeds.public.protocol import Patience, Ping
from tests.builders.bybit import INVERSE, LINEAR, book, snapshot, ticker
from tests.sandbox.running import free_port

WAIT_S = 30.0
IMPATIENT = Patience(silence_s_max=1.0, dial_s_max=2.0, answer_s_max=0.5, snapshot_pause_s=0.2)
DELTA_S = 0.02
SYMBOLS = {"linear": "ETHUSDT", "inverse": "ETHUSD"}


class Served:
    """A venue that streams one delta after another on each socket, with faults at will."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.skips = 0  # how many of the next deltas are lost
        self.is_silent = False
        self.answer: dict[str, Any] = {"success": True}

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Answer requests and, once subscribed, send a snapshot and what follows on it."""
        symbol = SYMBOLS[request.match_info["kind"]]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sending: set[asyncio.Task[None]] = set()
        try:
            async for message in socket:
                assert message.type == WSMsgType.TEXT
                said = msgspec.json.decode(message.data, type=dict[str, Any])
                self.requests.append(said)
                await socket.send_json({"ret_msg": "", "conn_id": "c", "op": said["op"]} | self.answer)
                if said["op"] != "ping":
                    await end(sending)
                    sending.clear()
                if said["op"] == "subscribe":
                    sending.add(asyncio.create_task(self._send(socket, symbol)))
        finally:
            await end(sending)
        return socket

    async def _send(self, socket: web.WebSocketResponse, symbol: str) -> None:
        update = 100
        await self._say(socket, snapshot(update, symbol=symbol))
        await self._say(socket, ticker(symbol=symbol))
        while True:
            await asyncio.sleep(DELTA_S)
            update += 1
            if self.skips:
                self.skips -= 1
            elif not self.is_silent:
                await self._say(socket, book(update, symbol=symbol))

    async def _say(self, socket: web.WebSocketResponse, row: dict[str, Any]) -> None:
        await socket.send_json(row | {"ts": time.time_ns() // 1_000_000})


class Running:
    """A connection to a served venue while it runs."""

    def __init__(self, venue: Venue, ping_s: float) -> None:
        instruments = (LINEAR, INVERSE)
        self.market = Market(venue.name, instruments)
        protocol = replace(BYBIT, ping=Ping(text='{"op":"ping"}', every_s=ping_s))
        self.connection = Connection(venue, instruments, self.market, protocol, IMPATIENT)
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
            try:
                await self.task
            except ConnectionIsLost as lost:
                return str(lost)
        raise AssertionError("the connection ended by itself")

    def runs(self) -> bool:
        """Tell whether everything has begun on both sockets."""
        return self.connection.is_up and not self.market.wanted()


@asynccontextmanager
async def served(
    *, ping_s: float = 20.0, answer: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Served, Running]]:
    """Serve a venue and run a connection to it."""
    venue, port = Served(), free_port()
    venue.answer = answer or venue.answer
    app = web.Application()
    app.add_routes([web.get("/v5/public/{kind}", venue.stream)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    root = Venue(name="bybit", protocol="bybit", rest_url="http://127.0.0.1:1", ws_url=f"ws://127.0.0.1:{port}")
    found = Running(root, ping_s)
    try:
        yield venue, found
    finally:
        await end([found.task])
        await runner.cleanup()


async def test_linear_and_inverse_books_and_marks_come_by_a_socket_each() -> None:
    async with served() as (_, feed):
        await feed.until(feed.runs)
        await feed.until(lambda: all((each.last_id or 0) > 105 for each in feed.market.books.values()))
        kinds = {(mark.subject, mark.kind) for mark in feed.market.marks()}
        expected = {"mark", "index", "bid", "ask", "funding_rate", "funding_at"}
        assert kinds == {(one.id, kind) for one in (LINEAR, INVERSE) for kind in expected}
        assert feed.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}


async def test_a_gap_is_healed_by_subscribing_again_on_the_same_socket() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        venue.skips = 1
        await feed.until(lambda: feed.market.counters["gaps"] >= 1)
        await feed.until(lambda: feed.market.counters["resyncs"] >= 1 and feed.runs())
        assert not feed.task.done()
        assert [said["op"] for said in venue.requests[:4]] == ["subscribe", "subscribe", "unsubscribe", "subscribe"]


async def test_the_venue_hears_the_ping_that_it_asks_for() -> None:
    async with served(ping_s=0.2) as (venue, feed):
        await feed.until(lambda: sum(said["op"] == "ping" for said in venue.requests) >= 4)
        assert feed.market.counters["refused"] == 0


async def test_a_socket_that_falls_silent_is_given_up_with_its_books() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        venue.is_silent = True
        assert "expected a message within 1 s, found silence" in await feed.lost()
        assert feed.market.wanted() == ["ETHUSDT", "ETHUSD"]


async def test_a_refused_subscription_is_said_in_the_venues_words() -> None:
    async with served(answer={"success": False, "ret_msg": "error:handler not found"}) as (_, feed):
        assert "expected a subscription, found refused: error:handler not found" in await feed.lost()
