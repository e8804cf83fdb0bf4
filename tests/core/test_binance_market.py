"""What Binance's streams say becomes books and marks; what they should not say is refused by name."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from marketdata.core.channels import DRIFT_WINDOW_MS
from marketdata.core.checks import Bounds
from marketdata.core.tape import RAW_BYTES_MAX, TradeSeen
from marketdata.feeds.binance.market import Market
from marketdata.feeds.public.depths import Depths
from marketdata.feeds.public.market import QUARANTINE_MAX, Reply

NOW_MS = 1_794_000_000_000
TEN = Decimal(10)
LINEAR = Instrument(
    id="binance-usdm:ETH-USDT-PERP",
    venue="binance-usdm",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal(1),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.001"),
)
INVERSE = replace(
    LINEAR, id="binance-coinm:ETH-USD-PERP", venue="binance-coinm", venue_symbol="ETHUSD_PERP", kind="inverse"
)


def ticker(**change: Any) -> dict[str, Any]:
    """Return a bookTicker as the venue prints it."""
    row = {"e": "bookTicker", "u": 5, "s": "ETHUSDT", "b": "2681.60", "B": "3.1", "a": "2681.61", "A": "2.0"}
    return row | {"T": NOW_MS - 2, "E": NOW_MS - 1} | change


def mark_price(**change: Any) -> dict[str, Any]:
    """Return a markPriceUpdate as the venue prints it."""
    row = {"e": "markPriceUpdate", "E": NOW_MS, "s": "ETHUSDT", "p": "2681.61234567", "i": "2682.10", "P": "2681.9"}
    return row | {"r": "-0.00010000", "T": NOW_MS + 3_600_123} | change


def trade(number: int, **change: Any) -> dict[str, Any]:
    """Return an aggTrade as the venue prints it."""
    row = {"e": "aggTrade", "E": NOW_MS, "s": "ETHUSDT", "a": number, "p": "2681.60", "q": "0.5", "f": 1, "l": 2}
    return row | {"T": NOW_MS, "m": True} | change


def liquidation(**change: Any) -> dict[str, Any]:
    """Return a forceOrder as the venue prints it."""
    order = {"s": "ETHUSDT", "S": "BUY", "o": "LIMIT", "f": "IOC", "q": "1.5", "p": "2695.00", "ap": "2690.50"}
    return {"e": "forceOrder", "E": NOW_MS, "o": order | {"X": "FILLED", "l": "1.5", "z": "1.5", "T": NOW_MS} | change}


def depth(first: int, last: int, previous: int, **change: Any) -> dict[str, Any]:
    """Return a depthUpdate as the venue prints it."""
    row = {"e": "depthUpdate", "E": NOW_MS, "T": NOW_MS, "s": "ETHUSDT", "U": first, "u": last, "pu": previous}
    return row | {"b": [["2681.59", "4.000"]], "a": []} | change


def interest(**change: Any) -> bytes:
    """Return an answer about open interest as the venue prints it."""
    return msgspec.json.encode({"openInterest": "68744.760", "symbol": "ETHUSDT", "time": NOW_MS - 40} | change)


SNAPSHOT = {"lastUpdateId": 100, "E": 1, "T": 1, "bids": [["2681.60", "1"]], "asks": [["2681.61", "1"]]}


def raw(row: Any) -> bytes:
    """Encode a message."""
    return msgspec.json.encode(row)


def market(**given: Any) -> Market:
    """Return a market of the linear instrument."""
    return Market("binance-usdm", [LINEAR], **given)


def fault_of(message: Any, found: Market | None = None) -> str | None:
    """Return the kind of fault that a message is refused with, None when it is taken."""
    found = found or market()
    before = len(found.quarantine)
    found.receive(message if isinstance(message, bytes) else raw(message), NOW_MS)
    return found.quarantine[-1].fault.kind if len(found.quarantine) > before else None


def value_of(marks: list[Mark], kind: str) -> Decimal:
    """Return the value of the one mark of a kind."""
    (value,) = (mark.value for mark in marks if mark.kind == kind)
    return value


def test_a_quote_becomes_bid_and_ask_to_the_last_digit() -> None:
    found = market()
    assert fault_of(ticker(), found) is None
    marks = found.changed()
    assert [(mark.subject, mark.kind, str(mark.value), mark.source) for mark in marks] == [
        ("binance-usdm:ETH-USDT-PERP", "bid", "2681.60", "binance-usdm"),
        ("binance-usdm:ETH-USDT-PERP", "ask", "2681.61", "binance-usdm"),
    ]
    assert marks[0].at == datetime.fromtimestamp((NOW_MS - 1) / 1000, UTC)
    assert marks[0].received_at == datetime.fromtimestamp(NOW_MS / 1000, UTC)


def test_a_mark_price_becomes_mark_index_and_funding() -> None:
    found = market()
    found.receive(raw(mark_price()), NOW_MS)
    marks = found.changed()
    assert {mark.kind: str(mark.value) for mark in marks} == {
        "mark": "2681.61234567",
        "index": "2682.10",
        "funding_rate": "-0.00010000",
        "funding_at": "1794003600.123",
    }


def test_a_dated_contract_has_no_funding_and_a_mark_may_come_without_index() -> None:
    found = Market("binance-coinm", [INVERSE])
    row = mark_price(s="ETHUSD_PERP", r="", T=0)
    del row["i"]
    found.receive(raw(row), NOW_MS)
    assert [mark.kind for mark in found.changed()] == ["mark"]


def test_changes_are_conflated_to_the_latest() -> None:
    found = market()
    for bid in ("2681.58", "2681.59", "2681.60"):
        found.receive(raw(ticker(b=bid)), NOW_MS)
    assert value_of(found.changed(), "bid") == Decimal("2681.60")
    assert found.changed() == []
    assert value_of(found.marks(), "bid") == Decimal("2681.60")


def test_an_older_quote_does_not_replace_a_later_one() -> None:
    found = market()
    found.receive(raw(ticker()), NOW_MS)
    found.receive(raw(ticker(b="2681.00", E=NOW_MS - 500)), NOW_MS)
    assert value_of(found.marks(), "bid") == Decimal("2681.60")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"not JSON", "malformed"),
        (b"", "malformed"),
        (b"{}", "malformed"),
        (b"[]", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"e":"bookTicker"}', "malformed"),
        (raw({"e": "24hrTicker", "E": NOW_MS}), "unknown_event"),
        (raw(ticker(s="BTCUSDT")), "unknown_symbol"),
        (raw(ticker(b="NaN")), "malformed"),
        (raw(ticker(b="-2681.60")), "malformed"),
        (raw(ticker(b="1e3")), "malformed"),
        (raw(ticker(b=None)), "malformed"),
        (raw(ticker(b="0.00")), "not_positive"),
        (raw(ticker(b="2681.605")), "off_tick"),
        (raw(ticker(b="2681.61")), "crossed"),
        (raw(ticker(E=NOW_MS + 60_000)), "clock"),
        (raw(ticker(E=NOW_MS - 600_000)), "clock"),
        (raw(ticker(E=10**18)), "malformed"),
        (raw(mark_price(p="0")), "not_positive"),
        (raw(mark_price(i="0")), "not_positive"),
        (raw(mark_price(r="abc")), "malformed"),
        (raw(trade(1, p="inf")), "malformed"),
        (raw(trade(1, p="2681.601")), "off_tick"),
        (raw(liquidation(s="BTCUSDT")), "unknown_symbol"),
        (raw(liquidation(ap="0")), "malformed"),
        (raw(liquidation(S="BOTH")), "malformed"),
        (raw(depth(1, 2, 0, b=[["2681.60", "-1"]])), "malformed"),
        (raw(depth(1, 2, 0, b=[["NaN", "1"]])), "malformed"),
        (raw(depth(1, 2, 0, b=[["1"]])), "malformed"),
        (raw(depth(-1, 2, 0)), "malformed"),
    ],
)
def test_what_a_venue_should_not_say_is_refused_by_name(message: bytes, kind: str) -> None:
    found = market()
    assert fault_of(message, found) == kind
    assert found.counters["refused"] == 1
    assert found.marks() == []
    assert fault_of(ticker(), found) is None


def test_a_price_that_jumps_is_refused_until_the_last_one_is_old() -> None:
    found = market(bounds=Bounds(jump_max=0.1, jump_memory_ms=10_000))
    found.receive(raw(mark_price()), NOW_MS)
    jumped = mark_price(p="3600.00", i="3600.00")
    assert fault_of(jumped, found) == "jump"
    assert value_of(found.marks(), "mark") == Decimal("2681.61234567")
    later = NOW_MS + 10_001
    found.receive(raw(jumped | {"E": later}), later)
    assert value_of(found.marks(), "mark") == Decimal(3600)


def test_a_book_follows_its_snapshot_and_runs() -> None:
    found = market()
    found.receive(raw(depth(99, 101, 98)), NOW_MS)
    assert found.wanted() == ["ETHUSDT"]
    assert found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS) is None
    book = found.books["ETHUSDT"]
    assert book.is_running
    assert book.bids.top() == [(2681.60, 1.0), (2681.59, 4.0)]
    assert found.wanted() == []
    assert found.counters["resyncs"] == 0


def test_a_gap_is_counted_and_healed_by_the_next_snapshot() -> None:
    found = market()
    found.receive(raw(depth(99, 101, 98)), NOW_MS)
    found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS)
    assert fault_of(depth(104, 105, 103), found) == "gap"
    assert (found.counters["gaps"], found.counters["refused"]) == (1, 0)
    found.receive(raw(depth(106, 107, 105)), NOW_MS)
    assert found.wanted() == ["ETHUSDT"]
    assert found.load("ETHUSDT", raw(SNAPSHOT | {"lastUpdateId": 106}), NOW_MS) is None
    assert found.books["ETHUSDT"].is_running
    assert found.counters["resyncs"] == 1


def test_a_book_whose_touch_jumps_is_wiped() -> None:
    found = market()
    found.receive(raw(depth(99, 101, 98)), NOW_MS)
    found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS)
    gone = depth(102, 103, 101, b=[["2681.60", "0"], ["2681.59", "0"], ["1300.00", "1"]])
    assert fault_of(gone, found) == "jump"
    assert not found.books["ETHUSDT"].is_running


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"code":-1003,"msg":"Too many requests"}', b""])
def test_a_snapshot_that_is_none_is_refused(body: bytes) -> None:
    found = market()
    found.receive(raw(depth(99, 101, 98)), NOW_MS)
    fault = found.load("ETHUSDT", body, NOW_MS)
    assert fault is not None
    assert fault.kind == "malformed"
    assert found.wanted() == ["ETHUSDT"]


def test_a_missing_trade_is_a_gap() -> None:
    found = market()
    assert [fault_of(trade(number), found) for number in (7, 8, 10, 11)] == [None, None, "gap", None]


def test_answers_to_requests_are_handed_back() -> None:
    found = market()
    taken = found.receive(b'{"result":null,"id":1}', NOW_MS)
    refused = found.receive(b'{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}', NOW_MS)
    assert taken == Reply()
    assert refused == Reply(refusal="Invalid request: invalid stream")
    assert found.counters["refused"] == 0


def test_wiping_forgets_books_but_not_marks() -> None:
    found = market()
    found.receive(raw(depth(99, 101, 98)), NOW_MS)
    found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS)
    found.receive(raw(ticker()), NOW_MS)
    found.wipe_books()
    assert not found.books["ETHUSDT"].is_running
    assert value_of(found.marks(), "bid") == Decimal("2681.60")


def test_the_quarantine_is_bounded() -> None:
    found = market()
    for _ in range(QUARANTINE_MAX + 10):
        found.receive(b"x" * (2 * RAW_BYTES_MAX), NOW_MS)
    assert len(found.quarantine) == QUARANTINE_MAX
    assert {len(refused.raw) for refused in found.quarantine} == {RAW_BYTES_MAX}
    assert found.counters["refused"] == QUARANTINE_MAX + 10


def _mutations(message: bytes) -> Iterator[bytes]:
    yield message[: len(message) // 2]
    yield message.replace(b'"', b"", 3)
    yield message.replace(b":", b":[", 1)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_no_bytes_make_a_market_raise(noise: bytes | str) -> None:
    found = market()
    found.receive(noise, NOW_MS)
    assert found.message_count == 1
    assert found.marks() == []


@pytest.mark.parametrize("row", [ticker(), mark_price(), trade(1), depth(1, 2, 0)])
@given(data=st.data())
def test_no_value_in_a_field_makes_a_market_raise(row: dict[str, Any], data: st.DataObject) -> None:
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    values = scalars | st.lists(st.lists(scalars, max_size=3), max_size=3)
    field = data.draw(st.sampled_from(sorted(row.keys() - {"e"})))
    found = market()
    found.receive(raw(depth(99, 101, 98)), NOW_MS)
    found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS)
    try:
        message = raw(row | {field: data.draw(values)})
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
        return
    found.receive(message, NOW_MS)
    found.changed()


@pytest.mark.parametrize("row", [ticker(), mark_price(), trade(1), depth(1, 2, 0)])
def test_a_torn_message_is_malformed(row: dict[str, Any]) -> None:
    assert {fault_of(torn) for torn in _mutations(raw(row))} == {"malformed"}


def test_what_is_old_or_missing_is_said_in_a_sentence() -> None:
    found = market()
    assert found.stale(NOW_MS, {"mark": 5_000}) == (
        "no mark of binance-usdm:ETH-USDT-PERP yet; no book of binance-usdm:ETH-USDT-PERP"
    )
    found.receive(raw(depth(99, 101, 98)), NOW_MS)
    found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS)
    found.receive(raw(mark_price()), NOW_MS)
    assert found.stale(NOW_MS + 5_000, {"mark": 5_000}) == ""
    assert found.stale(NOW_MS + 7_200, {"mark": 5_000}) == "mark of binance-usdm:ETH-USDT-PERP is 7.2 s old"


def running_market() -> Market:
    """Return a market whose one book runs."""
    found = market()
    found.receive(raw(depth(100, 101, 99)), NOW_MS)
    assert found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS) is None
    return found


def test_a_depth_is_the_book_next_to_its_touch_with_the_times_of_its_last_change() -> None:
    ((found,), _) = Depths(running_market()).changed(0.0)
    assert (found.instrument, found.bids, found.asks) == (LINEAR.id, ((2681.6, 1.0), (2681.59, 4.0)), ((2681.61, 1.0),))
    assert found.at == found.received_at == datetime.fromtimestamp(NOW_MS / 1000, UTC)


def test_a_depth_is_posted_when_it_changed_and_now_and_then() -> None:
    depths = Depths(running_market())
    assert [len(depths.changed(now_s)[0]) for now_s in (0.0, 0.25, 0.5, 1.0, 1.25)] == [1, 0, 0, 1, 0]


def test_a_wiped_book_is_taken_off_the_board_once() -> None:
    found = running_market()
    depths = Depths(found)
    depths.changed(0.0)
    found.wipe_books()
    assert [depths.changed(now_s) for now_s in (0.25, 0.5)] == [([], [LINEAR.id]), ([], [])]


def test_books_of_an_earlier_connection_are_taken_off_the_board_before_this_one_has_any() -> None:
    assert Depths(market()).changed(0.0) == ([], [LINEAR.id])


def test_a_trade_and_a_liquidation_are_kept_for_the_recorder() -> None:
    found = market()
    assert fault_of(trade(7, m=True), found) is None
    assert fault_of(liquidation(), found) is None
    batch = found.roll.taken("feed:binance-usdm", "run")
    assert batch is not None
    assert batch.trades == (
        TradeSeen(
            instrument=LINEAR.id,
            at_ms=NOW_MS,
            received_ms=NOW_MS,
            trade_id="7",
            side="sell",
            price=2681.6,
            quantity=0.5,
        ),
    )
    assert [(one.side, one.price, one.quantity) for one in batch.liquidations] == [("buy", 2690.5, 1.5)]


def test_a_liquidation_of_the_inverse_venue_names_its_pair() -> None:
    found = Market("binance-coinm", [INVERSE])
    assert fault_of(liquidation(s="ETHUSD_PERP", ps="ETHUSD", z="12"), found) is None
    batch = found.roll.taken("feed:binance-coinm", "run")
    assert batch is not None
    assert batch.liquidations[0].quantity == 12


def test_a_refused_message_is_kept_with_its_bytes_and_a_gap_is_not() -> None:
    found = market()
    found.receive(raw(trade(1)), NOW_MS)
    found.receive(raw(trade(3)), NOW_MS)
    found.receive(b"not JSON", NOW_MS)
    batch = found.roll.taken("feed:binance-usdm", "run")
    assert batch is not None
    assert [(one.kind, one.raw) for one in batch.refused] == [("malformed", b"not JSON")]


def test_each_channel_counts_what_it_hears() -> None:
    found = market()
    for message in (ticker(), trade(1), trade(2), mark_price(), b"not JSON"):
        fault_of(message, found)
    assert {name: one.count for name, one in found.channels.items() if one.count} == {"quote": 1, "trade": 2, "mark": 1}
    assert found.channels["trade"].last_ms == NOW_MS


def test_the_drift_is_the_largest_lead_of_a_window() -> None:
    found = market()
    for at_ms in (NOW_MS - 40, NOW_MS - 5, NOW_MS - 90):
        found.receive(raw(ticker(E=at_ms)), NOW_MS)
    assert found.drift.read(NOW_MS) == -5
    found.receive(raw(ticker(E=NOW_MS + 300)), NOW_MS)
    assert found.drift.read(NOW_MS + 1) == -5
    assert found.drift.read(NOW_MS + DRIFT_WINDOW_MS) == 300


def test_open_interest_is_in_the_base_or_the_quote_and_goes_with_the_book() -> None:
    linear, inverse = Market("binance-usdm", [LINEAR]), Market("binance-coinm", [replace(INVERSE, contract_size=TEN)])
    assert linear.open_interest("ETHUSDT") is None
    assert linear.take_interest("ETHUSDT", interest(), NOW_MS) is None
    told = interest(symbol="ETHUSD_PERP", openInterest="68000", pair="ETHUSD", contractType="PERPETUAL")
    assert inverse.take_interest("ETHUSD_PERP", told, NOW_MS) is None
    assert linear.open_interest("ETHUSDT") == 68_744.76
    assert inverse.open_interest("ETHUSD_PERP") == 680_000
    linear.forget_interest("ETHUSDT")
    inverse.wipe_books()
    assert (linear.open_interest("ETHUSDT"), inverse.open_interest("ETHUSD_PERP")) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (interest(openInterest="-5"), "malformed"),
        (interest(openInterest="nan"), "malformed"),
        (interest(symbol="BTCUSDT"), "malformed"),
        (b"<html>maintenance</html>", "malformed"),
        (interest(time=NOW_MS - 121_000), "clock"),
        (interest(time=NOW_MS + 60_000), "clock"),
    ],
)
def test_an_open_interest_that_cannot_be_is_refused_by_name(wrong: bytes, kind: str) -> None:
    found = Market("binance-usdm", [LINEAR])
    fault = found.take_interest("ETHUSDT", wrong, NOW_MS)
    assert fault is not None
    assert fault.kind == kind
    assert found.open_interest("ETHUSDT") is None
    assert found.counters["refused"] == 0  # its prices are as good as before
