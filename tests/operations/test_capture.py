"""What was captured is played again by the sandbox, and both make the same book of it."""

import asyncio
import gzip
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import WSMsgType, web
from django.core.management import CommandError, call_command

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from marketdata.feeds.binance.market import Market
from marketdata.feeds.binance.protocol import COINM, USDM
from marketdata.feeds.bybit.protocol import BYBIT
from marketdata.feeds.deribit.protocol import DERIBIT
from marketdata.feeds.okx.protocol import OKX
from marketdata.feeds.public.capture import CaptureFailed, capture
from marketdata.feeds.public.connection import Connection
from marketdata.feeds.public.market import Market as PublicMarket
from marketdata.feeds.public.protocol import Patience, PublicProtocol
from sandbox.reference import exchange_keys
from sandbox.replay import read
from sandbox.world import Settings, World
from tests.builders import bybit, deribit, okx
from tests.builders.feeds import Running
from tests.operations.test_binance_feed import ETH_INVERSE, ETH_LINEAR, venue_of
from tests.sandbox.running import Sandbox, free_port

LEVELS = 20
WAIT_S = 60.0


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("sandbox"), "--hand-every", "0")
    yield running
    running.stop()


def decoded(path: Path, instrument: Instrument) -> Market:
    """Return our market after all frames of a capture."""
    market = Market(instrument.venue, [instrument])
    with gzip.open(path, "rb") as file:
        for line in file:
            time_ns, _, frame = line.partition(b" ")
            received_ms = int(time_ns) // 1_000_000
            if b'"lastUpdateId"' in frame[:40]:
                assert market.load(instrument.venue_symbol, frame, received_ms) is None
                continue
            wrapped: dict[str, Any] = msgspec.json.decode(frame)
            if "@trade" not in wrapped["stream"]:
                market.receive(msgspec.json.encode(wrapped["data"]), received_ms)
    return market


@pytest.mark.parametrize(
    ("instrument", "protocol"), [(ETH_LINEAR, USDM), (ETH_INVERSE, COINM)], ids=lambda one: getattr(one, "venue", "")
)
async def test_what_was_captured_is_replayed_to_the_same_book(
    sandbox: Sandbox, tmp_path: Path, instrument: Instrument, protocol: PublicProtocol
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    path = folder / "capture.gz"
    tape = await capture(venue_of(sandbox.port, instrument.venue), instrument, protocol, path, seconds=2)
    assert [one.name for one in folder.iterdir()] == ["capture.gz"]
    ours = decoded(path, instrument)
    book = ours.books[instrument.venue_symbol]
    assert book.is_running
    assert (ours.counters["gaps"], ours.counters["refused"]) == (0, 0)
    assert tape.frames > 20

    found = read(path)
    assert (found.venue, found.symbol) == (instrument.venue, instrument.venue_symbol)
    (tmp_path / "world").mkdir()
    settings = Settings(folder=tmp_path / "world", replay=folder, hand_every_s=0)
    world = World(settings, exchange_keys(tmp_path / "world"), dict)
    assert world.reel is not None
    (player,) = world.reel.players
    player.play(found.end_ns, lambda at_ms: at_ms)
    spec, sides = player.market.spec, (player.market.book.bids, player.market.book.asks)
    played = [
        [(float(spec.price_text(ticks)), float(spec.quantity_text(steps))) for ticks, steps in side.top(LEVELS)]
        for side in sides
    ]
    world.ledger.close()
    assert played == [list(book.bids.top(LEVELS)), list(book.asks.top(LEVELS))]
    assert len(played[0]) == LEVELS


SERVED = {
    "bybit-linear": (bybit.LINEAR, BYBIT),
    "bybit-inverse": (bybit.INVERSE, BYBIT),
    "okx-linear": (okx.LINEAR, OKX),
    "okx-inverse": (okx.INVERSE, OKX),
    "deribit-eth": (deribit.ETH, DERIBIT),
    "deribit-btc": (deribit.BTC, DERIBIT),
}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with all the venues that it serves where they are asked for."""
    running = Sandbox(tmp_path_factory.mktemp("others"), "--hand-every", "0", "--bybit", "--okx", "--deribit")
    yield running
    running.stop()


def followed(path: Path, instrument: Instrument, protocol: PublicProtocol) -> PublicMarket:
    """Return our market after all frames of a capture whose book begins in its stream."""
    market = protocol.market(instrument.venue, [instrument])
    with gzip.open(path, "rb") as file:
        for line in file:
            time_ns, _, frame = line.rstrip().partition(b" ")
            market.receive(frame, int(time_ns) // 1_000_000)
    return market


@pytest.mark.parametrize(("instrument", "protocol"), SERVED.values(), ids=SERVED.keys())
async def test_what_was_captured_of_another_venue_is_played_to_the_same_book_and_trades(
    others: Sandbox, tmp_path: Path, instrument: Instrument, protocol: PublicProtocol
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    path = folder / "capture.gz"
    ws_url = others.url.replace("http", "ws")
    venue = Venue(name=instrument.venue, protocol=instrument.venue, rest_url=others.url, ws_url=ws_url)
    await capture(venue, instrument, protocol, path, seconds=3)
    ours = followed(path, instrument, protocol)
    book = ours.books[instrument.venue_symbol]
    assert book.is_running
    assert (ours.counters["gaps"], ours.counters["refused"]) == (0, 0)

    found = read(path)
    assert (found.venue, found.symbol) == (instrument.venue, instrument.venue_symbol)
    place = tmp_path / "world"
    place.mkdir()
    settings = Settings(folder=place, replay=folder, hand_every_s=0, bybit=True, okx=True, deribit=True)
    world = World(settings, exchange_keys(place, settings.offered), dict)
    assert world.reel is not None
    (player,) = world.reel.players
    printed = len(player.market.trades)
    player.play(found.end_ns, lambda at_ms: at_ms)
    market = player.market
    played = [
        [(float(market.spec.price(ticks)), float(market.spec.quantity(steps))) for ticks, steps in side.top(LEVELS)]
        for side in (market.book.bids, market.book.asks)
    ]
    batch = ours.roll.taken("feed", "run")
    told = [(one.price, one.quantity) for one in batch.trades] if batch else []
    trades = [(float(market.spec.price(one.ticks)), float(market.spec.quantity(one.steps))) for one in market.trades]
    world.ledger.close()
    assert played == [list(book.bids.top(LEVELS)), list(book.asks.top(LEVELS))]
    assert len(played[0]) == len(played[1]) > 0
    # Those from before the book are not played.
    assert trades[printed:] == told[len(told) - len(trades[printed:]) :]


async def test_a_book_of_another_venue_chains_through_the_loops_of_its_recording(
    others: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    venue = Venue(name="bybit", protocol="bybit", rest_url=others.url, ws_url=others.url.replace("http", "ws"))
    await capture(venue, bybit.LINEAR, BYBIT, folder / "capture.gz", seconds=2)
    (tmp_path / "again").mkdir()
    sandbox = Sandbox(tmp_path / "again", "--hand-every", "0", "--bybit", "--replay", str(folder), "--speed", "4")
    try:
        place = Venue(name="bybit", protocol="bybit", rest_url=sandbox.url, ws_url=sandbox.url.replace("http", "ws"))
        market = BYBIT.market("bybit", [bybit.LINEAR])
        running = Running(Connection(place, (bybit.LINEAR,), market, BYBIT, Patience()), market)
        try:
            await running.until(running.runs)
            before = (await asyncio.to_thread(sandbox.get, "/control/state"))["loops"]
            async with asyncio.timeout(WAIT_S):
                while (state := await asyncio.to_thread(sandbox.get, "/control/state"))["loops"] < before + 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            assert state["venues"]["bybit"]["markets"]["ETHUSDT"]["source"] == "recording"
            assert (market.counters["gaps"], market.counters["refused"], market.counters["resyncs"]) == (0, 0, 0)
            assert market.books["ETHUSDT"].is_running
        finally:
            await running.end()
    finally:
        sandbox.stop()


async def test_a_venue_that_falls_silent_leaves_no_file(tmp_path: Path) -> None:
    async def silent(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('{"stream":"ethusdt@trade","data":{}}')
        await socket.close()
        async for message in socket:
            assert message.type == WSMsgType.CLOSE
        return socket

    app, port = web.Application(), free_port()
    app.router.add_get("/{path:.*}", silent)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        with pytest.raises(CaptureFailed, match=r"expected frames, found the socket closed|expected a book"):
            await capture(venue_of(port), ETH_LINEAR, USDM, tmp_path / "capture.gz", seconds=5)
    finally:
        await runner.cleanup()
    assert os.listdir(tmp_path) == []


@pytest.mark.django_db
def test_a_feed_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="expected one of"):
        call_command("capture", "feed:nowhere", "--seconds=1", f"--to={tmp_path / 'x.gz'}", stdout=StringIO())
