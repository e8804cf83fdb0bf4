"""Deribit's public protocol in the sandbox: through unmodified ccxt and ccxt.pro, by hand, and through our own feed."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import aiohttp
import pytest

from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.feeds.deribit.market import Market
from marketdata.feeds.deribit.protocol import DERIBIT
from marketdata.feeds.public.connection import Connection
from marketdata.feeds.public.protocol import Patience
from sandbox.binance.signing import Keys
from sandbox.deribit.limits import BURST_MAX, PER_SECOND, Requests
from sandbox.deribit.refusals import Refused
from sandbox.deribit.streams import Hub
from sandbox.faults import Faults
from sandbox.sockets import Connection as Client
from tests.builders.deribit import BTC, ETH
from tests.sandbox.running import Sandbox

WAIT_S = 60.0
SYMBOLS = ["BTC/USD:BTC", "ETH/USD:ETH"]


@pytest.fixture(scope="module")
def deribit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that serves Deribit."""
    running = Sandbox(tmp_path_factory.mktemp("deribit"), "--hand-every", "0", "--mint-every", "0", "--deribit")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
async def exchange(deribit: Sandbox) -> AsyncIterator[Any]:
    """Unmodified ccxt.pro; only URLs are overridden."""
    import ccxt.pro

    urls = {"rest": deribit.url, "ws": f"ws://127.0.0.1:{deribit.port}/ws/api/v2"}
    found = ccxt.pro.deribit({"urls": {"api": urls}, "enableRateLimit": False})
    yield found
    await found.close()


class TestThroughCcxt:
    async def test_it_loads_the_contracts_with_their_sizes_and_steps(self, exchange: Any) -> None:
        markets = await exchange.load_markets()
        assert sorted(markets) == SYMBOLS
        found = {
            name: (each["inverse"], each["contractSize"], each["precision"]["price"], each["precision"]["amount"])
            for name, each in markets.items()
        }
        assert found == {"BTC/USD:BTC": (True, 10.0, 0.5, 10.0), "ETH/USD:ETH": (True, 1.0, 0.05, 1.0)}

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_it_reads_time_status_book_ticker_trades_and_funding(self, exchange: Any, symbol: str) -> None:
        market = (await exchange.load_markets())[symbol]
        book = await exchange.fetch_order_book(symbol, 50)
        assert len(book["bids"]) == len(book["asks"]) == 50
        assert book["bids"][0][0] < book["asks"][0][0]
        tick, size = market["precision"]["price"], market["contractSize"]
        for price, amount in (*book["bids"], *book["asks"]):
            assert (round(price / tick, 6) % 1, amount % size) == (0, 0)
        ticker = await exchange.fetch_ticker(symbol)
        assert ticker["markPrice"] == pytest.approx(book["bids"][0][0], rel=0.05)
        assert (await exchange.fetch_status())["status"] == "ok"
        assert await exchange.fetch_time() > 1_700_000_000_000
        assert abs((await exchange.fetch_funding_rate(symbol))["fundingRate"]) <= 0.005
        assert isinstance(await exchange.fetch_funding_rate_history(symbol), list)
        assert all(row["amount"] > 0 for row in await exchange.fetch_trades(symbol, limit=10))

    async def test_it_watches_book_trades_and_ticker(self, exchange: Any) -> None:
        await exchange.load_markets()
        for symbol in SYMBOLS:
            async with asyncio.timeout(WAIT_S):
                for _ in range(5):
                    book = await exchange.watch_order_book(symbol)
                    assert book["bids"][0][0] < book["asks"][0][0]
                trades = await exchange.watch_trades(symbol)
                ticker = await exchange.watch_ticker(symbol)
            assert trades[-1]["side"] in ("buy", "sell")
            assert trades[-1]["price"] == pytest.approx(ticker["markPrice"], rel=0.05)

    async def test_what_needs_a_key_is_refused_as_ccxt_knows_it(self, exchange: Any) -> None:
        import ccxt

        exchange.apiKey, exchange.secret = "key", "secret"
        with pytest.raises(ccxt.AuthenticationError, match="invalid_credentials"):
            await exchange.fetch_balance({"code": "BTC"})


class Talk:
    """A socket of the venue, by hand."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request; return its answer."""
        await self._socket.send_json({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        while True:
            heard = await self.hear()
            if heard.get("id") == 7:
                return heard

    async def hear(self) -> dict[str, Any]:
        """Return the next message."""
        found: dict[str, Any] = await self._socket.receive_json(timeout=WAIT_S)
        return found


@pytest.fixture
async def talk(deribit: Sandbox) -> AsyncIterator[Talk]:
    """A socket of the sandbox's Deribit."""
    url = f"ws://127.0.0.1:{deribit.port}/ws/api/v2"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Talk(socket)


class TestByHand:
    async def test_each_change_of_a_book_names_the_one_before_and_does_what_it_says(self, talk: Talk) -> None:
        answer = await talk.ask("public/subscribe", channels=["book.ETH-PERPETUAL.100ms"])
        assert answer["result"] == ["book.ETH-PERPETUAL.100ms"]
        first = (await talk.hear())["params"]["data"]
        assert (first["type"], "prev_change_id" in first) == ("snapshot", False)
        bids, last = {price: amount for _, price, amount in first["bids"]}, first["change_id"]
        for _ in range(10):
            change = (await talk.hear())["params"]["data"]
            assert (change["type"], change["prev_change_id"]) == ("change", last)
            last = change["change_id"]
            for action, price, amount in change["bids"]:
                assert (price in bids) == (action != "new")
                assert (amount == 0) == (action == "delete")
                bids[price] = amount
                if action == "delete":
                    del bids[price]

    @pytest.mark.parametrize(
        ("method", "params", "code"),
        [
            ("public/subscribe", {"channels": ["book.ETH-PERPETUAL.raw"]}, 13778),
            ("public/subscribe", {"channels": "all"}, -32602),
            ("public/set_heartbeat", {"interval": 1}, -32602),
            ("public/order", {}, -32601),
            ("private/buy", {}, 13009),
            ("public/ticker", {"instrument_name": "XRP-PERPETUAL"}, -32602),
            ("public/ticker", {}, -32602),
        ],
    )
    async def test_requests_that_are_wrong_are_refused_by_code(
        self, talk: Talk, method: str, params: dict[str, Any], code: int
    ) -> None:
        assert (await talk.ask(method, **params))["error"]["code"] == code

    async def test_a_channel_that_is_not_there_is_left_out_without_a_word(self, talk: Talk) -> None:
        channels = ["ticker.ETH-PERPETUAL.100ms", "ticker.XRP-PERPETUAL.100ms"]
        assert (await talk.ask("public/subscribe", channels=channels))["result"] == channels[:1]

    async def test_what_rest_answers_the_socket_answers_too(self, talk: Talk, deribit: Sandbox) -> None:
        said = (await talk.ask("public/get_instruments", currency="any"))["result"]
        assert said == deribit.get("/api/v2/public/get_instruments?currency=any&kind=future")["result"]
        assert [row["instrument_name"] for row in said] == ["ETH-PERPETUAL", "BTC-PERPETUAL"]

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("public/ticker?instrument_name=XRP", 400, -32602),
            ("public/get_instruments?currency=XRP", 400, -32602),
            ("public/get_last_trades_by_instrument?instrument_name=ETH-PERPETUAL&count=x", 400, -32602),
            ("public/nothing", 400, -32601),
            ("private/get_positions", 401, 13009),
        ],
    )
    def test_a_refusal_has_its_status_and_code(self, deribit: Sandbox, path: str, status: int, code: int) -> None:
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{deribit.url}/api/v2/{path}", timeout=WAIT_S)
        assert (refused.value.code, json.load(refused.value)["error"]["code"]) == (status, code)


def test_requests_are_refused_when_their_credits_are_used_and_taken_when_some_came_back() -> None:
    requests = Requests()
    for _ in range(BURST_MAX):
        requests.count("here", 0)
    with pytest.raises(Refused, match="too_many_requests"):
        requests.count("here", 0)
    requests.count("there", 0)
    requests.count("here", 1_000 // PER_SECOND)


class Silent:
    """A socket that takes no part."""

    closed = False


async def test_a_client_that_does_not_answer_a_test_request_is_cut() -> None:
    hub = Hub("deribit", Faults(), lambda _: None, Keys([]))
    hub.carry_out, hub.clock = lambda *_: {}, lambda: 0.0
    mute, alive = (Client(Silent(), wrapped=False) for _ in range(2))  # type: ignore[arg-type]
    hub.connections.update((mute, alive))
    for each in (mute, alive):
        hub.answers(each, '{"id":1,"method":"public/set_heartbeat","params":{"interval":10}}')
        assert not each.queue
    for now_s in (100.0, 200.0):
        hub.clock = partial(float, now_s)
        hub.beat()
        hub.answers(alive, '{"id":2,"method":"public/test","params":{}}')
    assert [b"test_request" in frame for _, frame in alive.queue] == [False, True, False, True]
    assert (mute.dropped, alive.dropped) == (True, False)


class Feed:
    """Our own connection to the sandbox's Deribit."""

    def __init__(self, port: int) -> None:
        venue = Venue(name="deribit", protocol="deribit", rest_url="http://h", ws_url=f"ws://127.0.0.1:{port}")
        instruments = (ETH, BTC)
        self.market = Market("deribit", instruments)
        patience = Patience(silence_s_max=1.5, snapshot_pause_s=0.3)
        self.connection = Connection(venue, instruments, self.market, DERIBIT, patience)
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
async def feed(deribit: Sandbox) -> AsyncIterator[Feed]:
    """Our feed, running."""
    found = Feed(deribit.port)
    await found.until(found.runs)
    yield found
    await end([found.task])


class TestThroughOurFeed:
    async def test_marks_books_and_trades_come_without_a_fault(self, feed: Feed) -> None:
        await feed.until(lambda: feed.market.roll.offered > 3 and feed.market.message_count > 50)
        await feed.until(lambda: len({(mark.subject, mark.kind) for mark in feed.market.marks()}) == 10)
        assert feed.market.counters == {"gaps": 0, "resyncs": 0, "refused": 0}
        assert len(feed.market.books["ETH-PERPETUAL"].bids.top()) > 50

    async def test_a_gap_is_healed_on_the_same_connection(self, feed: Feed, deribit: Sandbox) -> None:
        await asyncio.to_thread(deribit.control, "skip-depth", venue="deribit", symbol="ETH-PERPETUAL", count=1)
        await feed.until(lambda: feed.market.counters["gaps"] == 1)
        await feed.until(lambda: feed.market.counters["resyncs"] >= 1 and feed.runs())
        assert not feed.task.done()

    @pytest.mark.parametrize("kind", ["depth", "markPrice", "trade"])
    async def test_a_malformed_frame_is_refused_and_the_feed_lives(
        self, feed: Feed, deribit: Sandbox, kind: str
    ) -> None:
        await asyncio.to_thread(deribit.control, "malformed", venue="deribit", symbol="ETH-PERPETUAL", kind=kind)
        await feed.until(lambda: feed.market.counters["refused"] == 1)
        assert feed.market.quarantine[0].fault.kind == "malformed"
        count = feed.market.message_count
        await feed.until(lambda: feed.market.message_count > count + 10 and feed.runs())

    async def test_a_venue_that_goes_silent_is_noticed(self, feed: Feed, deribit: Sandbox) -> None:
        await asyncio.to_thread(deribit.control, "silence", venue="deribit", on=True)
        try:
            done, _ = await asyncio.wait([feed.task], timeout=WAIT_S)
            assert done
            assert "found silence" in str(feed.task.exception())
        finally:
            await asyncio.to_thread(deribit.control, "silence", venue="deribit", on=False)
