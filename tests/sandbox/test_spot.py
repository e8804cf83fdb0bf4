"""Binance's spot market in the sandbox: through unmodified ccxt and ccxt.pro, by hand, and through our own feed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import pytest

from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.feeds.binance.protocol import SPOT
from marketdata.feeds.binance.specifications import specify
from marketdata.feeds.binance.spot import SpotMarket
from marketdata.feeds.public.connection import Connection
from tests.sandbox.running import Sandbox

WAIT_S = 90.0
CAPTURE = Path(__file__).resolve().parents[3] / "shared" / "data" / "market" / "spot_ethusdt_20240808.gz"
SYMBOLS = ["ETH/USDT", "STETH/ETH"]
OURS = ["ETH-USDT-SPOT", "stETH-ETH-SPOT"]


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves the spot market."""
    running = Sandbox(tmp_path_factory.mktemp("spot"), "--hand-every", "0", "--mint-every", "0", "--binance-spot")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
async def exchange(spot: Sandbox) -> AsyncIterator[Any]:
    """Unmodified ccxt.pro; only URLs are overridden."""
    import ccxt.pro

    urls = {"public": f"{spot.url}/api/v3", "ws": {"spot": f"ws://127.0.0.1:{spot.port}/streams/spot/ws"}}
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False, "defaultType": "spot"}
    found = ccxt.pro.binance({"urls": {"api": urls}, "options": options, "enableRateLimit": False})
    yield found
    await found.close()


def refusal(spot: Sandbox, path: str, **headers: str) -> tuple[int, int]:
    """Return the status and the code that a request is refused with."""
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{spot.url}{path}", headers=headers), timeout=30)
    return refused.value.code, json.load(refused.value)["code"]


class TestThroughCcxt:
    async def test_it_loads_the_pairs_with_their_steps(self, exchange: Any) -> None:
        markets = await exchange.load_markets()
        found = {
            name: (one["spot"], one["active"], one["precision"]["price"], one["precision"]["amount"])
            for name, one in markets.items()
        }
        assert found == {"ETH/USDT": (True, True, 0.01, 0.0001), "STETH/ETH": (True, True, 0.00001, 0.0001)}

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_it_reads_time_book_tickers_and_trades(self, exchange: Any, symbol: str) -> None:
        await exchange.load_markets()
        assert await exchange.fetch_time() > 1_700_000_000_000
        book = await exchange.fetch_order_book(symbol, 100)
        assert len(book["bids"]) == len(book["asks"]) == 100
        assert book["bids"][0][0] < book["asks"][0][0]
        ticker = await exchange.fetch_ticker(symbol)
        assert ticker["bid"] == pytest.approx(book["bids"][0][0], rel=0.02)
        async with asyncio.timeout(WAIT_S):
            await exchange.watch_trades(symbol)  # the tape begins with the sandbox
        trades = await exchange.fetch_trades(symbol)
        assert trades[-1]["price"] == pytest.approx(ticker["last"], rel=0.02)

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_it_watches_book_trades_and_touch(self, exchange: Any, symbol: str) -> None:
        await exchange.load_markets()
        async with asyncio.timeout(WAIT_S):
            for _ in range(5):
                book = await exchange.watch_order_book(symbol)
                assert book["bids"][0][0] < book["asks"][0][0]
            trades = await exchange.watch_trades(symbol)
            touch = await exchange.watch_bids_asks([symbol])
        assert trades[-1]["side"] in ("buy", "sell")
        assert touch[symbol]["bid"] == pytest.approx(book["bids"][0][0], rel=0.02)


class TestByHand:
    def test_staked_ether_stands_where_the_pool_does(self, spot: Sandbox) -> None:
        row = spot.get("/api/v3/ticker/bookTicker?symbol=STETHETH")
        middle = (float(row["bidPrice"]) + float(row["askPrice"])) / 2
        assert 0.998 < middle < 1.0
        assert float(row["askPrice"]) / float(row["bidPrice"]) - 1 < 0.0005

    async def test_each_change_begins_right_after_the_one_before(self, spot: Sandbox) -> None:
        url = f"ws://127.0.0.1:{spot.port}/streams/spot/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_json({"method": "SUBSCRIBE", "params": ["ethusdt@depth@100ms"], "id": 1})
            assert await socket.receive_json(timeout=WAIT_S) == {"result": None, "id": 1}
            last = (await socket.receive_json(timeout=WAIT_S))["u"]
            for _ in range(20):
                change = await socket.receive_json(timeout=WAIT_S)
                assert set(change) == {"e", "E", "s", "U", "u", "b", "a"}
                assert change["U"] == last + 1
                last = change["u"]

    async def test_it_lists_and_ends_subscriptions(self, spot: Sandbox) -> None:
        url = f"ws://127.0.0.1:{spot.port}/streams/spot/stream?streams=stetheth@bookTicker/ethusdt@aggTrade"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            first = await socket.receive_json(timeout=WAIT_S)
            assert first["stream"] in ("stetheth@bookTicker", "ethusdt@aggTrade")
            await socket.send_json({"method": "UNSUBSCRIBE", "params": ["ethusdt@aggTrade"], "id": 2})
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
            answers: dict[int, Any] = {}
            async with asyncio.timeout(WAIT_S):
                while len(answers) < 2:
                    message = await socket.receive_json()
                    if "id" in message:
                        answers[message["id"]] = message["result"]
            assert answers == {2: None, 3: ["stetheth@bookTicker"]}

    @pytest.mark.parametrize(
        ("path", "refused"),
        [
            ("/api/v3/depth?symbol=NOPE", (400, -1121)),
            ("/api/v3/depth", (400, -1102)),
            ("/api/v3/depth?symbol=ETHUSDT&limit=x", (400, -1130)),
            ("/api/v3/exchangeInfo?symbol=NOPE", (400, -1121)),
            ("/api/v3/exchangeInfo?symbols=ETHUSDT", (400, -1100)),
            ("/api/v3/premiumIndex", (404, -5000)),
            ("/api/v3/account?timestamp=1&signature=0", (401, -2014)),
        ],
    )
    def test_it_refuses_as_the_venue_does(self, spot: Sandbox, path: str, refused: tuple[int, int]) -> None:
        assert refusal(spot, path) == refused

    def test_a_key_of_another_market_is_none_here(self, spot: Sandbox) -> None:
        keys = json.loads((spot.folder / "credentials.json").read_text())
        key = keys["binance-usdm:main"]["api_key"]
        assert refusal(spot, "/api/v3/account?timestamp=1&signature=0", **{"X-MBX-APIKEY": key}) == (401, -2015)
        assert "binance-spot:main" not in keys

    def test_weights_are_told_and_a_limit_is_drilled(self, spot: Sandbox) -> None:
        with urlopen(f"{spot.url}/api/v3/depth?symbol=ETHUSDT&limit=1000", timeout=30) as answer:
            assert int(answer.headers["X-MBX-USED-WEIGHT-1M"]) >= 50
        spot.control("faults", kind="too_many", venue="binance-spot", path="depth", retry_after_s=600)
        assert refusal(spot, "/api/v3/depth?symbol=ETHUSDT") == (429, -1003)
        assert refusal(spot, "/api/v3/depth?symbol=ETHUSDT") == (418, -1003)
        spot.control("faults/clear", venue="binance-spot")
        assert spot.get("/api/v3/ping") == {}

    def test_what_only_accounts_have_cannot_be_armed(self, spot: Sandbox) -> None:
        assert "error" in spot.control("faults", kind="drop_fill", venue="binance-spot")
        assert "which pays none" in spot.control("funding", venue="binance-spot")["error"]


def test_a_replay_plays_the_recorded_book_of_a_pair(tmp_path: Path) -> None:
    if not CAPTURE.exists():
        pytest.skip("the recorded captures ../shared/data/market are not here")
    replay = tmp_path / "captures"
    replay.mkdir()
    for name in (CAPTURE.name, "usdm_ethusdt_20240808.gz"):
        (replay / name).symlink_to(CAPTURE.parent / name)
    running = Sandbox(tmp_path, "--hand-every", "0", "--mint-every", "0", "--binance-spot", "--replay", str(replay))
    try:
        found = running.get("/control/state")["venues"]["binance-spot"]["markets"]
        assert [(name, one["source"]) for name, one in found.items()] == [
            ("ETHUSDT", "recording"),
            ("STETHETH", "model"),
        ]
        assert 2_600 < float(found["ETHUSDT"]["bid"]) < float(found["ETHUSDT"]["ask"]) < 2_800
        began, deadline = found["ETHUSDT"]["update_id"], time.monotonic() + WAIT_S
        while not (
            running.get("/api/v3/trades?symbol=ETHUSDT")
            and running.get("/api/v3/depth?symbol=ETHUSDT&limit=5")["lastUpdateId"] > began
        ):
            assert time.monotonic() < deadline, "a recorded trade and a recorded change expected"
            time.sleep(0.1)
    finally:
        assert running.stop() == 0, running.log.read_text()
    assert "refused" not in running.log.read_text()


class TestOurFeed:
    async def test_it_follows_every_book_and_notices_and_heals_a_gap(self, spot: Sandbox) -> None:
        sockets = f"ws://127.0.0.1:{spot.port}/streams/spot"
        venue = Venue(name="binance-spot", protocol="binance-spot", rest_url=spot.url, ws_url=sockets)
        async with aiohttp.ClientSession() as session:
            specified = await specify(session, venue, OURS)
        pairs = tuple(specified(symbols=OURS, assets={"ETH", "USDT", "stETH"}))
        market = SpotMarket("binance-spot", pairs)
        connection = Connection(venue, pairs, market, SPOT)
        running = asyncio.create_task(connection.run())
        try:
            await _until(lambda: connection.is_up and market.stale(0, {}) == "", running)
            await _until(lambda: len({(one.subject, one.kind) for one in market.marks()}) == 4, running)
            assert market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}
            await asyncio.to_thread(
                spot.control, "faults", kind="skip_sequence", venue="binance-spot", symbol="ETHUSDT", times=2
            )
            await _until(lambda: market.counters["gaps"] > 0, running)
            await _until(lambda: market.counters["resyncs"] > 0 and market.stale(0, {}) == "", running)
            assert market.counters["refused"] == 0
            assert connection.requests is not None
        finally:
            await end({running})


async def _until(holds: Any, running: asyncio.Task[None]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():
            if running.done():
                running.result()
            await asyncio.sleep(0.05)
