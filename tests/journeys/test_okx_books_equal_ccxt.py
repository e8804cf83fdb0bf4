"""Our OKX books are ccxt.pro's after every message of any sound stream; what ccxt.pro lets pass, ours notice."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.okx.market import Market
from tests.builders.okx import INVERSE, LINEAR, NOW_MS, book, forced, mark, snapshot

URL = "wss://ws.okx.com:8443/ws/v5/public"
LEVELS = 50
UPGRADE = {"event": "notice", "code": "64008", "msg": "The connection will soon be closed for a service upgrade."}


class Both:
    """Our market and unmodified ccxt.pro, fed the same messages one at a time."""

    def __init__(self, instrument: Instrument) -> None:
        import ccxt.pro

        self.ours = Market("okx", [instrument])
        self.venue_symbol = instrument.venue_symbol
        self.symbol = f"{instrument.base}/{instrument.quote}:{instrument.settlement}"
        self.exchange: Any = ccxt.pro.okx()
        row: dict[str, Any] = {"id": instrument.venue_symbol, "symbol": self.symbol, "base": "ETH"}
        row |= {"quote": instrument.quote, "settle": instrument.settlement, "type": "swap", "swap": True, "spot": False}
        row |= {"contract": True, "linear": instrument.kind == "linear", "inverse": instrument.kind == "inverse"}
        row |= {"contractSize": float(instrument.contract_size), "precision": {"price": 0.01, "amount": 0.01}}
        self.exchange.set_markets([self.exchange.safe_market_structure(row | {"active": True})])
        self.client = self.exchange.client(URL)
        self.client.subscriptions[f"books:{self.symbol}"] = True  # as its watcher leaves it

    def feed(self, *rows: dict[str, Any]) -> None:
        """Give messages to both."""
        for row in rows:
            text = msgspec.json.encode(row).decode()
            self.ours.receive(text, NOW_MS)
            self.client.handle_text_or_binary_message(text)

    def watcher(self) -> "asyncio.Future[Any]":
        """Wait for the book as somebody who watches it does."""
        future: asyncio.Future[Any] = self.client.future(f"books:{self.symbol}")
        return future

    def books(self) -> tuple[tuple[list[Any], list[Any]], tuple[list[Any], list[Any]]]:
        """Return bids and asks of ours and of theirs."""
        found, theirs = self.ours.books[self.venue_symbol], self.exchange.orderbooks[self.symbol]
        sides = [[tuple(level) for level in theirs[side]] for side in ("bids", "asks")]
        return (found.bids.top(), found.asks.top()), (sides[0], sides[1])

    def fault(self) -> str:
        """Return the kind of our last fault."""
        return self.ours.quarantine[-1].fault.kind


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    """Both, for the linear contract."""
    found = Both(LINEAR)
    yield found
    await found.exchange.close()


def _rows(levels: dict[int, int]) -> list[list[str]]:
    return [[f"{tick / 100:.15g}", f"{quantity / 100:.15g}", "0", "1"] for tick, quantity in sorted(levels.items())]


def stream(chance: random.Random, symbol: str, count: int) -> Iterator[dict[str, Any]]:
    """Yield a sound stream: a snapshot, changes that move the touch, ids that skip or begin anew, silence said."""
    touch, sequence = 268_000, chance.randrange(2, 10**9)
    sides: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
    for number in range(count):
        if number == 0 or chance.random() < 0.03:
            sequence = chance.randrange(2, 10**9)
            sides = {
                side: {touch + inward * (1 + i): chance.randrange(1, 9_000) for i in range(LEVELS)}
                for side, inward in (("bids", -1), ("asks", 1))
            }
            levels: dict[str, Any] = {side: _rows(each) for side, each in sides.items()}
            yield snapshot(sequence, symbol=symbol, **levels)
            continue
        if chance.random() < 0.05:
            yield book(sequence, after=sequence, symbol=symbol, bids=[])
            continue
        before = sequence
        sequence = chance.randrange(1, 9) if chance.random() < 0.03 else sequence + chance.randrange(1, 99)
        touch += chance.choice((-2, -1, 0, 0, 0, 1, 2))
        changes: dict[str, dict[int, int]] = {}
        for side, inward in (("bids", -1), ("asks", 1)):
            gone = {tick: 0 for tick in sides[side] if (tick - touch) * inward <= 0}
            new = {
                touch + inward * (1 + int(chance.expovariate(0.1))): chance.choice((0, 1, 500, 7_000))
                for _ in range(chance.randrange(6))
            }
            changes[side] = {**new, touch + inward: chance.randrange(1, 9_000), **gone}
            merged = {**sides[side], **changes[side]}
            sides[side] = {tick: quantity for tick, quantity in merged.items() if quantity}
        rows: dict[str, Any] = {side: _rows(changed) for side, changed in changes.items()}
        yield book(sequence, after=before, symbol=symbol, **rows)


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
                ours, theirs = both.books()
                assert ours == theirs
                assert both.ours.books[instrument.venue_symbol].is_running

        holds()
        assert (both.ours.counters["gaps"], both.ours.counters["refused"]) == (0, 0)
    finally:
        await both.exchange.close()


async def test_a_lost_change_is_noticed_by_both(both: Both) -> None:
    import ccxt

    watcher = both.watcher()
    both.feed(snapshot(12))
    await watcher
    watcher = both.watcher()
    both.feed(book(17))
    with pytest.raises(ccxt.InvalidNonce):
        await watcher
    assert both.fault() == "gap"
    assert both.ours.wanted() == ["ETH-USDT-SWAP"]


async def test_hole_a_change_after_a_gap_is_in_the_book_that_somebody_holds_of_ccxt_and_never_in_ours(
    both: Both,
) -> None:
    both.feed(snapshot(12))
    held, watcher = both.exchange.orderbooks[both.symbol], both.watcher()
    both.feed(book(17))
    assert [2681.59, 4.0] in held["bids"]
    assert both.ours.books["ETH-USDT-SWAP"].bids.top() == []
    assert watcher.exception() is not None


async def test_hole_a_change_without_ids_is_taken_by_ccxt_and_refused_by_us(both: Both) -> None:
    both.feed(snapshot(12), book(99, prevSeqId=None, seqId=None))
    assert (2681.59, 4.0) in both.books()[1][0]
    assert both.fault() == "malformed"
    both.feed(book(13))
    assert both.ours.books["ETH-USDT-SWAP"].last_id == 13, "it changed nothing of ours"


async def test_hole_a_change_that_follows_on_nothing_is_taken_by_ccxt_and_a_gap_to_us(both: Both) -> None:
    both.feed(snapshot(12), book(90, after=-1))
    assert both.exchange.orderbooks[both.symbol]["nonce"] == 90
    assert both.fault() == "gap"


async def test_hole_a_wrong_checksum_is_passed_over_by_ccxt_and_compared_by_us(both: Both) -> None:
    both.feed(snapshot(12), book(13, checksum=-855196043))
    assert both.exchange.orderbooks[both.symbol]["nonce"] == 13
    assert both.fault() == "gap"
    assert not both.ours.books["ETH-USDT-SWAP"].is_running


async def test_hole_a_crossed_book_is_kept_by_ccxt_and_wiped_by_us(both: Both) -> None:
    both.feed(snapshot(12), book(13, bids=[["2681.62", "1", "0", "1"]]))
    theirs = both.books()[1]
    assert theirs[0][0][0] > theirs[1][0][0]
    assert both.fault() == "crossed"
    assert not both.ours.books["ETH-USDT-SWAP"].is_running


async def test_hole_an_emptied_side_is_kept_by_ccxt_and_wiped_by_us(both: Both) -> None:
    both.feed(snapshot(12), book(13, bids=[["2681.6", "0", "0", "0"]]))
    assert both.books()[1][0] == []
    assert both.fault() == "empty"


@pytest.mark.parametrize(
    ("level", "kind"),
    [(["2681.55", "-4", "0", "1"], "malformed"), (["2681.595", "4", "0", "1"], "off_tick")],
    ids=["negative", "between two ticks"],
)
async def test_hole_a_level_that_cannot_be_is_kept_by_ccxt_and_refused_by_us(
    both: Both, level: list[str], kind: str
) -> None:
    both.feed(snapshot(12), book(13, bids=[level]))
    assert (float(level[0]), float(level[1])) in both.books()[1][0]
    assert both.fault() == kind


async def test_hole_a_level_without_a_quantity_is_skipped_by_ccxt_in_silence_and_named_by_us(both: Both) -> None:
    both.feed(snapshot(12), book(13, bids=[["1"]]))
    assert both.exchange.orderbooks[both.symbol]["nonce"] == 13
    assert both.fault() == "malformed"
    both.feed(book(14))
    assert both.ours.counters["gaps"] == 1, "what was malformed is missing in the book"


@pytest.mark.parametrize(
    "poison",
    [
        msgspec.json.encode(book(13, bids=[["x", "y", "0", "1"]])),
        msgspec.json.encode(book(13, bids=[5])),
        msgspec.json.encode({"arg": {"channel": "books"}, "action": "update", "data": [{}]}),
        b'{"arg":{"channel":"books","inst',
    ],
)
async def test_hole_a_malformed_message_ends_the_loop_of_ccxt_and_is_put_aside_by_us(both: Both, poison: bytes) -> None:
    both.feed(snapshot(12))
    with pytest.raises((TypeError, ValueError)):
        both.client.handle_text_or_binary_message(poison.decode())
    both.ours.receive(poison, NOW_MS)
    assert [refused.raw for refused in both.ours.quarantine] == [poison]
    both.ours.receive(msgspec.json.encode(snapshot(40)), NOW_MS)
    assert both.ours.books["ETH-USDT-SWAP"].last_id == 40


async def test_hole_text_that_is_no_json_is_nothing_to_ccxt_and_counted_by_us(both: Both) -> None:
    both.client.handle_text_or_binary_message("upstream connect error")
    both.ours.receive("upstream connect error", NOW_MS)
    assert both.fault() == "malformed"


async def test_hole_a_planned_upgrade_is_an_error_of_every_watcher_of_ccxt_and_a_farewell_to_us(both: Both) -> None:
    import ccxt

    watcher = both.watcher()
    both.client.handle_text_or_binary_message(msgspec.json.encode(UPGRADE).decode())
    with pytest.raises(ccxt.BaseError):
        await watcher
    reply = both.ours.receive(msgspec.json.encode(UPGRADE), NOW_MS)
    assert reply is not None
    assert reply.farewell.startswith("64008 ")


async def test_hole_of_several_liquidations_ccxt_has_the_first_and_we_have_all(both: Both) -> None:
    both.feed(forced({}, {"side": "buy", "sz": "1"}))
    batch = both.ours.roll.taken("feed:okx", "run")
    assert batch is not None
    assert (len(both.exchange.liquidations), len(batch.liquidations)) == (1, 2)


async def test_hole_a_mark_of_another_contract_is_filed_by_ccxt_under_the_one_asked_for_and_refused_by_us(
    both: Both,
) -> None:
    both.feed(mark("2699.99", instId="ETH-USD-SWAP"))
    assert both.exchange.tickers[both.symbol]["markPrice"] == 2699.99
    assert both.fault() == "malformed"
    assert both.ours.marks() == []


async def test_hole_a_mark_below_zero_is_a_price_to_ccxt_and_none_to_us(both: Both) -> None:
    both.feed(mark("-5"))
    assert both.exchange.tickers[both.symbol]["markPrice"] == -5.0
    assert both.fault() == "malformed"
