"""What Binance says of spot pairs becomes proven books and quotes; what it should not say is refused by name."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.feeds.binance.spot import SpotMarket
from marketdata.feeds.public.market import Reply
from tests.builders.markets import NOW_MS, fault_of, raw, values_of
from tests.builders.spot import PAIR, SNAPSHOT, depth, running, trade


def market() -> SpotMarket:
    """Return a market of one pair."""
    return SpotMarket("binance-spot", [PAIR])


def test_quotes_are_the_touch_of_a_book_that_runs() -> None:
    found = market()
    assert fault_of(depth(99, 101), found) is None
    assert (found.wanted(), found.marks()) == (["ETHUSDT"], [])
    assert found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS) is None
    assert fault_of(depth(102, 102, a=[["2681.61", "0"], ["2681.62", "1"]]), found) is None
    assert values_of(PAIR, found) == {"bid": "2681.60", "ask": "2681.62"}


def test_a_pair_has_neither_marks_nor_funding_and_is_not_stale_for_that() -> None:
    assert set(market().channels) == {"book", "trade"}
    assert running().stale(NOW_MS, {}) == ""


@pytest.mark.parametrize(("first", "is_gap"), [(102, False), (103, True), (101, True), (100, True)])
def test_each_change_begins_right_after_the_one_before(first: int, is_gap: bool) -> None:
    found = running()
    assert found.books["ETHUSDT"].last_id == 101
    assert fault_of(depth(first, 110), found) == ("gap" if is_gap else None)
    assert found.books["ETHUSDT"].is_running is not is_gap


@pytest.mark.parametrize(
    ("first", "last", "runs"), [(95, 100, False), (101, 101, True), (90, 101, True), (102, 103, None)]
)
def test_a_snapshot_is_joined_by_the_change_that_holds_the_next_id(first: int, last: int, runs: bool | None) -> None:
    found = market()
    found.receive(raw(depth(first, last)), NOW_MS)
    fault = found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS)
    assert (fault.kind if fault else None) == ("too_old" if runs is None else None)
    assert found.books["ETHUSDT"].is_running is bool(runs)


def test_a_gap_is_healed_by_the_next_snapshot() -> None:
    found = running()
    assert fault_of(depth(104, 105), found) == "gap"
    found.receive(raw(depth(106, 107)), NOW_MS)
    assert found.wanted() == ["ETHUSDT"]
    assert found.load("ETHUSDT", raw(SNAPSHOT | {"lastUpdateId": 106}), NOW_MS) is None
    assert found.books["ETHUSDT"].is_running
    assert found.counters["resyncs"] == 1


def test_an_answer_to_a_subscription_is_no_fault() -> None:
    found = market()
    assert found.receive(b'{"result":null,"id":1}', NOW_MS) == Reply()
    assert found.counters["refused"] == 0


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"not JSON", "malformed"),
        (b"[" * 100_000, "malformed"),
        (raw({"e": "markPriceUpdate", "E": NOW_MS, "s": "ETHUSDT"}), "unknown_event"),
        (raw({"u": 5, "s": "ETHUSDT", "b": "2681.60", "B": "1", "a": "2681.61", "A": "1"}), "malformed"),
        (raw(depth(102, 102, s="BTCUSDT")), "unknown_symbol"),
        (raw(depth(102, 102, E=NOW_MS + 60_000)), "clock"),
        (raw(depth(102, 102, b=[["2681.605", "1"]])), "off_tick"),
        (raw(depth(102, 102, b=[["2681.61", "1"]])), "crossed"),
        (raw(depth(102, 102, b=[["NaN", "1"]])), "malformed"),
        (raw(depth(-1, 102)), "malformed"),
        (raw(trade(1, p="2681.601")), "off_tick"),
        (raw(trade(1, p="0")), "malformed"),
    ],
)
def test_what_the_venue_should_not_say_is_refused_by_name(message: bytes, kind: str) -> None:
    assert fault_of(message, running()) == kind


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_no_bytes_make_a_market_raise(noise: bytes | str) -> None:
    found = market()
    found.receive(noise, NOW_MS)
    assert found.message_count == 1
    assert found.marks() == []


@pytest.mark.parametrize("row", [trade(1), depth(102, 103)])
@given(data=st.data())
def test_no_value_in_a_field_makes_a_market_raise(row: dict[str, Any], data: st.DataObject) -> None:
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    values = scalars | st.lists(st.lists(scalars, max_size=3), max_size=3)
    field = data.draw(st.sampled_from(sorted(row.keys() - {"e"})))
    found = running()
    try:
        message = raw(row | {field: data.draw(values)})
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
        return
    found.receive(message, NOW_MS)
    found.changed()
