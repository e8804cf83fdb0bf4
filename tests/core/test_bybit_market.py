"""What Bybit's topics say becomes books and marks; what they should not say is refused by name."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.reference import Venue
from marketdata.core.checks import Bounds
from marketdata.core.tape import RAW_BYTES_MAX
from marketdata.feeds.bybit.market import Market
from marketdata.feeds.bybit.protocol import sockets
from marketdata.feeds.public.depths import Depths
from marketdata.feeds.public.market import CONFIRM_MS, QUARANTINE_MAX, Reply
from tests.builders.bybit import INVERSE, LINEAR, NOW_MS, book, forced, snapshot, ticker, trades
from tests.builders.markets import fault_of, raw, values_of

ROWS = [snapshot(), book(101), ticker(), ticker(kind="delta", markPrice="2681.70"), trades("2681.60"), forced()]


def market(**given: Any) -> Market:
    """Return a market of both instruments."""
    return Market("bybit", [LINEAR, INVERSE], **given)


def running_market(**given: Any) -> Market:
    """Return a market whose linear book and ticker have begun."""
    found = market(**given)
    found.receive(raw(snapshot()), NOW_MS)
    found.receive(raw(ticker()), NOW_MS)
    assert found.wanted() == ["ETHUSD"]
    return found


def values(found: Market) -> dict[str, str]:
    """Return the text of each mark of the linear instrument by its kind."""
    return values_of(LINEAR, found)


def test_a_book_runs_from_its_snapshot_and_gives_bid_and_ask() -> None:
    found = running_market()
    assert fault_of(book(101), found) is None
    ours = found.books["ETHUSDT"]
    assert (ours.bids.top(), ours.asks.top()) == ([(2681.60, 1.0), (2681.59, 4.0)], [(2681.61, 1.0)])
    assert (values(found)["bid"], values(found)["ask"]) == ("2681.60", "2681.61")
    assert found.counters == {"gaps": 0, "resyncs": 0, "refused": 0}


def test_text_frames_are_read_like_bytes_and_fields_may_stand_in_any_order() -> None:
    found = market()
    found.receive(raw(snapshot()).decode(), NOW_MS)
    found.receive(raw(dict(reversed(book(101).items()))).decode(), NOW_MS)
    assert found.books["ETHUSDT"].last_id == 101


def test_a_quote_that_does_not_move_is_said_again_now_and_then() -> None:
    found = running_market()
    found.changed()
    found.receive(raw(book(101)), NOW_MS + CONFIRM_MS - 1)
    assert found.changed() == []
    found.receive(raw(book(102)), NOW_MS + CONFIRM_MS)
    assert {mark.kind for mark in found.changed()} == {"bid", "ask"}


def test_a_ticker_becomes_mark_index_and_funding_to_the_last_digit() -> None:
    said = values(running_market())
    assert {kind: said[kind] for kind in ("mark", "index", "funding_rate", "funding_at")} == {
        "mark": "2681.61",
        "index": "2682.10",
        "funding_rate": "-0.00010000",
        "funding_at": "1794003600.123",
    }


def test_what_a_tickers_delta_leaves_out_is_as_it_was_and_as_young_as_the_delta() -> None:
    found = running_market()
    later = NOW_MS + 1_000
    assert fault_of(ticker(kind="delta", ts=later, fundingRate="0.00030000"), found, later) is None
    said = values(found)
    assert (said["mark"], said["funding_rate"], said["funding_at"]) == ("2681.61", "0.00030000", "1794003600.123")
    (mark,) = (mark for mark in found.marks() if mark.kind == "mark")
    assert mark.at == mark.received_at == datetime.fromtimestamp(later / 1000, UTC)


def test_it_has_no_channel_of_quotes_for_nobody_sends_them() -> None:
    assert set(market().channels) == {"book", "mark", "trade", "liquidation"}


def test_a_dated_contract_has_no_funding() -> None:
    found = market()
    found.receive(raw(ticker(fundingRate="", nextFundingTime="0")), NOW_MS)
    assert values(found).keys() == {"mark", "index"}


def test_a_missing_delta_is_a_gap_and_the_next_snapshot_heals_it() -> None:
    found = running_market()
    assert fault_of(book(103), found) == "gap"
    assert not found.books["ETHUSDT"].is_running
    assert "ETHUSDT" in found.wanted()
    assert fault_of(book(104), found) is None
    assert found.books["ETHUSDT"].bids.top() == []
    found.receive(raw(snapshot(200)), NOW_MS)
    assert found.books["ETHUSDT"].is_running
    assert found.wanted() == ["ETHUSD"]
    assert found.counters == {"gaps": 1, "resyncs": 1, "refused": 0}


def test_a_delta_twice_is_a_gap() -> None:
    found = running_market()
    assert [fault_of(book(101), found), fault_of(book(101), found)] == [None, "gap"]


def test_a_matching_engine_that_goes_back_is_a_gap() -> None:
    found = running_market()
    assert fault_of(book(101, seq=7_099), found) == "gap"
    assert not found.books["ETHUSDT"].is_running


@pytest.mark.parametrize("kind", ["snapshot", "delta"])
def test_the_update_id_1_of_a_service_that_restarted_replaces_the_book(kind: str) -> None:
    found = running_market()
    restarted = book(1, kind=kind, b=[["2680.00", "3.00"]], a=[["2680.01", "2.00"]], seq=5)
    assert fault_of(restarted, found) is None
    ours = found.books["ETHUSDT"]
    assert (ours.bids.top(), ours.asks.top(), ours.last_id) == ([(2680.0, 3.0)], [(2680.01, 2.0)], 1)
    assert fault_of(book(2, seq=6, b=[["2680.00", "5.00"]]), found) is None


def test_deltas_before_a_snapshot_are_nothing() -> None:
    found = market()
    assert fault_of(book(101), found) is None
    assert fault_of(ticker(kind="delta", markPrice="2681.70"), found) is None
    assert found.marks() == []
    assert found.wanted() == ["ETHUSDT", "ETHUSD"]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"not JSON", "malformed"),
        (b"", "malformed"),
        (b"{}", "malformed"),
        (b"[]", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"topic":"orderbook.50.ETHUSDT"}', "malformed"),
        (raw({"topic": "kline.5.ETHUSDT", "type": "snapshot", "ts": NOW_MS, "data": []}), "unknown_event"),
        (raw(book(101, symbol="XRPUSDT")), "unknown_symbol"),
        (raw(book(101, s="ETHUSD")), "malformed"),
        (raw(book(101, b=[["2681.60", "-1"]])), "malformed"),
        (raw(book(101, b=[["NaN", "1"]])), "malformed"),
        (raw(book(101, b=[["1"]])), "malformed"),
        (raw(book(101, b=[["2681.605", "1"]])), "off_tick"),
        (raw(book(101, b=[["2681.61", "1"]])), "crossed"),
        (raw(book(101, a=[["2681.61", "0"]])), "empty"),
        (raw(book(101, b=[["2681.60", "0"], ["2681.59", "0"], ["1300.00", "1"]])), "jump"),
        (raw(book(101, a=[["2681.61", "0"], ["5600.00", "1"]])), "jump"),
        (raw(book(101) | {"ts": NOW_MS + 60_000}), "clock"),
        (raw(book(101) | {"ts": NOW_MS - 600_000}), "clock"),
        (raw(book(101) | {"ts": 10**18}), "malformed"),
        (raw(ticker(markPrice="0")), "not_positive"),
        (raw(ticker(indexPrice="1e3")), "malformed"),
        (raw(ticker(markPrice=None, fundingRate="abc")), "malformed"),
        (raw(ticker(markPrice="3600.00")), "jump"),
        (raw(ticker(ts=NOW_MS + 60_000)), "clock"),
        (raw(trades("2681.60", "2681.601")), "off_tick"),
        (raw(trades("inf")), "malformed"),
        (raw(trades()), "malformed"),
        (raw(trades("2681.60", T=NOW_MS - 600_000)), "clock"),
        (raw(forced(p="0")), "malformed"),
        (raw(forced(v="-1")), "malformed"),
        (raw(forced(T=NOW_MS - 600_000)), "clock"),
        (raw(forced(S="Long")), "malformed"),
    ],
)
def test_what_the_venue_should_not_say_is_refused_by_name(message: bytes, kind: str) -> None:
    found = running_market()
    before = values(found)
    assert fault_of(message, found) == kind
    assert found.counters["refused"] == 1
    assert values(found) == before
    assert (fault_of(snapshot(300), found), fault_of(ticker(), found)) == (None, None)


def test_open_interest_is_the_latest_that_was_said_and_goes_with_the_book() -> None:
    found = running_market()
    assert found.open_interest("ETHUSDT") == 68_744.76
    assert found.open_interest("ETHUSD") is None
    assert fault_of(ticker(kind="delta", ts=NOW_MS + 1, markPrice="2681.62"), found, NOW_MS + 1) is None
    assert Depths(found).changed(0.0)[0][0].open_interest == 68_744.76
    assert fault_of(ticker(kind="delta", ts=NOW_MS + 2, openInterest=""), found, NOW_MS + 2) is None
    assert found.open_interest("ETHUSDT") is None
    assert fault_of(ticker(kind="delta", ts=NOW_MS + 3, openInterest="-5"), found, NOW_MS + 3) is not None
    found.receive(raw(ticker()), NOW_MS + 4)
    found.wipe_books()
    assert found.open_interest("ETHUSDT") is None


@pytest.mark.parametrize(
    "poison",
    [
        ticker(kind="delta", markPrice="3600.00"),
        raw(ticker(kind="delta", markPrice="2681.70")).replace(b"2681.70", b"2681.70,,"),
        b"torn beyond recognition",
    ],
)
def test_a_ticker_is_not_merged_on_after_a_message_of_it_was_refused(poison: Any) -> None:
    found = running_market()
    assert fault_of(poison, found) is not None
    assert "ETHUSDT" in found.wanted()
    later = NOW_MS + 500
    assert fault_of(ticker(kind="delta", ts=later, openInterest="1"), found, later) is None
    assert {mark.received_at for mark in found.marks() if mark.kind == "mark"} == {
        datetime.fromtimestamp(NOW_MS / 1000, UTC)
    }


def test_a_torn_message_of_one_instrument_leaves_the_others_as_they_are() -> None:
    found = running_market()
    fault_of(raw(ticker(symbol="ETHUSD"))[:60], found)
    fault_of(raw(trades("2681.60"))[:60], found)
    assert found.wanted() == ["ETHUSD"]


def test_a_price_that_jumps_is_refused_until_the_last_one_is_old() -> None:
    found = running_market(bounds=Bounds(jump_max=0.1, jump_memory_ms=3_000))
    jumped = snapshot(200, b=[["3600.00", "1"]], a=[["3600.01", "1"]])
    assert fault_of(jumped, found) == "jump"
    assert not found.books["ETHUSDT"].is_running
    later = NOW_MS + 3_001
    assert fault_of(jumped | {"ts": later}, found, later) is None
    assert values(found)["bid"] == "3600.00"


def test_trades_and_liquidations_are_told_to_the_tape_by_the_side_of_the_order() -> None:
    found = market()
    for row in (trades("2681.60", "2681.61"), forced(), forced(S="Sell")):
        assert fault_of(row, found) is None
    batch = found.roll.taken("feed:bybit", "run")
    assert batch is not None
    assert [(each.trade_id, each.side, each.price) for each in batch.trades] == [
        ("t0", "buy", 2681.60),
        ("t1", "buy", 2681.61),
    ]
    assert [(each.side, each.quantity, each.price) for each in batch.liquidations] == [
        ("sell", 12.34, 2650.0),
        ("buy", 12.34, 2650.0),
    ]


def test_an_answer_to_a_subscription_is_handed_back_and_a_pong_is_not() -> None:
    found = market()
    subscribed = {"success": True, "ret_msg": "subscribe", "conn_id": "c", "req_id": "", "op": "subscribe"}
    assert found.receive(raw(subscribed), NOW_MS) == Reply()
    assert found.receive(raw(subscribed | {"op": "unsubscribe"}), NOW_MS) is None
    assert found.receive(raw(subscribed | {"op": "ping", "ret_msg": "pong"}), NOW_MS) is None
    refused = subscribed | {"success": False, "ret_msg": "error:handler not found,topic:orderbook.50.XX"}
    assert found.receive(raw(refused), NOW_MS) == Reply(refusal="error:handler not found,topic:orderbook.50.XX")
    assert found.counters["refused"] == 0


def test_after_a_reconnect_nothing_is_merged_into_what_was_before() -> None:
    found = running_market()
    found.wipe_books()
    assert (fault_of(book(101), found), fault_of(ticker(kind="delta", markPrice="2681.70"), found)) == (None, None)
    assert not found.books["ETHUSDT"].is_running
    assert values(found)["mark"] == "2681.61"


def test_each_kind_of_contract_has_its_socket_and_begins_its_own_streams_again() -> None:
    venue = Venue(name="bybit", protocol="bybit", rest_url="http://h", ws_url="ws://h/")
    linear, inverse = sockets(venue, [LINEAR, INVERSE])
    assert (linear.url, inverse.url) == ("ws://h/v5/public/linear", "ws://h/v5/public/inverse")
    assert msgspec.json.decode(inverse.subscribe) == {
        "op": "subscribe",
        "args": ["orderbook.50.ETHUSD", "tickers.ETHUSD", "publicTrade.ETHUSD", "allLiquidation.ETHUSD"],
    }
    assert linear.again("ETHUSD") == []
    assert [msgspec.json.decode(text) for text in linear.again("ETHUSDT")] == [
        {"op": op, "args": ["orderbook.50.ETHUSDT", "tickers.ETHUSDT"]} for op in ("unsubscribe", "subscribe")
    ]
    assert [socket.url for socket in sockets(venue, [INVERSE])] == ["ws://h/v5/public/inverse"]


def test_the_quarantine_is_bounded() -> None:
    found = market()
    for _ in range(QUARANTINE_MAX + 10):
        found.receive(b"x" * (2 * RAW_BYTES_MAX), NOW_MS)
    assert len(found.quarantine) == QUARANTINE_MAX
    assert {len(refused.raw) for refused in found.quarantine} == {RAW_BYTES_MAX}


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


@pytest.mark.parametrize("row", ROWS)
@given(data=st.data())
def test_no_value_in_a_field_makes_a_market_raise(row: dict[str, Any], data: st.DataObject) -> None:
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    drawn = scalars | st.lists(st.lists(scalars, max_size=3), max_size=3)
    inner = row["data"][0] if isinstance(row["data"], list) else row["data"]
    name = data.draw(st.sampled_from([*sorted(row), *(f"data.{field}" for field in sorted(inner))]))
    found = running_market()
    value = data.draw(drawn)
    if name.startswith("data."):
        changed = inner | {name.removeprefix("data."): value}
        message = row | {"data": [changed] if isinstance(row["data"], list) else changed}
    else:
        message = row | {name: value}
    try:
        encoded = raw(message)
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
        return
    found.receive(encoded, NOW_MS)
    found.changed()
    found.marks()
