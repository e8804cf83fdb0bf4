"""Bybit's public feed over real sockets, against a venue that does what each test wants."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from hedgeapp.ending import end
from marketdata.feeds.bybit.market import Market
from marketdata.feeds.bybit.protocol import BYBIT
from marketdata.feeds.public.protocol import Patience, Ping
from tests.builders.bybit import INVERSE, LINEAR, book, snapshot, ticker
from tests.builders.feeds import Running, running

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


@asynccontextmanager
async def served(
    *, ping_s: float = 20.0, answer: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Served, Running]]:
    """Serve a venue and run a connection to it."""
    venue, instruments = Served(), (LINEAR, INVERSE)
    venue.answer = answer or venue.answer
    protocol = replace(BYBIT, ping=Ping(text='{"op":"ping"}', every_s=ping_s))
    market = Market("bybit", instruments)
    async with running(venue.stream, "/v5/public/{kind}", market, instruments, protocol, IMPATIENT) as found:
        yield venue, found


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
