"""Book: a total fold that can be written out, read and continued."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import KINDS, Event
from hedgeapp.core.events.breaks import VenueBlocked, VenueFreed
from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.trading import OrderSeen, OrderStatus
from portfolio.core.book import EVENTS_KEPT, ORDERS_KEPT, Book
from portfolio.core.faults import FAULTS_KEPT
from portfolio.core.snapshots import BookState, SnapshotIsOfAnotherVersion, dump, load
from tests.builders.alerts import ALERTS
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    collateral,
    fill,
    instrument,
    introduced,
    opening,
    recorded,
    reference,
)
from tests.builders.breaks import BREAKS
from tests.builders.door import DOOR
from tests.builders.examples import OTHERS, PASSKEYS, PEOPLE, REFERENCE, SCENARIOS, SOURCES, SUSPENSIONS, TRADING
from tests.builders.moves import MOVES
from tests.builders.orders import DESK
from tests.strategies import account_events

EVENTS: list[Event] = [
    *(*REFERENCE, *TRADING, *OTHERS, *DESK, *ALERTS, *BREAKS, *MOVES),
    *(*PASSKEYS, *PEOPLE, *DOOR, *SOURCES, *SUSPENSIONS, *SCENARIOS),
]
SECOND = timedelta(seconds=1)


def order(status: OrderStatus, filled: str = "0", number: int = 1) -> OrderSeen:
    return OrderSeen(
        at=AT + SECOND * number,
        account=USDM,
        instrument=LINEAR,
        venue_order_id=str(number),
        client_order_id="",
        side="sell",
        type="limit",
        status=status,
        price=D(2000),
        quantity=D(2),
        filled=D(filled),
        average_price=None,
        reduce_only=False,
    )


def rebuilt(events: list[Event]) -> Book:
    book = Book()
    for one in recorded(events):
        book.apply(one)
    return book


def test_every_kind_of_event_is_folded_and_told() -> None:
    assert {type(one).__name__ for one in EVENTS} == set(KINDS)
    book = rebuilt(EVENTS)
    assert book.seq == len(EVENTS)
    assert all(row.sentence for row in book.latest_events)


def test_a_venue_stays_blocked_across_a_snapshot_until_it_is_freed() -> None:
    blocked = VenueBlocked(at=AT, venue="binance-usdm", break_ids=("fill-1",), because="above its limit")
    continued = load(msgspec.json.decode(msgspec.json.encode(dump(rebuilt([blocked]))), type=BookState))
    assert continued.blocking.of("binance-usdm") == blocked
    assert continued.blocking.of("binance-coinm") is None
    for one in recorded([VenueFreed(at=AT, venue="binance-usdm")], after=1):
        continued.apply(one)
    assert continued.blocking.of("binance-usdm") is None


@settings(max_examples=60)
@given(before=account_events(), after=account_events())
def test_a_book_written_out_and_read_goes_on_as_if_nothing_had_happened(
    before: list[Event], after: list[Event]
) -> None:
    first = [*reference(), *before]
    straight = rebuilt([*first, *after])
    written = msgspec.json.encode(dump(rebuilt(first)))
    continued = load(msgspec.json.decode(written, type=BookState))
    for one in recorded(after, after=len(first)):
        continued.apply(one)
    assert dump(continued) == dump(straight)


@settings(max_examples=60)
@given(events=account_events())
def test_events_folded_at_once_come_to_what_they_come_to_one_by_one(events: list[Event]) -> None:
    resized = introduced(instrument(LINEAR, contract_size="10"), version=2)
    given_events = [*reference(), *events[::2], resized, *events[1::2], *EVENTS, *events]
    at_once = Book()
    at_once.fold(recorded(given_events))
    assert dump(at_once) == dump(rebuilt(given_events))


def test_a_snapshot_of_another_arithmetic_is_refused_by_name() -> None:
    other = replace(dump(Book()), version=99)
    with pytest.raises(SnapshotIsOfAnotherVersion, match="rebuild the book from the log"):
        load(other)


@settings(max_examples=40)
@given(st.data())
def test_the_latest_statement_wins_whichever_came_last(data: st.DataObject) -> None:
    stated: list[Event] = [balance(USDM, "USDT", str(place), AT + SECOND * place) for place in range(8)]
    stated += [collateral("ETH", str(place), AT + SECOND * place) for place in range(8)]
    book = book_of(*data.draw(st.permutations(stated)))
    assert book.balances[USDM, "USDT"].total == 7
    assert book.collateral["ceffu", "w1", "ETH"].total == 7


def test_a_changed_contract_size_does_not_rewrite_history() -> None:
    before = fill("sell", "10", "2000", instrument=INVERSE)
    after = fill("sell", "10", "2000", instrument=INVERSE, trade_id="2", at=AT + SECOND)
    change = introduced(instrument(INVERSE, contract_size="100"), version=2)
    book = book_of(before, change, after)
    position = book.positions[COINM, INVERSE]
    assert (position.quantity, position.size) == (D(-20), D(-10 * 10 - 10 * 100))
    assert position.total_pnl(D(1000)) == D(100) / 2000 + D(1000) / 2000


def test_a_contract_cannot_turn_from_linear_to_inverse() -> None:
    book = book_of(introduced(replace(instrument(INVERSE), id=LINEAR), version=2))
    assert book.catalogue.instruments[LINEAR].kind == "linear"
    assert "cannot become inverse" in next(iter(book.faults)).because


def test_fills_of_an_unknown_instrument_wait_for_it_and_are_a_fault_until_then() -> None:
    name = "binance-usdm:SOL-USDT-PERP"
    waiting: list[Event] = [fill("buy", "3", "100", instrument=name), opening("2", "90", name)]
    book = book_of(*waiting)
    assert not book.positions
    assert {(fault.kind, fault.subject) for fault in book.faults} == {("FillRecorded", name), ("PositionOpened", name)}
    for one in recorded([introduced(instrument(name))], after=book.seq):
        book.apply(one)
    assert book.positions[USDM, name].quantity == 5
    assert not tuple(book.faults)
    assert book.faults.total == 2


def test_what_belongs_to_an_unknown_account_or_asset_is_kept_and_is_a_fault() -> None:
    book = book_of(balance("okx:main", "ETH", "3"), collateral("XYZ", "5"), fill("buy", "1", "9", account="okx:main"))
    assert book.balances["okx:main", "ETH"].total == 3
    assert book.positions["okx:main", LINEAR].quantity == 1
    assert [(fault.subject, fault.count) for fault in book.faults] == [
        ("okx:main", 1),
        ("XYZ", 1),
        ("okx:main", 1),
    ]


def test_faults_are_bounded_and_counted() -> None:
    book = book_of(*(balance(f"okx:{place}", "ETH", "1") for place in range(FAULTS_KEPT + 50)))
    assert len(tuple(book.faults)) == FAULTS_KEPT
    assert book.faults.total == FAULTS_KEPT + 50


def test_the_same_fault_again_only_counts() -> None:
    book = book_of(*(balance("okx:main", "ETH", str(place)) for place in range(9)))
    (fault,) = book.faults
    assert fault.count == 9


def test_an_opening_that_comes_too_late_is_a_fault_and_changes_nothing() -> None:
    first, second = opening("5", "2000"), opening("7", "2000")
    book = book_of(first, second)
    assert book.positions[USDM, LINEAR].quantity == 5
    assert [fault.kind for fault in book.faults] == ["PositionOpened"]


def test_a_finished_order_stays_finished() -> None:
    book = book_of(order("working"), order("filled", "2"), order("partially_filled", "1"))
    assert book.orders[USDM, LINEAR, "1"].status == "filled"


def test_finished_orders_are_let_go_and_working_ones_are_not() -> None:
    many = [order("canceled", number=place) for place in range(2, ORDERS_KEPT + 20)]
    book = book_of(order("working"), *many)
    assert len(book.orders) == ORDERS_KEPT + 1
    assert book.orders[USDM, LINEAR, "1"].status == "working"


def test_funding_is_summed_per_position_and_asset() -> None:
    paid = [
        FundingPaid(at=AT, account=USDM, instrument=LINEAR, payment_id=str(n), amount=D(n), asset="USDT")
        for n in (1, -3)
    ]
    assert book_of(*paid).funding[USDM, LINEAR] == {"USDT": D(-2)}


def test_a_feeds_latest_state_wins() -> None:
    late = FeedStateChanged(at=AT + SECOND, feed="chain:ethereum", state="disconnected", reason="no route")
    early = FeedStateChanged(at=AT, feed="chain:ethereum", state="live", reason="")
    assert book_of(late, early).feeds["chain:ethereum"].state == "disconnected"


def test_news_are_the_latest_first_and_bounded_and_statements_are_no_news() -> None:
    fills = [fill("buy", "1", "2000", trade_id=str(place)) for place in range(EVENTS_KEPT + 5)]
    book = book_of(*fills, balance(USDM, "USDT", "1"))
    assert len(book.latest_events) == EVENTS_KEPT
    assert book.latest_events[0].sentence == "binance-usdm:main bought 1 binance-usdm:ETH-USDT-PERP at 2,000"
    assert book.latest_events[0].seq == book.seq - 1
