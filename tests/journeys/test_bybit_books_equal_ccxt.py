"""Our Bybit books are ccxt.pro's after every message of any sound stream; what ccxt.pro lets pass, ours notice."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.bybit.market import Market
from tests.builders.bybit import INVERSE, LINEAR, NOW_MS, book, snapshot, ticker

URLS = {"linear": "wss://stream.bybit.com/v5/public/linear", "inverse": "wss://stream.bybit.com/v5/public/inverse"}
LEVELS = 50


class Both:
    """Our market and unmodified ccxt.pro, fed the same messages one at a time."""

    def __init__(self, instrument: Instrument) -> None:
        import ccxt.pro

        self.ours = Market("bybit", [instrument])
        self.venue_symbol = instrument.venue_symbol
        self.symbol = f"{instrument.base}/{instrument.quote}:{instrument.settlement}"
        self.exchange: Any = ccxt.pro.bybit()
        market: dict[str, Any] = {
            "id": instrument.venue_symbol,
            "symbol": self.symbol,
            "base": "ETH",
            "quote": instrument.quote,
        }
        market |= {"settle": instrument.settlement, "type": "swap", "swap": True, "spot": False, "contract": True}
        market |= {"linear": instrument.kind == "linear", "inverse": instrument.kind == "inverse", "contractSize": 1.0}
        market |= {"precision": {"price": 0.01, "amount": 0.01}, "active": True}
        self.exchange.set_markets([self.exchange.safe_market_structure(market)])
        self.client = self.exchange.client(URLS[instrument.kind])

    def feed(self, row: dict[str, Any]) -> None:
        """Give one message to both."""
        text = msgspec.json.encode(row).decode()
        self.ours.receive(text, NOW_MS)
        self.client.handle_text_or_binary_message(text)

    def books(self) -> tuple[tuple[list[Any], list[Any]], tuple[list[Any], list[Any]]]:
        """Return bids and asks of ours and of theirs."""
        found, theirs = self.ours.books[self.venue_symbol], self.exchange.orderbooks[self.symbol]
        sides = [[tuple(level) for level in theirs[side]] for side in ("bids", "asks")]
        return (found.bids.top(), found.asks.top()), (sides[0], sides[1])

    def are_equal(self) -> bool:
        """Tell whether both books are the same, level by level."""
        ours, theirs = self.books()
        return ours == theirs


def _rows(levels: dict[int, int]) -> list[list[str]]:
    return [[f"{tick / 100:.2f}", f"{quantity / 100:.2f}"] for tick, quantity in sorted(levels.items())]


def stream(chance: random.Random, symbol: str, count: int) -> Iterator[dict[str, Any]]:
    """Yield a sound stream: a snapshot, deltas that move the touch, now and then a snapshot or a restart."""
    touch, update, sequence = 268_000, chance.randrange(2, 10**9), chance.randrange(10**9)
    sides: dict[str, dict[int, int]] = {"b": {}, "a": {}}
    for number in range(count):
        sequence += chance.randrange(1, 9)
        restarts = chance.random() < 0.03
        if number == 0 or restarts or chance.random() < 0.03:
            update = 1 if restarts else chance.randrange(2, 10**9)
            sides = {
                side: {touch + inward * (1 + i): chance.randrange(1, 9_000) for i in range(LEVELS)}
                for side, inward in (("b", -1), ("a", 1))
            }
            levels: dict[str, Any] = {side: _rows(each) for side, each in sides.items()}
            yield snapshot(update, symbol=symbol, seq=sequence, **levels)
            continue
        update += 1
        touch += chance.choice((-2, -1, 0, 0, 0, 1, 2))
        changes: dict[str, dict[int, int]] = {}
        for side, inward in (("b", -1), ("a", 1)):
            gone = {tick: 0 for tick in sides[side] if (tick - touch) * inward <= 0}
            new = {
                touch + inward * (1 + int(chance.expovariate(0.1))): chance.choice((0, 1, 500, 7_000))
                for _ in range(chance.randrange(6))
            }
            changes[side] = {**new, touch + inward: chance.randrange(1, 9_000), **gone}
            merged = {**sides[side], **changes[side]}
            sides[side] = {tick: quantity for tick, quantity in merged.items() if quantity}
        rows: dict[str, Any] = {side: _rows(changed) for side, changed in changes.items()}
        yield book(update, symbol=symbol, seq=sequence, **rows)


@pytest.mark.parametrize("instrument", [LINEAR, INVERSE], ids=lambda one: one.kind)
async def test_our_book_equals_that_of_ccxt_after_every_message(instrument: Instrument) -> None:
    both = Both(instrument)
    try:

        @settings(max_examples=25, deadline=None)
        @given(chance=st.randoms(use_true_random=False))
        def holds(chance: random.Random) -> None:
            both.ours.wipe_books()
            for row in stream(random.Random(chance.random()), instrument.venue_symbol, 80):
                both.feed(row)
                assert both.are_equal()
                assert both.ours.books[instrument.venue_symbol].is_running

        holds()
        assert (both.ours.counters["gaps"], both.ours.counters["refused"]) == (0, 0)
    finally:
        await both.exchange.close()


async def test_hole_a_lost_delta_is_taken_by_ccxt_in_silence_and_noticed_by_us() -> None:
    both = Both(LINEAR)
    try:
        for row in (snapshot(12), book(17, b=[["2681.58", "1.00"]])):
            both.feed(row)
        assert both.books()[1][0] == [(2681.60, 1.0), (2681.58, 1.0)]
        assert both.ours.counters["gaps"] == 1
        assert both.ours.wanted() == ["ETHUSDT"]
    finally:
        await both.exchange.close()


async def test_hole_a_message_twice_or_out_of_order_is_taken_by_ccxt_and_noticed_by_us() -> None:
    both = Both(LINEAR)
    try:
        for row in (snapshot(12), book(13, b=[["2681.60", "9.00"]]), book(13, b=[["2681.60", "2.00"]])):
            both.feed(row)
        assert both.books()[1][0] == [(2681.60, 2.0)]
        assert both.ours.counters["gaps"] == 1
        assert not both.ours.books["ETHUSDT"].is_running
    finally:
        await both.exchange.close()


async def test_hole_a_restart_that_is_called_a_delta_is_merged_by_ccxt_and_replaces_our_book() -> None:
    both = Both(LINEAR)
    try:
        for row in (snapshot(12), book(1, b=[["2681.50", "3.00"]], a=[["2681.51", "2.00"]], seq=1)):
            both.feed(row)
        ours, theirs = both.books()
        assert ours == ([(2681.50, 3.0)], [(2681.51, 2.0)])
        assert theirs[0][0] > theirs[1][0], "ccxt's book is crossed by what was there before"
    finally:
        await both.exchange.close()


async def test_hole_a_crossed_book_is_kept_by_ccxt_and_wiped_by_us() -> None:
    both = Both(LINEAR)
    try:
        for row in (snapshot(12), book(13, b=[["2681.62", "1.00"]])):
            both.feed(row)
        theirs = both.books()[1]
        assert theirs[0][0][0] > theirs[1][0][0]
        assert both.ours.quarantine[-1].fault.kind == "crossed"
        assert not both.ours.books["ETHUSDT"].is_running
    finally:
        await both.exchange.close()


async def test_hole_an_emptied_side_is_kept_by_ccxt_and_wiped_by_us() -> None:
    both = Both(LINEAR)
    try:
        for row in (snapshot(12), book(13, b=[["2681.60", "0"]])):
            both.feed(row)
        assert both.books()[1][0] == []
        assert both.ours.quarantine[-1].fault.kind == "empty"
    finally:
        await both.exchange.close()


@pytest.mark.parametrize("row", [book(13, b=[["x", "y"]]), book(13, s=None), {"topic": "orderbook.50.ETHUSDT"}])
async def test_hole_a_malformed_message_ends_the_loop_of_ccxt_and_is_put_aside_by_us(row: Any) -> None:
    both = Both(LINEAR)
    poison = msgspec.json.encode(row)
    try:
        both.feed(snapshot(12))
        with pytest.raises(TypeError):
            both.client.handle_text_or_binary_message(poison.decode())
        both.ours.receive(poison, NOW_MS)
        assert [refused.raw for refused in both.ours.quarantine] == [poison]
        both.ours.receive(msgspec.json.encode(snapshot(40)), NOW_MS)
        assert both.ours.books["ETHUSDT"].last_id == 40
    finally:
        await both.exchange.close()


async def test_hole_a_level_without_a_quantity_is_skipped_by_ccxt_in_silence_and_named_by_us() -> None:
    both = Both(LINEAR)
    try:
        for row in (snapshot(12), book(13, b=[["1"]])):
            both.feed(row)
        assert both.ours.quarantine[-1].fault.kind == "malformed"
        both.feed(book(14))
        assert both.ours.counters["gaps"] == 1, "what was malformed is missing in the book"
        assert (2681.59, 4.0) in both.books()[1][0]
    finally:
        await both.exchange.close()


async def test_hole_a_tickers_delta_without_its_snapshot_is_a_ticker_to_ccxt_and_nothing_to_us() -> None:
    both = Both(LINEAR)
    try:
        both.feed(ticker(kind="delta", markPrice="2681.70"))
        assert both.exchange.tickers
        assert both.ours.marks() == []
    finally:
        await both.exchange.close()
