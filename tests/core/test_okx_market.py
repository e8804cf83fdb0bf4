"""What OKX's channels say becomes books and marks; what they should not say is refused by name."""

from collections.abc import Iterator
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.reference import Venue
from marketdata.core.checks import Bounds
from marketdata.core.tape import RAW_BYTES_MAX
from marketdata.feeds.okx.checksum import checksum
from marketdata.feeds.okx.market import Market
from marketdata.feeds.okx.protocol import sockets
from marketdata.feeds.public.depths import Depths
from marketdata.feeds.public.market import CONFIRM_MS, QUARANTINE_MAX, Reply
from tests.builders.markets import fault_of, raw, values_of
from tests.builders.okx import (
    DATED,
    INVERSE,
    LINEAR,
    NOW_MS,
    book,
    forced,
    funding,
    index,
    mark,
    open_interest,
    snapshot,
    trades,
)

ROWS = [snapshot(), book(101), mark(), index(), funding(), trades("2681.60"), forced(), open_interest()]


def market(**given: Any) -> Market:
    """Return a market of both instruments."""
    return Market("okx", [LINEAR, INVERSE], **given)


def running_market(**given: Any) -> Market:
    """Return a market whose linear book and marks have begun."""
    found = market(**given)
    for row in (snapshot(), mark(), index(), funding()):
        found.receive(raw(row), NOW_MS)
    assert found.wanted() == ["ETH-USD-SWAP"]
    return found


def values(found: Market) -> dict[str, str]:
    """Return the text of each mark of the linear instrument by its kind."""
    return values_of(LINEAR, found)


def test_a_book_runs_from_its_snapshot_in_contracts_and_gives_bid_and_ask() -> None:
    found = running_market()
    assert fault_of(book(101), found) is None
    ours = found.books["ETH-USDT-SWAP"]
    assert (ours.bids.top(), ours.asks.top()) == ([(2681.60, 1.0), (2681.59, 4.0)], [(2681.61, 1.0)])
    assert (values(found)["bid"], values(found)["ask"]) == ("2681.60", "2681.61")
    assert found.counters == {"gaps": 0, "resyncs": 0, "refused": 0}


def test_text_frames_are_read_like_bytes_and_fields_may_stand_in_any_order() -> None:
    found = market()
    found.receive(raw(snapshot()).decode(), NOW_MS)
    found.receive(raw(dict(reversed(book(101).items()))).decode(), NOW_MS)
    assert found.books["ETH-USDT-SWAP"].last_id == 101


def test_ids_may_skip_numbers_for_each_change_names_the_one_before() -> None:
    found = running_market()
    assert [fault_of(book(117, after=100), found), fault_of(book(124, after=117), found)] == [None, None]


def test_a_change_that_changes_nothing_keeps_the_book_alive() -> None:
    found = running_market()
    found.changed()
    later = NOW_MS + CONFIRM_MS
    nothing = book(100, after=100, bids=[], ts=str(later))
    assert fault_of(nothing, found, later) is None
    assert {mark.kind for mark in found.changed()} == {"bid", "ask"}
    assert fault_of(book(101), found, later) is None


def test_ids_that_begin_anew_lower_after_a_maintenance_follow_on_as_named() -> None:
    found = running_market()
    assert [fault_of(book(3, after=100), found), fault_of(book(5, after=3), found)] == [None, None]
    assert found.books["ETH-USDT-SWAP"].last_id == 5


def test_a_missing_change_is_a_gap_and_the_next_snapshot_heals_it() -> None:
    found = running_market()
    assert fault_of(book(103), found) == "gap"
    assert not found.books["ETH-USDT-SWAP"].is_running
    assert "ETH-USDT-SWAP" in found.wanted()
    assert fault_of(book(104), found) is None
    assert found.books["ETH-USDT-SWAP"].bids.top() == []
    found.receive(raw(snapshot(200)), NOW_MS)
    assert found.wanted() == ["ETH-USD-SWAP"]
    assert found.counters == {"gaps": 1, "resyncs": 1, "refused": 0}


def test_a_change_twice_is_a_gap() -> None:
    found = running_market()
    assert [fault_of(book(101), found), fault_of(book(101), found)] == [None, "gap"]


def test_changes_before_a_snapshot_are_nothing() -> None:
    found = market()
    assert fault_of(book(101), found) is None
    assert found.marks() == []
    assert found.wanted() == ["ETH-USDT-SWAP", "ETH-USD-SWAP"]


def test_the_checksum_of_the_venues_own_example_is_what_it_says() -> None:
    assert checksum([(3366.1, 7.0), (3366.0, 6.0)], [(3366.8, 9.0), (3368.0, 8.0)]) == -1881014294
    assert checksum([(3366.1, 7.0)], [(3366.8, 9.0), (3368.0, 8.0), (3372.0, 8.0)]) == 831078360


def test_a_book_that_does_not_come_to_its_checksum_is_wiped_as_after_a_gap() -> None:
    found = running_market()
    right = checksum([(2681.60, 1.0), (2681.59, 4.0)], [(2681.61, 1.0)])
    assert fault_of(book(101, checksum=right), found) is None
    assert fault_of(book(102, checksum=right, bids=[["2681.58", "0.01", "0", "1"]]), found) == "gap"
    assert not found.books["ETH-USDT-SWAP"].is_running
    assert fault_of(snapshot(200, checksum=12345), found) == "gap"
    assert fault_of(snapshot(200, checksum=0), found) is None


def test_mark_index_and_funding_are_kept_to_the_last_digit() -> None:
    said = values(running_market())
    assert {kind: said[kind] for kind in ("mark", "index", "funding_rate", "funding_at")} == {
        "mark": "2681.61",
        "index": "2682.1",
        "funding_rate": "-0.0001875391284828",
        "funding_at": "1794003600.123",
    }


def test_an_index_is_that_of_every_contract_on_it() -> None:
    found = Market("okx", [LINEAR, DATED, INVERSE])
    assert fault_of(index(), found) is None
    assert {mark.subject for mark in found.marks()} == {LINEAR.id, DATED.id}


def test_a_rate_that_is_not_known_yet_is_nothing() -> None:
    found = market()
    assert fault_of(funding(""), found) is None
    assert found.marks() == []


def test_open_interest_is_in_the_base_or_the_quote_and_goes_with_the_book() -> None:
    found = running_market()
    assert found.open_interest("ETH-USDT-SWAP") is None
    assert fault_of(open_interest(), found) is None
    assert fault_of(open_interest("68000", symbol="ETH-USD-SWAP"), found) is None
    assert found.open_interest("ETH-USDT-SWAP") == pytest.approx(68_744.76)
    assert found.open_interest("ETH-USD-SWAP") == 680_000
    posted = {one.instrument: one.open_interest for one in Depths(found).changed(0.0)[0]}
    assert posted[LINEAR.id] == pytest.approx(68_744.76)
    for wrong in (open_interest("-5"), open_interest(ts="0"), open_interest(instId="ETH-USD-SWAP")):
        assert fault_of(wrong, found) is not None
    assert found.open_interest("ETH-USDT-SWAP") == pytest.approx(68_744.76)
    found.wipe_books()
    assert found.open_interest("ETH-USDT-SWAP") is None


def test_an_older_value_does_not_replace_a_later_one() -> None:
    found = running_market()
    assert fault_of(mark("2681.99", ts=str(NOW_MS - 1)), found) is None
    assert values(found)["mark"] == "2681.61"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"not JSON", "malformed"),
        (b"", "malformed"),
        (b"{}", "malformed"),
        (b"[]", "malformed"),
        (b"ping", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"arg":{"channel":"books","instId":"ETH-USDT-SWAP"}}', "malformed"),
        (raw({"arg": {"channel": "candle1m", "instId": "ETH-USDT-SWAP"}, "data": []}), "unknown_event"),
        (raw({"event": "channel-conn-count", "connCount": "1"}), "unknown_event"),
        (raw(book(101, symbol="XRP-USDT-SWAP")), "unknown_symbol"),
        (raw(mark(symbol="XRP-USDT-SWAP")), "unknown_symbol"),
        (raw(index(name="XRP-USDT")), "unknown_symbol"),
        (raw(mark(instId="ETH-USD-SWAP")), "malformed"),
        (raw(trades("2681.60", instId="ETH-USD-SWAP")), "malformed"),
        (raw(book(101) | {"action": "delta"}), "malformed"),
        (raw(book(101) | {"data": []}), "malformed"),
        (raw(book(101, prevSeqId=None)), "malformed"),
        (raw(book(101, seqId="x")), "malformed"),
        (raw(book(101, bids=[["2681.60", "-1", "0", "1"]])), "malformed"),
        (raw(book(101, bids=[["NaN", "1", "0", "1"]])), "malformed"),
        (raw(book(101, bids=[["1"]])), "malformed"),
        (raw(book(101, bids=[["2681.605", "1", "0", "1"]])), "off_tick"),
        (raw(book(101, bids=[["2681.61", "1", "0", "1"]])), "crossed"),
        (raw(book(101, asks=[["2681.61", "0", "0", "0"]])), "empty"),
        (raw(book(101, asks=[["2681.61", "0", "0", "0"], ["5600", "1", "0", "1"]])), "jump"),
        (raw(book(101, ts=str(NOW_MS + 60_000))), "clock"),
        (raw(book(101, ts=str(NOW_MS - 600_000))), "clock"),
        (raw(book(101, ts=str(10**18))), "malformed"),
        (raw(book(101, ts="")), "malformed"),
        (raw(mark("0")), "not_positive"),
        (raw(mark("")), "malformed"),
        (raw(mark("3600")), "jump"),
        (raw(index("1e3")), "malformed"),
        (raw(index("3600")), "jump"),
        (raw(mark(ts=str(NOW_MS + 60_000))), "clock"),
        (raw(funding("abc")), "malformed"),
        (raw(funding(ts=str(NOW_MS - 600_000))), "clock"),
        (raw(trades("2681.60", "2681.601")), "off_tick"),
        (raw(trades("inf")), "malformed"),
        (raw(trades()), "malformed"),
        (raw(trades("2681.60", side="Buy")), "malformed"),
        (raw(trades("2681.60", ts=str(NOW_MS - 600_000))), "clock"),
        (raw(forced({"bkPx": "0"})), "malformed"),
        (raw(forced({"sz": "-1"})), "malformed"),
        (raw(forced({"ts": str(NOW_MS - 600_000)})), "clock"),
        (raw(forced({"side": "net"})), "malformed"),
    ],
)
def test_what_the_venue_should_not_say_is_refused_by_name(message: bytes, kind: str) -> None:
    found = running_market()
    before = values(found)
    assert fault_of(message, found) == kind
    assert found.counters["refused"] == 1
    assert values(found) == before
    assert (fault_of(snapshot(300), found), fault_of(mark(), found)) == (None, None)


def test_a_price_that_jumps_is_refused_until_the_last_one_is_old() -> None:
    found = running_market(bounds=Bounds(jump_max=0.1, jump_memory_ms=3_000))
    sides: dict[str, Any] = {"bids": [["3600", "1", "0", "1"]], "asks": [["3600.01", "1", "0", "1"]]}
    assert fault_of(snapshot(200, **sides), found) == "jump"
    assert not found.books["ETH-USDT-SWAP"].is_running
    later = NOW_MS + 3_001
    assert fault_of(snapshot(200, ts=str(later), **sides), found, later) is None
    assert values(found)["bid"] == "3600.00"


def test_every_trade_and_liquidation_of_ours_is_told_to_the_tape_in_contracts() -> None:
    found = market()
    others = forced(symbol="MINA-USDT-SWAP")
    for row in (trades("2681.60", "2681.61"), forced({}, {"side": "buy", "sz": "1"}), others):
        assert fault_of(row, found) is None
    batch = found.roll.taken("feed:okx", "run")
    assert batch is not None
    assert [(each.trade_id, each.side, each.price, each.quantity) for each in batch.trades] == [
        ("500", "buy", 2681.60, 5.2),
        ("501", "buy", 2681.61, 5.2),
    ]
    assert [(each.instrument, each.side, each.quantity, each.price) for each in batch.liquidations] == [
        (LINEAR.id, "sell", 12.34, 2650.0),
        (LINEAR.id, "buy", 1.0, 2650.0),
    ]


def test_an_answer_to_a_subscription_is_handed_back_and_a_pong_is_not() -> None:
    found = market()
    subscribed = {"event": "subscribe", "arg": {"channel": "books", "instId": "ETH-USDT-SWAP"}, "connId": "a4d3ae55"}
    assert found.receive(raw(subscribed), NOW_MS) == Reply()
    assert found.receive(raw(subscribed | {"event": "unsubscribe"}), NOW_MS) is None
    assert (found.receive("pong", NOW_MS), found.receive(b"pong", NOW_MS)) == (None, None)
    refused = {"event": "error", "msg": "Wrong URL or channel:books,instId:X doesn't exist.", "code": "60018"}
    assert found.receive(raw(refused), NOW_MS) == Reply(
        refusal="60018 Wrong URL or channel:books,instId:X doesn't exist."
    )
    assert found.counters["refused"] == 0


def test_the_word_that_the_service_goes_down_for_an_upgrade_is_a_farewell() -> None:
    said = "The connection will soon be closed for a service upgrade. Please reconnect."
    notice = {"event": "notice", "code": "64008", "msg": said, "connId": "a4d3ae55"}
    assert market().receive(raw(notice), NOW_MS) == Reply(farewell=f"64008 {said}")


def test_after_a_reconnect_nothing_is_merged_into_what_was_before() -> None:
    found = running_market()
    found.wipe_books()
    assert fault_of(book(101), found) is None
    assert not found.books["ETH-USDT-SWAP"].is_running
    assert values(found)["mark"] == "2681.61"


def test_one_socket_has_all_channels_and_begins_a_book_again() -> None:
    venue = Venue(name="okx", protocol="okx", rest_url="http://h", ws_url="ws://h/")
    (socket,) = sockets(venue, [LINEAR, DATED, INVERSE])
    assert socket.url == "ws://h/ws/v5/public"
    asked = msgspec.json.decode(socket.subscribe)
    assert asked["op"] == "subscribe"
    named = [(each["channel"], each.get("instId") or each["instType"]) for each in asked["args"]]
    assert named == [
        *((channel, "ETH-USDT-SWAP") for channel in ("books", "trades", "mark-price", "funding-rate", "open-interest")),
        *((channel, "ETH-USDT-270326") for channel in ("books", "trades", "mark-price", "open-interest")),
        *((channel, "ETH-USD-SWAP") for channel in ("books", "trades", "mark-price", "funding-rate", "open-interest")),
        ("index-tickers", "ETH-USDT"),
        ("index-tickers", "ETH-USD"),
        ("liquidation-orders", "SWAP"),
        ("liquidation-orders", "FUTURES"),
    ]
    assert socket.again("XRP-USDT-SWAP") == []
    assert [msgspec.json.decode(text) for text in socket.again("ETH-USD-SWAP")] == [
        {"op": op, "args": [{"channel": "books", "instId": "ETH-USD-SWAP"}]} for op in ("unsubscribe", "subscribe")
    ]
    assert sockets(venue, []) == []


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


@given(price=st.decimals("0.01", "99999.99", places=2), size=st.decimals("0.01", "9999999.99", places=2))
def test_a_checksum_is_of_the_numbers_as_the_venue_prints_them(price: Any, size: Any) -> None:
    printed = [f"{number.normalize():f}" for number in (price, size)]
    found = Market("okx", [LINEAR])
    ask = f"{price + 1:f}"
    told = crc32(":".join([*printed, f"{(price + 1).normalize():f}", "1"]).encode())
    signed = told - (1 << 32) if told >= 1 << 31 else told
    sides: dict[str, Any] = {"bids": [[*printed, "0", "1"]], "asks": [[ask, "1", "0", "1"]]}
    assert fault_of(snapshot(1, checksum=signed, **sides), found) is None


@pytest.mark.parametrize("row", ROWS)
@given(data=st.data())
def test_no_value_in_a_field_makes_a_market_raise(row: dict[str, Any], data: st.DataObject) -> None:
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    drawn = scalars | st.lists(st.lists(scalars, max_size=5), max_size=3)
    inner = row["data"][0]
    name = data.draw(st.sampled_from([*sorted(row), *(f"data.{field}" for field in sorted(inner)), "arg.instId"]))
    found = running_market()
    value = data.draw(drawn)
    if name.startswith("data."):
        message = row | {"data": [inner | {name.removeprefix("data."): value}]}
    elif name.startswith("arg."):
        message = row | {"arg": row["arg"] | {"instId": value}}
    else:
        message = row | {name: value}
    try:
        encoded = raw(message)
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
        return
    found.receive(encoded, NOW_MS)
    found.changed()
    found.marks()
