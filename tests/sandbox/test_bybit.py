"""Bybit's public protocol in the sandbox: through unmodified ccxt and ccxt.pro, by hand, and through our own feed."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest

from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.feeds.bybit.market import Market
from marketdata.feeds.bybit.protocol import BYBIT
from marketdata.feeds.public.connection import Connection
from marketdata.feeds.public.protocol import Patience
from tests.builders.bybit import INVERSE, LINEAR
from tests.sandbox.running import Sandbox

WAIT_S = 60.0
SYMBOLS = ["ETH/USDT:USDT", "BTC/USDT:USDT", "ETH/USD:ETH", "BTC/USD:BTC"]


@pytest.fixture(scope="module")
def bybit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves Bybit."""
    running = Sandbox(tmp_path_factory.mktemp("bybit"), "--hand-every", "0", "--mint-every", "0", "--bybit")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
async def exchange(bybit: Sandbox) -> AsyncIterator[Any]:
    """Unmodified ccxt.pro; only URLs are overridden."""
    import ccxt.pro

    sockets = f"ws://127.0.0.1:{bybit.port}/v5/public"
    urls = {"public": bybit.url, "ws": {"public": {kind: f"{sockets}/{kind}" for kind in ("linear", "inverse")}}}
    found = ccxt.pro.bybit({"urls": {"api": urls}, "enableRateLimit": False})
    yield found
    await found.close()


class TestThroughCcxt:
    async def test_it_loads_the_contracts_with_their_sizes_and_steps(self, exchange: Any) -> None:
        markets = await exchange.load_markets()
        assert sorted(markets) == sorted(SYMBOLS)
        found = {
            name: (each["linear"], each["contractSize"], each["precision"]["price"], each["precision"]["amount"])
            for name, each in markets.items()
        }
        assert found == {
            "ETH/USDT:USDT": (True, 1.0, 0.01, 0.01),
            "BTC/USDT:USDT": (True, 1.0, 0.1, 0.001),
            "ETH/USD:ETH": (False, 1.0, 0.01, 1.0),
            "BTC/USD:BTC": (False, 1.0, 0.1, 1.0),
        }

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_it_reads_time_book_ticker_trades_and_tiers(self, exchange: Any, symbol: str) -> None:
        await exchange.load_markets()
        book = await exchange.fetch_order_book(symbol, 50)
        assert len(book["bids"]) == len(book["asks"]) == 50
        assert book["bids"][0][0] < book["asks"][0][0]
        funding = await exchange.fetch_funding_rate(symbol)
        assert funding["markPrice"] == pytest.approx(book["bids"][0][0], rel=0.05)
        assert funding["fundingTimestamp"] > await exchange.fetch_time()
        tiers = await exchange.fetch_market_leverage_tiers(symbol)
        assert len(tiers) >= 10
        assert tiers[0]["maintenanceMarginRate"] in (0.004, 0.005)

    async def test_it_watches_book_trades_and_ticker(self, exchange: Any) -> None:
        await exchange.load_markets()
        for symbol in ("ETH/USDT:USDT", "ETH/USD:ETH"):
            async with asyncio.timeout(WAIT_S):
                for _ in range(5):
                    book = await exchange.watch_order_book(symbol, 50)
                    assert book["bids"][0][0] < book["asks"][0][0]
                trades = await exchange.watch_trades(symbol)
                ticker = await exchange.watch_ticker(symbol)
            assert trades[-1]["side"] in ("buy", "sell")
            assert trades[-1]["price"] == pytest.approx(ticker["markPrice"], rel=0.05)

    async def test_it_reads_the_funding_that_was_paid(self, exchange: Any, bybit: Sandbox) -> None:
        await exchange.load_markets()
        await asyncio.to_thread(bybit.control, "funding", venue="bybit", symbol="ETHUSDT")
        rows = await exchange.fetch_funding_rate_history("ETH/USDT:USDT")
        assert rows[-1]["timestamp"] > await exchange.fetch_time() - 60_000
        assert all(abs(row["fundingRate"]) < 0.0075 for row in rows)


class TestByHand:
    async def test_update_ids_follow_on_each_other_and_the_book_stays_fifty_deep(self, bybit: Sandbox) -> None:
        url = f"ws://127.0.0.1:{bybit.port}/v5/public/linear"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_json({"op": "subscribe", "args": ["orderbook.50.ETHUSDT"], "req_id": "1"})
            answer = await socket.receive_json(timeout=WAIT_S)
            assert (answer["success"], answer["op"], answer["req_id"]) == (True, "subscribe", "1")
            first = await socket.receive_json(timeout=WAIT_S)
            assert first["type"] == "snapshot"
            bids, last = dict(first["data"]["b"]), first["data"]["u"]
            for _ in range(20):
                delta = await socket.receive_json(timeout=WAIT_S)
                assert (delta["type"], delta["data"]["u"]) == ("delta", last + 1)
                last = delta["data"]["u"]
                bids = {price: size for price, size in {**bids, **dict(delta["data"]["b"])}.items() if float(size)}
                assert len(bids) == 50

    @pytest.mark.parametrize(
        ("request_", "message"),
        [
            ({"op": "ping"}, "pong"),
            ({"op": "subscribe", "args": ["orderbook.50.ETHUSD"]}, "error:handler not found,topic:orderbook.50.ETHUSD"),
            ({"op": "subscribe", "args": ["orderbook.7.ETHUSDT"]}, "error:handler not found,topic:orderbook.7.ETHUSDT"),
            ({"op": "subscribe", "args": "all"}, "Params Error"),
            ({"op": "order.create"}, "error:handler not found,op:order.create"),
            ([], "Params Error"),
        ],
    )
    async def test_requests_on_a_socket_are_answered_as_the_venue_does(
        self, bybit: Sandbox, request_: Any, message: str
    ) -> None:
        url = f"ws://127.0.0.1:{bybit.port}/v5/public/linear"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_json(request_)
            answer = await socket.receive_json(timeout=WAIT_S)
            assert (answer["success"], answer["ret_msg"]) == (message == "pong", message)

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("tickers", "params error: Category is invalid"),
            ("orderbook?category=linear", "params error: symbol is required"),
            ("orderbook?category=linear&symbol=ETHUSD", "params error: Symbol Invalid"),
            ("orderbook?category=linear&symbol=ETHUSDT&limit=x", "params error: limit is invalid"),
            ("funding/history?category=linear&symbol=ETHUSDT&startTime=1", "params error: startTime without endTime"),
        ],
    )
    def test_a_wrong_parameter_is_refused_with_status_200_and_code_10001(
        self, bybit: Sandbox, path: str, message: str
    ) -> None:
        answer = bybit.get(f"/v5/market/{path}")
        assert (answer["retCode"], answer["retMsg"]) == (10001, message)

    def test_each_answer_says_how_many_requests_are_left(self, bybit: Sandbox) -> None:
        with urlopen(f"{bybit.url}/v5/market/time", timeout=WAIT_S) as answer:
            headers, body = answer.headers, json.load(answer)
        assert body["result"]["timeNano"].startswith(body["result"]["timeSecond"])
        assert 0 < int(headers["X-Bapi-Limit-Status"]) < int(headers["X-Bapi-Limit"]) == 600
        assert int(headers["X-Bapi-Limit-Reset-Timestamp"]) > body["time"]


class Feed:
    """Our own connection to the sandbox's Bybit."""

    def __init__(self, port: int) -> None:
        venue = Venue(name="bybit", protocol="bybit", rest_url="http://h", ws_url=f"ws://127.0.0.1:{port}")
        instruments = (LINEAR, INVERSE)
        self.market = Market("bybit", instruments)
        patience = Patience(silence_s_max=1.5, snapshot_pause_s=0.3)
        self.connection = Connection(venue, instruments, self.market, BYBIT, patience)
        self.task = asyncio.create_task(self.connection.run())

    async def until(self, holds: Any) -> None:
        """Wait until something holds; fail with the connection's own error when it is lost first."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    def runs(self) -> bool:
        """Tell whether everything has begun."""
        return self.connection.is_up and not self.market.wanted()


@pytest.fixture
async def feed(bybit: Sandbox) -> AsyncIterator[Feed]:
    """Our feed, running."""
    found = Feed(bybit.port)
    await found.until(found.runs)
    yield found
    await end([found.task])


class TestThroughOurFeed:
    async def test_marks_books_and_trades_come_without_a_fault(self, feed: Feed) -> None:
        await feed.until(lambda: feed.market.roll.offered > 3 and feed.market.message_count > 100)
        assert len({(mark.subject, mark.kind) for mark in feed.market.marks()}) == 12
        assert feed.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}
        assert len(feed.market.books["ETHUSDT"].bids.top()) == 50

    async def test_a_gap_is_healed_on_the_same_connection(self, feed: Feed, bybit: Sandbox) -> None:
        await asyncio.to_thread(bybit.control, "skip-depth", venue="bybit", symbol="ETHUSDT", count=1)
        await feed.until(lambda: feed.market.counters["gaps"] == 1)
        await feed.until(lambda: feed.market.counters["resyncs"] >= 1 and feed.runs())
        assert not feed.task.done()

    @pytest.mark.parametrize("kind", ["depth", "markPrice", "trade"])
    async def test_a_malformed_frame_is_refused_and_the_feed_lives(self, feed: Feed, bybit: Sandbox, kind: str) -> None:
        await asyncio.to_thread(bybit.control, "malformed", venue="bybit", symbol="ETHUSDT", kind=kind)
        await feed.until(lambda: feed.market.counters["refused"] == 1)
        assert feed.market.quarantine[0].fault.kind == "malformed"
        count = feed.market.message_count
        await feed.until(lambda: feed.market.message_count > count + 20 and feed.runs())

    async def test_a_venue_that_goes_silent_or_down_is_noticed(self, feed: Feed, bybit: Sandbox) -> None:
        await asyncio.to_thread(bybit.control, "silence", venue="bybit", on=True)
        try:
            done, _ = await asyncio.wait([feed.task], timeout=WAIT_S)
            assert "found silence" in str(feed.task.exception())
            assert done
        finally:
            await asyncio.to_thread(bybit.control, "silence", venue="bybit", on=False)
        refused = await asyncio.to_thread(bybit.control, "faults", venue="bybit", kind="reject", code=-2019)
        assert "expected a code of 110007" in str(refused)
