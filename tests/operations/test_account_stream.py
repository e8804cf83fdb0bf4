"""A private stream that breaks says so, however it breaks."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from hedgeapp.core.reference import Venue
from marketdata.feeds.ccxt import stream as streams
from marketdata.feeds.ccxt.protocol import Door
from marketdata.feeds.ccxt.protocols import PROTOCOLS
from marketdata.feeds.ccxt.stream import FrameIsUnreadable, Stream, StreamBroke
from marketdata.queries.credentials import Keys
from marketdata.venues import Client

WAIT_S = 60.0
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@contextlib.asynccontextmanager
async def opened(talk: Talk, *, autoping: bool = True, wall: Callable[[], float] = time.time) -> AsyncIterator[Stream]:
    """Open a stream on a server that says what the test wants."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        found = web.WebSocketResponse(autoping=autoping)
        await found.prepare(request)
        await talk(found)
        return found

    app = web.Application()
    app.add_routes([web.get("/private/ws", handle)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    root = f"127.0.0.1:{port}"
    venue = Venue(name="binance-usdm", protocol="binance-usdm", rest_url=f"http://{root}", ws_url=f"ws://{root}")
    client = Client(venue, Keys(api_key="a", secret="b"))
    stream = Stream(client, PROTOCOLS[venue.protocol], Door(url=f"ws://{root}/private/ws?listenKey=hunter2"), wall)
    try:
        await stream.open()
        yield stream
    finally:
        await client.close()
        await runner.cleanup()


async def until_broken(stream: Stream) -> tuple[list[object], str]:
    """Return what a stream brought before it broke, and why it broke."""
    heard: list[object] = []
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                heard += await stream.batch()
            except StreamBroke as broke:
                return heard, str(broke)


async def silent(found: web.WebSocketResponse) -> None:
    async for _ in found:
        pass


async def test_messages_come_in_order_and_none_is_left_out() -> None:
    async def talk(found: web.WebSocketResponse) -> None:
        for number in range(3000):
            await found.send_json({"e": "TEST", "number": number})

    async with opened(talk) as stream:
        heard, why = await until_broken(stream)
    assert [message["number"] for message in heard] == list(range(3000))  # type: ignore[index]
    assert "ended" in why


@pytest.mark.parametrize("text", ['{"e": "ACCOUNT_UPDATE", ', "not JSON at all", "[1, 2]", '{"e": \udcff}'])
async def test_a_malformed_message_ends_the_stream_at_once(text: str) -> None:
    async def talk(found: web.WebSocketResponse) -> None:
        await found.send_json({"e": "TEST"})
        await found.send_frame(text.encode(errors="surrogateescape"), web.WSMsgType.TEXT)
        await silent(found)

    async with opened(talk) as stream:
        heard, why = await until_broken(stream)
    assert heard == [{"e": "TEST"}]
    assert "expected on the private stream" in why or "ended" in why


async def test_a_socket_that_answers_no_ping_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SILENCE_S_MAX", 1.5)
    async with opened(silent, autoping=False) as stream:
        _, why = await until_broken(stream)
    assert "an answer to pings within 1.5 s expected" in why


async def test_a_clock_of_ours_that_was_set_ends_the_stream_so_that_the_venues_is_asked_again() -> None:
    jumps = iter([0.0, 0.0])
    async with opened(silent, wall=lambda: time.monotonic() + next(jumps, -300.0)) as stream:
        _, why = await until_broken(stream)
    assert "found ours -300.0 s off at once" in why


async def test_what_cannot_be_read_is_handed_over_with_its_bytes() -> None:
    async def talk(found: web.WebSocketResponse) -> None:
        await found.send_str('{"e": "TEST", "n": 1.10}')
        await found.send_str("not JSON at all")
        await silent(found)

    async with opened(talk) as stream:
        heard, _ = await until_broken(stream)
        assert heard == [{"e": "TEST", "n": 1.1}]
        with pytest.raises(FrameIsUnreadable) as broke:
            await stream.batch()
    assert broke.value.raw == b"not JSON at all"


async def test_a_stream_that_falls_behind_ends_instead_of_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MESSAGES_MAX", 10)

    async def talk(found: web.WebSocketResponse) -> None:
        for _ in range(100):
            await found.send_json({"e": "TEST"})
        await silent(found)

    async with opened(talk) as stream:
        async with asyncio.timeout(WAIT_S):
            while stream._fault is None:  # noqa: ASYNC110 - nobody reads meanwhile
                await asyncio.sleep(0.02)
        heard, why = await until_broken(stream)
    assert len(heard) == 10
    assert "at most 10 waiting messages expected" in why


async def test_a_venue_that_cannot_be_reached_is_said_without_the_listen_key() -> None:
    async with opened(silent) as stream:
        venue = stream.client.venue
    client = Client(venue, Keys(api_key="a", secret="b"))
    try:
        stream = Stream(client, PROTOCOLS[venue.protocol], Door(url=f"{venue.ws_url}/private/ws?listenKey=hunter2"))
        with pytest.raises(StreamBroke) as broke:
            await stream.open()
    finally:
        await client.close()
    assert "hunter2" not in str(broke.value)
