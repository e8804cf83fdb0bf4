"""Our Deribit books are ccxt.pro's after every message of any sound stream; what ccxt.pro lets pass, ours notice."""

import random
from collections.abc import Iterator
from typing import Any

import ccxt
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.deribit.market import Market
from tests.builders.deribit import BTC, ETH, NOW_MS, book, snapshot

URL = "wss://www.deribit.com/ws/api/v2"
LEVELS = 50


class Both:
    """Our market and unmodified ccxt.pro, fed the same messages one at a time."""

    def __init__(self, instrument: Instrument) -> None:
        import ccxt.pro

        self.ours = Market("deribit", [instrument])
        self.instrument = instrument
        self.symbol = f"{instrument.base}/{instrument.quote}:{instrument.settlement}"
        self.exchange: Any = ccxt.pro.deribit()
        market: dict[str, Any] = {"id": instrument.venue_symbol, "symbol": self.symbol, "base": instrument.base}
        market |= {"quote": instrument.quote, "settle": instrument.settlement, "type": "swap", "swap": True}
        market |= {"spot": False, "contract": True, "linear": False, "inverse": True, "active": True}
        market |= {"contractSize": float(instrument.contract_size)}
        market |= {"precision": {"price": float(instrument.tick_size), "amount": float(instrument.contract_size)}}
        self.exchange.set_markets([self.exchange.safe_market_structure(market)])
        self.client = self.exchange.client(URL)

    def feed(self, row: dict[str, Any]) -> None:
        """Give one message to both."""
        text = msgspec.json.encode(row).decode()
        self.ours.receive(text, NOW_MS)
        self.client.handle_text_or_binary_message(text)

    def books(self) -> tuple[tuple[list[Any], list[Any]], tuple[list[Any], list[Any]]]:
        """Return bids and asks of ours and of theirs, both with amounts in USD."""
        found, theirs = self.ours.books[self.instrument.venue_symbol], self.exchange.orderbooks[self.symbol]
        size = float(self.instrument.contract_size)
        bids, asks = ([(price, count * size) for price, count in side.top()] for side in (found.bids, found.asks))
        sides = [[(level[0], level[1]) for level in theirs[side]] for side in ("bids", "asks")]
        return (bids, asks), (sides[0], sides[1])

    def are_equal(self) -> bool:
        """Tell whether both books are the same, level by level."""
        ours, theirs = self.books()
        return ours == theirs


def _rows(instrument: Instrument, changes: dict[int, tuple[str, int]]) -> list[list[Any]]:
    tick, size = instrument.tick_size, instrument.contract_size
    return [[action, float(ticks * tick), float(count * size)] for ticks, (action, count) in sorted(changes.items())]


def stream(chance: random.Random, instrument: Instrument, count: int) -> Iterator[dict[str, Any]]:
    """Yield a sound stream: a snapshot and changes that move the touch, each naming the id before."""
    touch, change, symbol = 536_000, chance.randrange(10**9), instrument.venue_symbol
    sides = {
        side: {touch + inward * (1 + i): chance.randrange(1, 9_000) for i in range(LEVELS)}
        for side, inward in (("bids", -1), ("asks", 1))
    }
    begin: dict[str, Any] = {
        side: _rows(instrument, {ticks: ("new", count) for ticks, count in levels.items()})
        for side, levels in sides.items()
    }
    yield snapshot(change, symbol=symbol, **begin)
    for _ in range(count):
        before, change = change, change + chance.randrange(1, 50)
        touch += chance.choice((-2, -1, 0, 0, 0, 1, 2))
        rows: dict[str, Any] = {}
        for side, inward in (("bids", -1), ("asks", 1)):
            there = sides[side]
            wanted = {touch + inward * (1 + int(chance.expovariate(0.1))): chance.choice((0, 1, 500, 7_000))}
            wanted |= {touch + inward: chance.randrange(1, 9_000)}
            wanted |= {ticks: 0 for ticks in there if (ticks - touch) * inward <= 0}
            changes = {
                ticks: ("delete" if not contracts else "change" if ticks in there else "new", contracts)
                for ticks, contracts in wanted.items()
                if contracts or ticks in there
            }
            merged = {**there, **wanted}
            sides[side] = {ticks: contracts for ticks, contracts in merged.items() if contracts}
            rows[side] = _rows(instrument, changes)
        yield book(change, before, symbol=symbol, **rows)


@pytest.mark.parametrize("instrument", [ETH, BTC], ids=lambda one: one.base)
async def test_our_book_equals_that_of_ccxt_after_every_message(instrument: Instrument) -> None:
    both = Both(instrument)
    try:

        @settings(max_examples=25, deadline=None)
        @given(chance=st.randoms(use_true_random=False))
        def holds(chance: random.Random) -> None:
            both.ours.wipe_books()
            both.exchange.orderbooks.clear()  # it would merge the next snapshot into the book before
            for row in stream(random.Random(chance.random()), instrument, 80):
                both.feed(row)
                assert both.are_equal()
                assert both.ours.books[instrument.venue_symbol].is_running

        holds()
        assert (both.ours.counters["gaps"], both.ours.counters["refused"]) == (0, 0)
    finally:
        await both.exchange.close()


async def test_hole_a_lost_change_is_taken_by_ccxt_in_silence_and_noticed_by_us() -> None:
    both = Both(ETH)
    try:
        for row in (snapshot(12), book(17, 16, bids=[["new", 2681.5, 1.0]])):
            both.feed(row)
        assert both.books()[1][0] == [(2681.6, 10.0), (2681.5, 1.0)]
        assert both.ours.counters["gaps"] == 1
        assert both.ours.wanted() == ["ETH-PERPETUAL"]
    finally:
        await both.exchange.close()


async def test_hole_a_change_twice_or_out_of_order_is_taken_by_ccxt_and_noticed_by_us() -> None:
    both = Both(ETH)
    try:
        changes = [book(13, 12, bids=[["change", 2681.6, amount]]) for amount in (90.0, 20.0)]
        for row in (snapshot(12), *changes):
            both.feed(row)
        assert both.books()[1][0] == [(2681.6, 20.0)]
        assert both.ours.counters["gaps"] == 1
        assert not both.ours.books["ETH-PERPETUAL"].is_running
    finally:
        await both.exchange.close()


async def test_hole_a_snapshot_after_a_reconnect_is_merged_by_ccxt_and_replaces_our_book() -> None:
    both = Both(ETH)
    try:
        both.feed(snapshot(12, bids=[["new", 2899.0, 1.0]], asks=[["new", 2901.0, 1.0]]))
        both.ours.wipe_books()
        both.feed(snapshot(500, bids=[["new", 2999.0, 1.0]], asks=[["new", 3001.0, 1.0]]))
        ours, theirs = both.books()
        assert ours == ([(2999.0, 1.0)], [(3001.0, 1.0)])
        assert theirs == ([(2999.0, 1.0), (2899.0, 1.0)], [(2901.0, 1.0), (3001.0, 1.0)])
        assert theirs[0][0] > theirs[1][0], "ccxt's book is crossed by what was there before"
    finally:
        await both.exchange.close()


async def test_hole_an_error_ends_the_loop_of_ccxt_and_is_an_answer_to_us() -> None:
    both = Both(ETH)
    refused = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "error": {"code": 10028, "message": "too_many_requests"}})
    try:
        both.feed(snapshot(12))
        with pytest.raises(ccxt.ExchangeError, match="too_many_requests"):
            both.client.handle_text_or_binary_message(refused.decode())
        reply = both.ours.receive(refused, NOW_MS)
        assert reply is not None
        assert reply.refusal == "10028 too_many_requests"
    finally:
        await both.exchange.close()


@pytest.mark.parametrize(
    "row", [book(13, bids=[["new"]]), book(13, bids=[None]), book(13, bids=[["new", "x", "y"]]), book(13, bids=[[]])]
)
async def test_hole_a_malformed_level_ends_the_loop_of_ccxt_and_is_put_aside_by_us(row: dict[str, Any]) -> None:
    both = Both(ETH)
    poison = msgspec.json.encode(row)
    try:
        both.feed(snapshot(12))
        with pytest.raises((TypeError, IndexError)):
            both.client.handle_text_or_binary_message(poison.decode())
        both.ours.receive(poison, NOW_MS)
        assert [refused.raw for refused in both.ours.quarantine] == [poison]
        both.ours.receive(msgspec.json.encode(snapshot(40)), NOW_MS)
        assert both.ours.books["ETH-PERPETUAL"].last_id == 40
    finally:
        await both.exchange.close()


async def test_hole_a_channel_that_nobody_handles_ends_the_loop_of_ccxt_and_is_put_aside_by_us() -> None:
    both = Both(ETH)
    row = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": "platform_state", "data": {}}}
    try:
        with pytest.raises(ccxt.NotSupported):
            both.feed(row)
        assert both.ours.quarantine[-1].fault.kind == "unknown_event"
    finally:
        await both.exchange.close()


async def test_hole_an_action_that_is_none_is_skipped_by_ccxt_in_silence_and_named_by_us() -> None:
    both = Both(ETH)
    try:
        for row in (snapshot(12), book(13, bids=[["update", 2681.6, 1.0]])):
            both.feed(row)
        assert both.books()[1][0] == [(2681.6, 10.0)]
        assert both.ours.quarantine[-1].fault.kind == "malformed"
        both.feed(book(14))
        assert both.ours.counters["gaps"] == 1, "what was malformed is missing in the book"
    finally:
        await both.exchange.close()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"bids": [["new", 2681.7, 1.0]]}, "crossed"),
        ({"bids": [["delete", 2681.6, 0.0]]}, "empty"),
        ({"bids": [["new", 2681.56, 1.0]]}, "off_tick"),
        ({"bids": [["change", 2681.6, 0.0]]}, "malformed"),
    ],
)
async def test_hole_a_book_that_cannot_be_is_kept_by_ccxt_and_refused_by_us(change: dict[str, Any], kind: str) -> None:
    both = Both(ETH)
    try:
        for row in (snapshot(12), book(13, **change)):
            both.feed(row)
        assert both.ours.quarantine[-1].fault.kind == kind
        theirs = both.books()[1]
        assert theirs != ([(2681.6, 10.0)], [(2681.65, 20.0)]), "ccxt took it"
    finally:
        await both.exchange.close()
