"""OKX's public protocol in the sandbox: through unmodified ccxt and ccxt.pro, by hand, and through our own feed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.feeds.okx.market import Market
from marketdata.feeds.okx.protocol import OKX
from marketdata.feeds.public.connection import Connection
from marketdata.feeds.public.protocol import Patience
from sandbox.okx.limits import REQUESTS_MAX, WINDOW_MS, Requests
from tests.builders.okx import INVERSE, LINEAR
from tests.sandbox.running import Sandbox

WAIT_S = 60.0
SYMBOLS = ["ETH/USDT:USDT", "BTC/USDT:USDT", "ETH/USD:ETH", "BTC/USD:BTC"]


@pytest.fixture(scope="module")
def okx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves OKX."""
    running = Sandbox(tmp_path_factory.mktemp("okx"), "--hand-every", "0", "--mint-every", "0", "--okx")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture(scope="module")
def markets(okx: Sandbox) -> dict[str, Any]:
    """What ccxt makes of the contracts, asked for once: the venue refuses who asks too often."""

    async def loaded() -> dict[str, Any]:
        exchange = _ccxt(okx)
        try:
            return dict(await exchange.load_markets())
        finally:
            await exchange.close()

    return asyncio.run(loaded())


@pytest.fixture
async def exchange(okx: Sandbox, markets: dict[str, Any]) -> AsyncIterator[Any]:
    """Unmodified ccxt.pro that knows the contracts."""
    found = _ccxt(okx)
    found.set_markets(markets)
    yield found
    await found.close()


def _ccxt(okx: Sandbox) -> Any:
    """Return unmodified ccxt.pro; only URLs are overridden."""
    import ccxt.pro

    urls = {"rest": okx.url, "ws": f"ws://127.0.0.1:{okx.port}/ws/v5"}
    return ccxt.pro.okx({"urls": {"api": urls}})


class TestThroughCcxt:
    def test_it_loads_the_contracts_with_their_sizes_and_steps(self, markets: dict[str, Any]) -> None:
        assert sorted(markets) == sorted(SYMBOLS)
        found = {
            name: (each["linear"], each["contractSize"], each["precision"]["price"], each["precision"]["amount"])
            for name, each in markets.items()
        }
        assert found == {
            "ETH/USDT:USDT": (True, 0.1, 0.01, 0.01),
            "BTC/USDT:USDT": (True, 0.01, 0.1, 0.01),
            "ETH/USD:ETH": (False, 10.0, 0.01, 1.0),
            "BTC/USD:BTC": (False, 100.0, 0.1, 1.0),
        }

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_it_reads_time_book_ticker_trades_and_tiers(self, exchange: Any, symbol: str) -> None:
        book = await exchange.fetch_order_book(symbol, 50)
        assert len(book["bids"]) == len(book["asks"]) == 50
        assert book["bids"][0][0] < book["asks"][0][0]
        ticker = await exchange.fetch_ticker(symbol)
        mark = await exchange.fetch_mark_price(symbol)
        assert ticker["bid"] == pytest.approx(mark["markPrice"], rel=0.05)
        funding = await exchange.fetch_funding_rate(symbol)
        assert abs(funding["fundingRate"]) < 0.0075
        assert funding["fundingTimestamp"] > await exchange.fetch_time()
        interest = await exchange.fetch_open_interest(symbol)
        contracts, coins = interest["openInterestAmount"], float(interest["info"]["oiCcy"])
        units = contracts * exchange.market(symbol)["contractSize"]
        each = mark["markPrice"] if symbol in ("ETH/USD:ETH", "BTC/USD:BTC") else 1.0
        assert coins == pytest.approx(units / each, rel=0.05)
        tiers = await exchange.fetch_market_leverage_tiers(symbol)
        assert len(tiers) >= 10
        assert tiers[0]["maxNotional"] == tiers[1]["minNotional"] > 0

    async def test_it_watches_book_trades_ticker_mark_and_funding(self, exchange: Any) -> None:
        for symbol in ("ETH/USDT:USDT", "ETH/USD:ETH"):
            async with asyncio.timeout(WAIT_S):
                for _ in range(5):
                    book = await exchange.watch_order_book(symbol)
                    assert book["bids"][0][0] < book["asks"][0][0]
                trades = await exchange.watch_trades(symbol)
                ticker = await exchange.watch_ticker(symbol)
                mark = await exchange.watch_mark_price(symbol)
                funding = await exchange.watch_funding_rate(symbol)
            assert trades[-1]["side"] in ("buy", "sell")
            assert trades[-1]["price"] == pytest.approx(ticker["last"], rel=0.05)
            assert mark["markPrice"] == pytest.approx(ticker["last"], rel=0.05)
            assert abs(funding["fundingRate"]) < 0.0075

    async def test_it_reads_the_funding_that_was_paid(self, exchange: Any, okx: Sandbox) -> None:
        await asyncio.to_thread(okx.control, "funding", venue="okx", symbol="ETH-USDT-SWAP")
        rows = await exchange.fetch_funding_rate_history("ETH/USDT:USDT")
        assert rows[-1]["timestamp"] > await exchange.fetch_time() - 60_000
        assert all(abs(row["fundingRate"]) < 0.0075 for row in rows)

    async def test_an_unknown_contract_is_a_bad_symbol(self, exchange: Any) -> None:
        import ccxt

        with pytest.raises(ccxt.BadSymbol):
            await exchange.public_get_market_ticker({"instId": "XRP-USDT-SWAP"})


class TestByHand:
    async def test_open_interest_is_told_at_once_and_goes_on(self, okx: Sandbox) -> None:
        argument = {"channel": "open-interest", "instId": "ETH-USDT-SWAP"}
        async with aiohttp.ClientSession() as session, session.ws_connect(_socket(okx)) as socket:
            await socket.send_json({"op": "subscribe", "args": [argument]})
            assert (await socket.receive_json(timeout=WAIT_S))["event"] == "subscribe"
            first, next_ = [(await socket.receive_json(timeout=WAIT_S))["data"][0] for _ in range(2)]
        assert float(first["oiCcy"]) == pytest.approx(float(first["oi"]) / 10)
        assert int(next_["ts"]) > int(first["ts"])

    async def test_changes_name_the_id_before_and_the_book_stays_whole(self, okx: Sandbox) -> None:
        argument = {"channel": "books", "instId": "ETH-USDT-SWAP"}
        async with aiohttp.ClientSession() as session, session.ws_connect(_socket(okx)) as socket:
            await socket.send_json({"op": "subscribe", "args": [argument]})
            answer = await socket.receive_json(timeout=WAIT_S)
            assert (answer["event"], answer["arg"]) == ("subscribe", argument)
            first = await socket.receive_json(timeout=WAIT_S)
            data = first["data"][0]
            assert (first["action"], first["arg"], data["prevSeqId"]) == ("snapshot", argument, -1)
            bids = {level[0]: level[1] for level in data["bids"]}
            depth, last = len(bids), data["seqId"]
            assert 50 <= depth <= 400
            for _ in range(10):
                change = await socket.receive_json(timeout=WAIT_S)
                data = change["data"][0]
                assert (change["action"], data["prevSeqId"], data["checksum"]) == ("update", last, 0)
                assert data["seqId"] > last
                last = data["seqId"]
                bids |= {level[0]: level[1] for level in data["bids"]}
                bids = {price: size for price, size in bids.items() if float(size)}
                assert len(bids) <= 400
            await socket.send_json({"op": "unsubscribe", "args": [argument]})
            while (said := await socket.receive_json(timeout=WAIT_S)).get("event") != "unsubscribe":
                assert said["arg"] == argument

    async def test_a_ping_is_answered_in_plain_text(self, okx: Sandbox) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(_socket(okx)) as socket:
            await socket.send_str("ping")
            assert await socket.receive_str(timeout=WAIT_S) == "pong"

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"op": "subscribe", "args": [{"channel": "books", "instId": "XRP-USDT-SWAP"}]}, "60018"),
            ({"op": "subscribe", "args": [{"channel": "mark-price", "instId": "ETH-USDT"}]}, "60018"),
            ({"op": "subscribe", "args": [{"channel": "index-tickers", "instId": "ETH-USDT-SWAP"}]}, "60018"),
            ({"op": "subscribe", "args": [{"channel": "liquidation-orders", "instId": "ETH-USDT-SWAP"}]}, "60018"),
            ({"op": "subscribe", "args": [{"channel": "books-l2-tbt", "instId": "ETH-USDT-SWAP"}]}, "60011"),
            ({"op": "subscribe", "args": ["books"]}, "60012"),
            ({"op": "subscribe", "args": []}, "60012"),
            ({"op": "order"}, "60012"),
            ([], "60012"),
        ],
    )
    async def test_requests_on_a_socket_are_refused_as_the_venue_does(
        self, okx: Sandbox, request_: Any, code: str
    ) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(_socket(okx)) as socket:
            await socket.send_json(request_)
            answer = await socket.receive_json(timeout=WAIT_S)
            assert (answer["event"], answer["code"]) == ("error", code)

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("market/ticker", 400, "50014"),
            ("public/instruments?instType=swap", 400, "51000"),
            ("market/books?instId=ETH-USDT-SWAP&sz=x", 400, "51000"),
            ("public/position-tiers?instType=SWAP&tdMode=cross&instFamily=XRP-USDT", 400, "51000"),
            ("market/ticker?instId=ETHUSDT", 200, "51001"),
            ("market/nothing", 404, "404"),
        ],
    )
    async def test_a_wrong_request_is_refused_with_its_code(
        self, okx: Sandbox, path: str, status: int, code: str
    ) -> None:
        async with aiohttp.ClientSession() as session, session.get(f"{okx.url}/api/v5/{path}") as answer:
            assert (answer.status, (await answer.json())["code"]) == (status, code)

    def test_who_asks_too_often_is_refused_until_the_window_ends(self) -> None:
        requests = Requests()
        assert all(requests.count("a", "market/books", 0) for _ in range(REQUESTS_MAX))
        assert not requests.count("a", "market/books", WINDOW_MS - 1)
        assert requests.count("a", "market/trades", WINDOW_MS - 1)
        assert requests.count("b", "market/books", WINDOW_MS - 1)
        assert requests.count("a", "market/books", WINDOW_MS)


def _socket(okx: Sandbox) -> str:
    return f"ws://127.0.0.1:{okx.port}/ws/v5/public"


class Feed:
    """Our own connection to the sandbox's OKX."""

    def __init__(self, port: int) -> None:
        venue = Venue(name="okx", protocol="okx", rest_url="http://h", ws_url=f"ws://127.0.0.1:{port}")
        instruments = (LINEAR, INVERSE)
        self.market = Market("okx", instruments)
        self.connection = Connection(venue, instruments, self.market, OKX, Patience(snapshot_pause_s=0.3))
        self.task = asyncio.create_task(self.connection.run())

    async def until(self, holds: Any) -> None:
        """Wait until something holds; fail with the connection's own error when it is lost first."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    def runs(self) -> bool:
        """Tell whether every book has begun."""
        return self.connection.is_up and not self.market.wanted()


@pytest.fixture
async def feed(okx: Sandbox) -> AsyncIterator[Feed]:
    """Our feed, running."""
    found = Feed(okx.port)
    await found.until(found.runs)
    yield found
    await end([found.task])


class TestThroughOurFeed:
    async def test_marks_books_and_trades_come_without_a_fault(self, feed: Feed) -> None:
        await feed.until(lambda: feed.market.roll.offered > 3 and feed.market.message_count > 60)
        assert len({(mark.subject, mark.kind) for mark in feed.market.marks()}) == 12
        assert feed.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}

    async def test_a_gap_is_healed_on_the_same_connection(self, feed: Feed, okx: Sandbox) -> None:
        await asyncio.to_thread(okx.control, "skip-depth", venue="okx", symbol="ETH-USDT-SWAP", count=1)
        await feed.until(lambda: feed.market.counters["gaps"] == 1)
        await feed.until(lambda: feed.market.counters["resyncs"] >= 1 and feed.runs())
        assert not feed.task.done()

    @pytest.mark.parametrize("kind", ["depth", "markPrice", "trade"])
    async def test_a_malformed_frame_is_refused_and_the_feed_lives(self, feed: Feed, okx: Sandbox, kind: str) -> None:
        await asyncio.to_thread(okx.control, "malformed", venue="okx", symbol="ETH-USDT-SWAP", kind=kind)
        await feed.until(lambda: feed.market.counters["refused"] >= 1)
        assert {refused.fault.kind for refused in feed.market.quarantine} == {"malformed"}
        count = feed.market.message_count
        await feed.until(lambda: feed.market.message_count > count + 20 and feed.runs())

    async def test_a_venue_that_is_cut_off_is_noticed(self, feed: Feed, okx: Sandbox) -> None:
        await asyncio.to_thread(okx.control, "down", venue="okx", down=True)
        try:
            done, _ = await asyncio.wait([feed.task], timeout=WAIT_S)
            assert done
            assert "found the socket closed" in str(feed.task.exception())
        finally:
            await asyncio.to_thread(okx.control, "down", venue="okx", down=False)
