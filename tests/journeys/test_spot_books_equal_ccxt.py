"""Our books of spot pairs are ccxt.pro's after every message, recorded or made; a change that is missing is noticed."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.feeds.binance import messages
from marketdata.feeds.binance.spot import SpotMarket
from tests.builders.markets import NOW_MS
from tests.builders.spot import PAIR, depth
from tests.journeys.test_books_equal_ccxt import Case, recorded

URL = "wss://stream.binance.com:9443/ws/0"
CAPTURE = Case(
    file="spot_ethusdt_20240808.gz",
    kind="linear",
    venue_symbol="ETHUSDT",
    exchange="binance",
    symbol="ETH/USDT",
    url=URL,
)
LEVELS = 30


class Both:
    """Our market and unmodified ccxt.pro, fed the same messages one at a time."""

    def __init__(self) -> None:
        import ccxt.pro

        self.ours = SpotMarket("binance-spot", [PAIR])
        self.exchange: Any = ccxt.pro.binance()
        market: dict[str, Any] = {"id": "ETHUSDT", "symbol": "ETH/USDT", "base": "ETH", "quote": "USDT"}
        market |= {"type": "spot", "spot": True, "swap": False, "contract": False, "active": True}
        market |= {"precision": {"price": 0.01, "amount": 0.0001}}
        self.exchange.set_markets([self.exchange.safe_market_structure(market)])
        self.client = self.exchange.client(URL)

    def begin(self, snapshot: bytes, first: bytes, at_ms: int) -> None:
        """Give the snapshot to both, and to ours the change that made it ask."""
        decoded = msgspec.json.decode(snapshot)
        theirs = self.exchange.orderbooks["ETH/USDT"] = self.exchange.order_book({})
        theirs.reset(self.exchange.parse_order_book(decoded, "ETH/USDT") | {"nonce": decoded["lastUpdateId"]})
        self.ours.wipe_books()
        self.ours.receive(first, at_ms)
        assert self.ours.load("ETHUSDT", snapshot, at_ms) is None
        self.client.handle_text_or_binary_message(first.decode())

    def feed(self, raw: bytes, at_ms: int) -> None:
        """Give one message to both."""
        self.ours.receive(raw, at_ms)
        self.client.handle_text_or_binary_message(raw.decode())

    def are_equal(self) -> bool:
        """Tell whether both books are the same, level by level, at the same id."""
        ours, theirs = self.ours.books["ETHUSDT"], self.exchange.orderbooks["ETH/USDT"]
        sides = [[tuple(level) for level in theirs[side]] for side in ("bids", "asks")]
        return [ours.bids.top(), ours.asks.top()] == sides and ours.last_id == theirs["nonce"]


def stream(chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Yield a sound stream: a snapshot, then changes of which each begins right after the one before."""
    touch, last = 268_000, chance.randrange(2, 10**9)
    sides = {
        side: {touch + inward * (1 + i): chance.randrange(1, 9_000) for i in range(LEVELS)}
        for side, inward in (("b", -1), ("a", 1))
    }
    yield {"lastUpdateId": last, "bids": _rows(sides["b"]), "asks": _rows(sides["a"])}
    for number in range(count):
        first = last + 1 - (chance.randrange(3) if number == 0 else 0)
        last = last + chance.randrange(1, 9)
        touch += chance.choice((-2, -1, 0, 0, 0, 1, 2))
        changes: dict[str, dict[int, int]] = {}
        for side, inward in (("b", -1), ("a", 1)):
            gone = {tick: 0 for tick in sides[side] if (tick - touch) * inward <= 0}
            new = {touch + inward * (1 + chance.randrange(60)): chance.choice((0, 1, 500)) for _ in range(4)}
            changes[side] = {**new, touch + inward: chance.randrange(1, 9_000), **gone}
            merged = {**sides[side], **changes[side]}
            sides[side] = {tick: quantity for tick, quantity in merged.items() if quantity}
        yield depth(first, last, b=_rows(changes["b"]), a=_rows(changes["a"]))


def _rows(levels: dict[int, int]) -> list[list[str]]:
    return [[f"{tick / 100:.2f}", f"{quantity / 100:.2f}"] for tick, quantity in sorted(levels.items())]


async def test_our_book_equals_that_of_ccxt_after_every_message() -> None:
    both = Both()
    try:

        @settings(max_examples=25, deadline=None)
        @given(chance=st.randoms(use_true_random=False))
        def holds(chance: random.Random) -> None:
            snapshot, first, *rest = map(msgspec.json.encode, stream(random.Random(chance.random()), 80))
            both.begin(snapshot, first, NOW_MS)
            for raw in rest:
                assert both.are_equal()
                both.feed(raw, NOW_MS)
            assert both.are_equal()
            assert both.ours.books["ETHUSDT"].is_running

        holds()
        assert (both.ours.counters["gaps"], both.ours.counters["refused"]) == (0, 0)
    finally:
        await both.exchange.close()


async def test_our_book_equals_that_of_ccxt_on_the_recording_after_every_message() -> None:
    snapshot, messages_ = recorded(CAPTURE)
    last_id = messages.snapshot(snapshot).last_id
    deltas = [raw for raw in messages_ if b'"depthUpdate"' in raw]
    first, *rest = [raw for raw in deltas if messages.spot_message(raw).last_id > last_id]
    both = Both()
    try:
        both.begin(snapshot, first, messages.spot_message(first).at_ms)
        for number, raw in enumerate(rest):
            both.feed(raw, messages.spot_message(raw).at_ms)
            assert "ETH/USDT" in both.exchange.orderbooks, "ccxt dropped its book"
            # Whole books now and then, for they are large; ids and touches always.
            ours, theirs = both.ours.books["ETHUSDT"], both.exchange.orderbooks["ETH/USDT"]
            assert (ours.last_id, ours.bids.best, ours.asks.best) == (
                theirs["nonce"],
                theirs["bids"][0][0],
                theirs["asks"][0][0],
            )
            assert number % 10 or both.are_equal()
        assert both.are_equal()
        assert len(rest) > 500
        assert both.ours.counters == {"gaps": 0, "resyncs": 0, "refused": 0}
    finally:
        await both.exchange.close()


@pytest.mark.parametrize("lost", [1, 100, 400])
def test_one_lost_change_of_the_recording_is_noticed_at_the_next(lost: int) -> None:
    snapshot, messages_ = recorded(CAPTURE)
    last_id = messages.snapshot(snapshot).last_id
    deltas = [raw for raw in messages_ if b'"depthUpdate"' in raw and messages.spot_message(raw).last_id > last_id]
    ours = SpotMarket("binance-spot", [PAIR])
    ours.load("ETHUSDT", snapshot, 0)
    for raw in (*deltas[:lost], *deltas[lost + 1 : lost + 2]):
        ours.receive(raw, messages.spot_message(raw).at_ms)
    assert ours.counters["gaps"] == 1
    assert not ours.books["ETHUSDT"].is_running
