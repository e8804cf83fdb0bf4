"""What Deribit's channels say becomes books and marks; what they should not say is refused by name."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.reference import Venue
from marketdata.feeds.deribit import requests
from marketdata.feeds.deribit.market import Market
from marketdata.feeds.deribit.protocol import sockets
from marketdata.feeds.public.market import CONFIRM_MS, Reply
from tests.builders.deribit import BTC, ETH, NOW_MS, book, notice, snapshot, ticker, trades
from tests.builders.markets import fault_of, raw, values_of

ROWS = [snapshot(), book(101), ticker(), trades(2681.6)]
SYMBOLS = ["ETH-PERPETUAL", "BTC-PERPETUAL"]


def market(**given: Any) -> Market:
    """Return a market of both instruments."""
    return Market("deribit", [ETH, BTC], **given)


def running_market(**given: Any) -> Market:
    """Return a market whose book of ETH has begun."""
    found = market(**given)
    found.receive(raw(snapshot()), NOW_MS)
    found.receive(raw(ticker()), NOW_MS)
    assert found.wanted() == ["BTC-PERPETUAL"]
    return found


def values(found: Market) -> dict[str, str]:
    """Return the text of each mark of ETH by its kind."""
    return values_of(ETH, found)


def test_a_book_runs_from_its_snapshot_and_gives_bid_and_ask() -> None:
    found = running_market()
    change = book(101, bids=[["change", 2681.6, 30.0], ["new", 2681.5, 5.0]], asks=[["new", 2681.7, 1.0]])
    assert fault_of(change, found) is None
    assert fault_of(book(105, 101, bids=[["delete", 2681.5, 0.0]]), found) is None
    ours = found.books["ETH-PERPETUAL"]
    assert (ours.bids.top(), ours.asks.top()) == ([(2681.6, 30.0)], [(2681.65, 20.0), (2681.7, 1.0)])
    assert (values(found)["bid"], values(found)["ask"]) == ("2681.60", "2681.65")
    assert found.counters == {"gaps": 0, "resyncs": 0, "refused": 0}


def test_amounts_in_dollars_become_contracts() -> None:
    found = market()
    sides: dict[str, Any] = {"bids": [["new", 96_000.0, 1_250.0]], "asks": [["new", 96_000.5, 10.0]]}
    assert fault_of(snapshot(symbol="BTC-PERPETUAL", **sides), found) is None
    ours = found.books["BTC-PERPETUAL"]
    assert (ours.bids.top(), ours.asks.top()) == ([(96_000.0, 125.0)], [(96_000.5, 1.0)])
    fault_of(trades(96_000.5, symbol="BTC-PERPETUAL", amount=580.0), found)
    batch = found.roll.taken("feed:deribit", "run")
    assert batch is not None
    assert [trade.quantity for trade in batch.trades] == [58.0]


def test_text_frames_are_read_like_bytes_and_fields_may_stand_in_any_order() -> None:
    found = market()
    found.receive(raw(snapshot()).decode(), NOW_MS)
    found.receive(raw(dict(reversed(book(101).items()))).decode(), NOW_MS)
    assert found.books["ETH-PERPETUAL"].last_id == 101


def test_only_what_the_venue_has_is_a_channel() -> None:
    assert list(market().channels) == ["book", "trade", "mark"]


def test_a_quote_that_does_not_move_is_said_again_now_and_then() -> None:
    found = running_market()
    found.changed()
    found.receive(raw(book(101)), NOW_MS + CONFIRM_MS - 1)
    assert found.changed() == []
    found.receive(raw(book(102)), NOW_MS + CONFIRM_MS)
    assert {mark.kind for mark in found.changed()} == {"bid", "ask"}


def test_a_ticker_becomes_mark_index_and_the_rate_of_eight_hours_without_a_time_of_payment() -> None:
    said = values(running_market())
    assert {kind: Decimal(said[kind]) for kind in said if kind not in ("bid", "ask")} == {
        "mark": Decimal("2681.61"),
        "index": Decimal("2682.1"),
        "funding_rate": Decimal("-0.0001"),
    }


def test_open_interest_is_in_usd_and_the_latest_that_was_said() -> None:
    found = running_market()
    (symbol,) = (name for name, ours in found.books.items() if ours.is_running)
    assert found.open_interest(symbol) == 68_744_760
    fault = fault_of(ticker(open_interest=-1), found)
    assert fault is not None
    assert found.open_interest(symbol) == 68_744_760
    found.wipe_books()
    assert found.open_interest(symbol) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (b"-4.739622041017375e-7", "-0.000000473962204102"),
        (b"0", "0"),
        (b"2.6e-6", "0.0000026"),
        (b"-0.00009234260068476106", "-0.000092342600684761"),
    ],
)
def test_a_rate_is_read_digit_by_digit_down_to_the_quantum(number: bytes, text: str) -> None:
    found = running_market()
    message = raw(ticker(current_funding=123.5)).replace(b"123.5", number)
    assert fault_of(message, found) is None
    assert f"{next(mark.value for mark in found.marks() if mark.kind == 'funding_rate'):f}" == text


def test_a_dated_contract_has_no_funding() -> None:
    found = market()
    row = ticker()
    del row["params"]["data"]["current_funding"]
    found.receive(raw(row), NOW_MS)
    assert values(found).keys() == {"mark", "index"}


def test_a_missing_change_is_a_gap_and_the_next_snapshot_heals_it() -> None:
    found = running_market()
    assert fault_of(book(103), found) == "gap"
    assert "ETH-PERPETUAL" in found.wanted()
    assert fault_of(book(104), found) is None
    assert found.books["ETH-PERPETUAL"].bids.top() == []
    found.receive(raw(snapshot(200)), NOW_MS)
    assert found.wanted() == ["BTC-PERPETUAL"]
    assert found.counters == {"gaps": 1, "resyncs": 1, "refused": 0}


def test_a_change_twice_is_a_gap() -> None:
    found = running_market()
    assert [fault_of(book(101), found), fault_of(book(101), found)] == [None, "gap"]


def test_changes_before_a_snapshot_are_nothing() -> None:
    found = market()
    assert fault_of(book(101), found) is None
    assert found.marks() == []
    assert found.wanted() == SYMBOLS


def huge(row: dict[str, Any], number: bytes) -> bytes:
    """Put a number that no encoder prints into the place of the mark."""
    return raw(row).replace(b"2681.61", number)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"not JSON", "malformed"),
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b"{}", "unknown_event"),
        (raw(notice("quote.ETH-PERPETUAL", {})), "unknown_event"),
        (raw({"jsonrpc": "2.0", "method": "news"}), "unknown_event"),
        (raw(notice("book.ETH-PERPETUAL.100ms", None)), "malformed"),
        (raw(book(101, symbol="SOL-PERPETUAL")), "unknown_symbol"),
        (raw(book(101, instrument_name="BTC-PERPETUAL")), "malformed"),
        (raw(notice("book", book(101)["params"]["data"])), "malformed"),
        (raw(book(101, prev_change_id=None)), "malformed"),
        (raw(book(101, change_id=None)), "malformed"),
        (raw(book(101, type="delta")), "malformed"),
        (raw(book(101, bids=[["new", 2681.6, -1.0]])), "malformed"),
        (raw(book(101, bids=[["new", "2681.6", 1.0]])), "malformed"),
        (raw(book(101, bids=[["new", 2681.6]])), "malformed"),
        (raw(book(101, bids=[["update", 2681.6, 1.0]])), "malformed"),
        (raw(book(101, bids=[["new", 2681.6, 0.0]])), "malformed"),
        (raw(book(101, bids=[["delete", 2681.6, 10.0]])), "malformed"),
        (raw(book(101, bids=[["new", 2681.61, 1.0]])), "off_tick"),
        (raw(book(101, bids=[["new", 2681.65, 1.0]])), "crossed"),
        (raw(book(101, asks=[["delete", 2681.65, 0.0]])), "empty"),
        (raw(book(101, bids=[["delete", 2681.6, 0.0], ["new", 1300.0, 1.0]])), "jump"),
        (raw(book(101, timestamp=NOW_MS + 60_000)), "clock"),
        (raw(book(101, timestamp=NOW_MS - 600_000)), "clock"),
        (raw(book(101, timestamp=10**18)), "malformed"),
        (raw(ticker(mark_price=0)), "not_positive"),
        (raw(ticker(mark_price="NaN")), "malformed"),
        (huge(ticker(), b"1e999999999"), "malformed"),
        (huge(ticker(), b"1e-999999999"), "malformed"),
        (huge(ticker(), b"2681." + b"1" * 100), "malformed"),
        (raw(ticker(index_price=None)), "malformed"),
        (raw(ticker(mark_price=3600.0)), "jump"),
        (raw(ticker(current_funding=0.5)), "funding"),
        (raw(ticker(current_funding=2)), "malformed"),
        (raw(ticker(timestamp=NOW_MS + 60_000)), "clock"),
        (raw(trades(2681.6, 2681.61)), "off_tick"),
        (raw(trades()), "malformed"),
        (raw(trades(0)), "malformed"),
        (raw(trades(2681.6, timestamp=NOW_MS - 600_000)), "clock"),
        (raw(trades(2681.6, direction="long")), "malformed"),
        (raw(trades(2681.6, liquidation="X")), "malformed"),
    ],
)
def test_what_the_venue_should_not_say_is_refused_by_name(message: bytes, kind: str) -> None:
    found = running_market()
    before = values(found)
    assert fault_of(message, found) == kind
    assert found.counters["refused"] == 1
    assert values(found) == before
    assert (fault_of(snapshot(300), found), fault_of(ticker(), found)) == (None, None)


def test_rows_of_another_instrument_among_trades_are_refused() -> None:
    row = trades(2681.6, 2681.65)
    row["params"]["data"][0]["instrument_name"] = "BTC-PERPETUAL"
    assert fault_of(row, running_market()) == "malformed"


@pytest.mark.parametrize(
    ("liquidated", "sides"), [(None, []), ("none", []), ("T", ["buy"]), ("M", ["sell"]), ("MT", ["buy", "sell"])]
)
def test_a_trade_that_closed_a_position_is_a_liquidation_by_the_side_of_its_order(
    liquidated: str | None, sides: list[str]
) -> None:
    found = market()
    assert fault_of(trades(2681.6, **({"liquidation": liquidated} if liquidated else {})), found) is None
    batch = found.roll.taken("feed:deribit", "run")
    assert batch is not None
    assert [(each.trade_id, each.side, each.quantity) for each in batch.trades] == [("ETH-0", "buy", 50.0)]
    assert [each.side for each in batch.liquidations] == sides


def test_a_subscription_is_taken_when_no_channel_is_left_out() -> None:
    found, channels = market(), requests.channels_of(SYMBOLS)
    answer = {"jsonrpc": "2.0", "id": requests.SUBSCRIBE, "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False}
    assert found.receive(raw(answer | {"result": channels}), NOW_MS) == Reply()
    assert found.receive(raw(answer | {"result": channels[1:]}), NOW_MS) == Reply(
        refusal="without book.ETH-PERPETUAL.100ms"
    )
    reply = found.receive(raw(answer | {"result": "ok"}), NOW_MS)
    assert reply is not None
    assert reply.refusal.startswith("a list of channels expected")


@pytest.mark.parametrize("id_", [requests.SUBSCRIBE, requests.HEARTBEAT, requests.RETURN, None])
def test_an_error_is_handed_back_in_the_venues_words_whatever_it_was_about(id_: int | None) -> None:
    found = market()
    error = {"code": 10028, "message": "too_many_requests", "data": {"wait": 5}}
    reply = found.receive(raw({"jsonrpc": "2.0", "id": id_, "error": error}), NOW_MS)
    assert reply == Reply(refusal='10028 too_many_requests {"wait":5}')
    assert found.counters["refused"] == 0


def test_the_venues_question_whether_we_are_there_is_answered_and_its_heartbeat_is_not() -> None:
    found = market()
    beat = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}
    reply = found.receive(raw(beat), NOW_MS)
    assert reply is not None
    assert msgspec.json.decode(reply.answer)["method"] == "public/test"
    assert found.receive(raw(beat | {"params": {"type": "heartbeat"}}), NOW_MS) is None
    assert found.receive(raw({"jsonrpc": "2.0", "id": requests.TEST, "result": {"version": "1"}}), NOW_MS) is None
    assert found.counters["refused"] == 0


def test_after_a_reconnect_nothing_is_merged_into_what_was_before() -> None:
    found = running_market()
    found.wipe_books()
    assert fault_of(book(101), found) is None
    assert not found.books["ETH-PERPETUAL"].is_running
    levels: dict[str, Any] = {"bids": [["new", 2681.4, 1.0]], "asks": [["new", 2681.45, 1.0]]}
    assert fault_of(snapshot(500, **levels), found) is None
    ours = found.books["ETH-PERPETUAL"]
    assert (ours.bids.top(), ours.asks.top()) == ([(2681.4, 1.0)], [(2681.45, 1.0)])


def test_everything_comes_by_one_socket_that_asks_for_heartbeats_first() -> None:
    venue = Venue(name="deribit", protocol="deribit", rest_url="http://h", ws_url="ws://h/")
    (one,) = sockets(venue, [ETH, BTC])
    assert one.url == "ws://h/ws/api/v2"
    assert msgspec.json.decode(one.greeting)["method"] == "public/set_heartbeat"
    assert msgspec.json.decode(one.subscribe)["params"]["channels"] == [
        f"{stream}.{symbol}.100ms" for symbol in SYMBOLS for stream in ("book", "ticker", "trades")
    ]
    again = [msgspec.json.decode(text) for text in one.again("BTC-PERPETUAL")]
    assert [(each["method"], each["params"]["channels"]) for each in again] == [
        (f"public/{verb}", ["book.BTC-PERPETUAL.100ms"]) for verb in ("unsubscribe", "subscribe")
    ]
    assert requests.SUBSCRIBE not in {each["id"] for each in again}
    assert one.again("SOL-PERPETUAL") == []


def _mutations(message: bytes) -> Iterator[bytes]:
    yield message[: len(message) // 2]
    yield message.replace(b'"', b"", 3)
    yield message.replace(b":", b":[", 1)


@pytest.mark.parametrize("row", ROWS)
def test_a_torn_message_is_malformed(row: dict[str, Any]) -> None:
    assert {fault_of(torn, running_market()) for torn in _mutations(raw(row))} == {"malformed"}


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_no_bytes_make_a_market_raise(noise: bytes | str) -> None:
    found = market()
    found.receive(noise, NOW_MS)
    assert found.message_count == 1
    assert found.marks() == []


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_DRAWN = _SCALARS | st.lists(st.lists(_SCALARS, max_size=4), max_size=3)


@pytest.mark.parametrize("row", ROWS)
@given(data=st.data())
def test_no_value_in_a_field_makes_a_market_raise(row: dict[str, Any], data: st.DataObject) -> None:
    params = row["params"]
    inner = params["data"][0] if isinstance(params["data"], list) else params["data"]
    names = [*sorted(row), *(f"params.{field}" for field in params), *(f"data.{field}" for field in sorted(inner))]
    part, _, field = data.draw(st.sampled_from(names)).rpartition(".")
    value = data.draw(_DRAWN)
    if part == "data":
        changed = inner | {field: value}
        message = row | {"params": params | {"data": [changed] if isinstance(params["data"], list) else changed}}
    else:
        message = row | ({"params": params | {field: value}} if part else {field: value})
    try:
        encoded = raw(message)
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
        return
    found = running_market()
    found.receive(encoded, NOW_MS)
    found.changed()
    found.marks()
