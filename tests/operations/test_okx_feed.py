"""OKX's public feed over real sockets, against a venue that does what each test wants."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from hedgeapp.ending import end
from marketdata.feeds.okx.market import Market
from marketdata.feeds.okx.protocol import OKX, PATH
from marketdata.feeds.public.protocol import Patience, Ping
from tests.builders.feeds import Running, running
from tests.builders.okx import INVERSE, LINEAR, book, funding, index, mark, snapshot

PATIENT = Patience(snapshot_pause_s=0.2)
DELTA_S = 0.02
UPGRADE = {"event": "notice", "code": "64008", "msg": "The connection will soon be closed for a service upgrade."}
FIRSTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "books": lambda name: snapshot(symbol=name),
    "mark-price": lambda name: mark(symbol=name),
    "index-tickers": lambda name: index(name=name),
    "funding-rate": lambda name: funding(symbol=name),
}


class Served:
    """A venue that streams one change of a book after another, with faults at will."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.pings = 0
        self.skips = 0  # how many of the next changes are lost
        self.is_silent = False
        self.refused = ""  # the channel that it does not know
        self.sockets: set[web.WebSocketResponse] = set()

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Answer requests and, once subscribed, send a first message of each channel and changes of books."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        sending: dict[str, asyncio.Task[None]] = {}
        try:
            async for message in socket:
                assert message.type == WSMsgType.TEXT
                if message.data == "ping":
                    self.pings += 1
                    if not self.is_silent:
                        await socket.send_str("pong")
                    continue
                said = msgspec.json.decode(message.data, type=dict[str, Any])
                self.requests.append(said)
                for argument in said["args"]:
                    await self._carry_out(socket, said["op"], argument, sending)
        finally:
            self.sockets.discard(socket)
            await end(sending.values())
        return socket

    async def _carry_out(
        self, socket: web.WebSocketResponse, op: str, argument: dict[str, Any], sending: dict[str, asyncio.Task[None]]
    ) -> None:
        channel, name = argument["channel"], argument.get("instId", "")
        if channel == self.refused:
            await socket.send_json({"event": "error", "code": "60018", "msg": f"channel:{channel} doesn't exist."})
            return
        await socket.send_json({"event": op, "arg": argument, "connId": "a4d3ae55"})
        if op == "unsubscribe":
            await end([sending.pop(name)])
        elif channel in FIRSTS:
            await self._say(socket, FIRSTS[channel](name))
            if channel == "books":
                sending[name] = asyncio.create_task(self._send(socket, name))

    async def _send(self, socket: web.WebSocketResponse, name: str) -> None:
        sequence = 100
        while True:
            await asyncio.sleep(DELTA_S)
            sequence += 1
            if self.skips:
                self.skips -= 1
            elif not self.is_silent:
                await self._say(socket, book(sequence, symbol=name))

    async def _say(self, socket: web.WebSocketResponse, row: dict[str, Any]) -> None:
        data = [each | {"ts": str(time.time_ns() // 1_000_000)} for each in row["data"]]
        await socket.send_json(row | {"data": data})


@asynccontextmanager
async def served(
    *, ping_s: float = 3.0, refused: str = "", patience: Patience = PATIENT
) -> AsyncIterator[tuple[Served, Running]]:
    """Serve a venue and run a connection to it."""
    venue, instruments = Served(), (LINEAR, INVERSE)
    venue.refused = refused
    protocol = replace(OKX, ping=Ping(text="ping", every_s=ping_s))
    async with running(venue.stream, PATH, Market("okx", instruments), instruments, protocol, patience) as found:
        yield venue, found


async def test_books_and_marks_of_all_contracts_come_by_one_socket() -> None:
    async with served() as (_, feed):
        await feed.until(feed.runs)
        await feed.until(lambda: all((each.last_id or 0) > 105 for each in feed.market.books.values()))
        kinds = {(mark.subject, mark.kind) for mark in feed.market.marks()}
        expected = {"mark", "index", "bid", "ask", "funding_rate", "funding_at"}
        assert kinds == {(one.id, kind) for one in (LINEAR, INVERSE) for kind in expected}
        assert feed.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}


async def test_a_gap_is_healed_by_asking_for_the_one_book_again_on_the_same_socket() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        venue.skips = 1
        await feed.until(lambda: feed.market.counters["gaps"] >= 1)
        await feed.until(lambda: feed.market.counters["resyncs"] >= 1 and feed.runs())
        assert not feed.task.done()
        assert [said["op"] for said in venue.requests[:3]] == ["subscribe", "unsubscribe", "subscribe"]
        assert [argument["channel"] for said in venue.requests[1:3] for argument in said["args"]] == ["books"] * 2


async def test_the_venue_hears_the_text_ping_that_it_asks_for() -> None:
    async with served(ping_s=0.2) as (venue, feed):
        await feed.until(lambda: venue.pings >= 3)
        assert feed.market.counters["refused"] == 0


async def test_a_socket_that_falls_silent_is_given_up_with_its_books() -> None:
    async with served(patience=replace(PATIENT, silence_s_max=3.0)) as (venue, feed):
        await feed.until(feed.runs)
        venue.is_silent = True
        assert "expected a message within 3 s, found silence" in await feed.lost()
        assert feed.market.wanted() == ["ETH-USDT-SWAP", "ETH-USD-SWAP"]


async def test_a_refused_channel_is_said_in_the_venues_words() -> None:
    async with served(refused="funding-rate") as (_, feed):
        assert "expected a subscription, found refused: 60018 channel:funding-rate doesn't exist." in await feed.lost()


async def test_a_socket_that_the_venue_will_close_is_left_at_once() -> None:
    async with served() as (venue, feed):
        await feed.until(feed.runs)
        for socket in venue.sockets:
            await socket.send_json(UPGRADE)
        assert "found a farewell: 64008 The connection will soon be closed" in await feed.lost()
        assert feed.market.wanted() == ["ETH-USDT-SWAP", "ETH-USD-SWAP"]
