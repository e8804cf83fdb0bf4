"""What Binance's feed does where the venue answers otherwise than it should."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import WSMsgType, web

from hedgeapp.core.reference import Venue
from tests.operations.test_binance_feed import ETH_LINEAR, running, venue_of
from tests.sandbox.running import free_port


class OddVenue:
    """A venue that streams one delta after another, and answers as a test wants."""

    def __init__(self, *, answer: str, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.answer, self.status, self.body, self.headers = answer, status, body, headers
        self.snapshots_asked = self.interests_asked = 0
        self.interest = ""

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Answer the subscription or not, then send deltas."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert (await socket.receive()).type == WSMsgType.TEXT
        if self.answer:
            await socket.send_str(self.answer)
        number = 1
        with contextlib.suppress(ConnectionError):
            while not socket.closed:
                now_ms = time.time_ns() // 1_000_000
                head = f'{{"e":"depthUpdate","E":{now_ms},"T":{now_ms},"s":"ETHUSDT",'
                await socket.send_str(f'{head}"U":{number},"u":{number},"pu":{number - 1},"b":[],"a":[]}}')
                number += 1
                await asyncio.sleep(0.01)
        return socket

    async def depth(self, _: web.Request) -> web.Response:
        """Answer as told."""
        self.snapshots_asked += 1
        return web.Response(status=self.status, body=self.body, headers=self.headers)

    async def open_interest(self, _: web.Request) -> web.Response:
        """Tell what a test wants, as of now; as `depth` without anything to tell."""
        self.interests_asked += 1
        if not self.interest:
            return web.Response(status=self.status, body=self.body, headers=self.headers)
        told = {"symbol": "ETHUSDT", "openInterest": self.interest, "time": time.time_ns() // 1_000_000}
        return web.json_response(told)


@asynccontextmanager
async def odd_venue(
    *,
    answer: str = '{"result":null,"id":1}',
    status: int = 200,
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
) -> AsyncIterator[tuple[OddVenue, Venue]]:
    """Serve an odd venue."""
    odd, port = OddVenue(answer=answer, status=status, body=body, headers=headers or {}), free_port()
    app = web.Application()
    app.add_routes([web.get("/public/ws", odd.stream), web.get("/market/ws", odd.stream)])
    app.add_routes([web.get("/fapi/v1/depth", odd.depth)])
    app.add_routes([web.get("/fapi/v1/openInterest", odd.open_interest)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        root = f"127.0.0.1:{port}"
        yield odd, replace(venue_of(port), rest_url=f"http://{root}", ws_url=f"ws://{root}")
    finally:
        await runner.cleanup()


async def test_a_refused_subscription_is_said_in_the_venues_words() -> None:
    refusal = '{"error":{"code":2,"msg":"Invalid request: too many streams"},"id":1}'
    async with odd_venue(answer=refusal) as (_, venue), running(venue, ETH_LINEAR) as feed:
        assert "expected a subscription, found refused: Invalid request: too many streams" in await feed.lost()


async def test_a_subscription_without_an_answer_is_given_up() -> None:
    async with odd_venue(answer="") as (_, venue), running(venue, ETH_LINEAR) as feed:
        assert "expected an answer within 0.5 s, found none" in await feed.lost()


async def test_a_venue_that_asks_for_patience_is_left_alone() -> None:
    async with odd_venue(status=429, headers={"Retry-After": "60"}) as (odd, venue), running(venue, ETH_LINEAR) as feed:
        await feed.until(lambda: feed.connection.snapshot_error)
        assert "expected a book, found HTTP 429" in feed.connection.snapshot_error
        count = feed.market.message_count
        await feed.until(lambda: feed.market.message_count > count + 100)
        assert odd.snapshots_asked == 1
        assert odd.interests_asked <= 1


async def test_an_open_interest_that_the_venue_no_longer_tells_is_not_known() -> None:
    async with odd_venue() as (odd, venue), running(venue, ETH_LINEAR) as feed:
        odd.interest = "68744.760"
        await feed.until(lambda: feed.market.open_interest("ETHUSDT") == 68_744.76)
        odd.interest = ""
        await feed.until(lambda: feed.market.open_interest("ETHUSDT") is None)


async def test_a_snapshot_that_is_none_is_refused_and_asked_for_again() -> None:
    async with odd_venue(body=b"<html>maintenance</html>") as (odd, venue), running(venue, ETH_LINEAR) as feed:
        await feed.until(lambda: odd.snapshots_asked > 1)
        assert b"<html>maintenance</html>" in {refused.raw for refused in feed.market.quarantine}
        assert "a snapshot of a book expected" in feed.connection.snapshot_error
