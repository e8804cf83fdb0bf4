"""Deribit's public feed over real sockets, against a venue that does what each test wants."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from hedgeapp.ending import end
from marketdata.feeds.deribit.market import Market
from marketdata.feeds.deribit.protocol import DERIBIT
from marketdata.feeds.public.protocol import Patience
from tests.builders.deribit import BTC, ETH, book, snapshot, ticker
from tests.builders.feeds import Running, running

IMPATIENT = Patience(silence_s_max=1.0, dial_s_max=2.0, answer_s_max=5.0, snapshot_pause_s=0.2)
CHANGE_S = 0.02


class Served:
    """A venue that streams one change after another of each book that is asked for, with faults at will."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.skips = 0  # how many of the next changes are lost
        self.is_silent = False
        self.asks_us = False  # whether the venue asks now and then if we are there
        self.refusals: dict[str, dict[str, Any]] = {}  # what is said instead of a result, by method
        self.left_out: set[str] = set()  # channels that nobody gets

    def methods(self) -> list[str]:
        """List the methods that were asked for."""
        return [said["method"] for said in self.requests]

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Answer requests, and send each book that is subscribed to from its snapshot on."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        sending: dict[str, asyncio.Task[None]] = {}
        try:
            async for message in socket:
                assert message.type == WSMsgType.TEXT
                said = msgspec.json.decode(message.data, type=dict[str, Any])
                self.requests.append(said)
                channels = [each for each in said["params"].get("channels", []) if each not in self.left_out]
                answer = self.refusals.get(said["method"]) or {"result": channels or "ok"}
                await socket.send_json({"jsonrpc": "2.0", "id": said["id"]} | answer)
                for symbol in (each.split(".")[1] for each in channels if each.startswith("book.")):
                    await end([sending.pop(symbol)] if symbol in sending else [])
                    if said["method"] == "public/subscribe":
                        sending[symbol] = asyncio.create_task(self._send(socket, symbol))
        finally:
            await end(sending.values())
        return socket

    async def _send(self, socket: web.WebSocketResponse, symbol: str) -> None:
        change = 100
        sides = {"bids": [["new", 2681.5, 10.0]], "asks": [["new", 2682.0, 10.0]]}
        await self._say(socket, snapshot(change, symbol=symbol, **sides))
        await self._say(socket, ticker(symbol=symbol))
        while True:
            await asyncio.sleep(CHANGE_S)
            change += 1
            if self.asks_us and not self.is_silent:
                await socket.send_json({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}})
            if self.skips:
                self.skips -= 1
            elif not self.is_silent:
                await self._say(socket, book(change, symbol=symbol, bids=[["new", 2681.0, 10.0]]))

    async def _say(self, socket: web.WebSocketResponse, row: dict[str, Any]) -> None:
        row["params"]["data"]["timestamp"] = time.time_ns() // 1_000_000
        await socket.send_json(row)


@asynccontextmanager
async def served(**given: Any) -> AsyncIterator[tuple[Served, Running]]:
    """Serve a venue with what is given of its faults, and run a connection to it."""
    venue, instruments = Served(), (ETH, BTC)
    for name, value in given.items():
        setattr(venue, name, value)
    market = Market("deribit", instruments)
    async with running(venue.stream, "/ws/api/v2", market, instruments, DERIBIT, IMPATIENT) as found:
        yield venue, found


async def test_books_and_marks_of_all_contracts_come_by_one_socket_that_asked_for_heartbeats_first() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        await feed.until(lambda: all((each.last_id or 0) > 105 for each in feed.market.books.values()))
        kinds = {(mark.subject, mark.kind) for mark in feed.market.marks()}
        assert kinds == {
            (one.id, kind) for one in (ETH, BTC) for kind in ("mark", "index", "bid", "ask", "funding_rate")
        }
        assert feed.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}
        assert venue.methods()[:2] == ["public/set_heartbeat", "public/subscribe"]


async def test_a_gap_is_healed_by_subscribing_to_that_book_again_on_the_same_socket() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        venue.skips = 1
        await feed.until(lambda: feed.market.counters["gaps"] >= 1)
        await feed.until(lambda: feed.market.counters["resyncs"] >= 1 and feed.runs())
        assert not feed.task.done()
        again = venue.requests[2:4]
        assert [said["method"] for said in again] == ["public/unsubscribe", "public/subscribe"]
        assert {len(said["params"]["channels"]) for said in again} == {1}


async def test_the_venue_is_told_that_we_are_there_when_it_asks() -> None:
    async with served(asks_us=True) as (venue, feed):
        await feed.until(lambda: venue.methods().count("public/test") >= 4)
        await feed.until(feed.runs)
        assert feed.market.counters["refused"] == 0


async def test_a_socket_that_falls_silent_is_given_up_with_its_books() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        venue.is_silent = True
        assert "expected a message within 1 s, found silence" in await feed.lost()
        assert feed.market.wanted() == ["ETH-PERPETUAL", "BTC-PERPETUAL"]


async def test_a_refused_subscription_is_said_with_its_code_and_in_the_venues_words() -> None:
    error = {"error": {"code": 10028, "message": "too_many_requests"}}
    async with served(refusals={"public/subscribe": error}) as (_, feed):
        assert "expected a subscription, found refused: 10028 too_many_requests" in await feed.lost()


async def test_a_book_that_may_not_be_asked_for_again_ends_the_connection() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        venue.refusals = {"public/unsubscribe": {"error": {"code": 10028, "message": "too_many_requests"}}}
        venue.skips = 1
        assert "10028 too_many_requests" in await feed.lost()


async def test_a_channel_that_the_venue_leaves_out_is_missed() -> None:
    async with served(left_out={"ticker.BTC-PERPETUAL.100ms"}) as (_, feed):
        assert "found refused: without ticker.BTC-PERPETUAL.100ms" in await feed.lost()
