"""Orders: the life of our own, in whatever order its words come."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.orders import (
    CancelAsked,
    OrderAcknowledged,
    OrderNeverArrived,
    OrderOutcomeUnknown,
    OrderRefused,
    OrderRejected,
)
from portfolio.core.book import Book
from portfolio.core.client_order_ids import client_order_id, is_ours
from portfolio.core.orders import FINISHED_KEPT, HedgeOrder
from portfolio.core.snapshots import dump, load
from tests.builders.books import reference
from tests.builders.orders import AT, NAME, VENUE_ID, fill, intended, seen, sent

ACKNOWLEDGED = OrderAcknowledged(at=AT, client_order_id=NAME, venue_order_id=VENUE_ID)
UNKNOWN = OrderOutcomeUnknown(at=AT, client_order_id=NAME, because="no answer within 2 s")
LOST = OrderNeverArrived(at=AT, client_order_id=NAME, said="not known")


def told(*events: Event) -> Book:
    """Return a book that knows what is traded and was told these events."""
    return tell(Book(), *reference(), *events)


def tell(book: Book, *events: Event) -> Book:
    for event in events:
        book.apply(Recorded(seq=book.seq + 1, recorded_at=AT + timedelta(seconds=book.seq), event=event))
    return book


def ours(book: Book) -> HedgeOrder:
    order = book.our_orders.get(NAME)
    assert order is not None
    return order


def faults(book: Book) -> list[str]:
    return [one.because for one in book.faults if NAME in one.because]


def test_an_order_goes_from_intent_to_filled() -> None:
    book = told(intended())
    states = []
    for event in (
        sent(),
        ACKNOWLEDGED,
        seen(),
        seen(status="partially_filled", filled="2"),
        seen(status="filled", filled="5"),
    ):
        tell(book, event)
        states.append(ours(book).state)
    assert states == ["sent", "acknowledged", "working", "partially_filled", "filled"]
    assert not faults(book)


def test_what_may_still_come_is_in_flight_until_the_log_has_the_fills() -> None:
    book = told(intended())
    assert ours(book).in_flight == 5
    tell(book, sent(), ACKNOWLEDGED, fill("1", "2"))
    assert ours(book).in_flight == 3
    tell(book, seen(status="canceled", filled="3"))
    assert ours(book).in_flight == 1
    tell(book, fill("2", "1"))
    assert ours(book).in_flight == 0


def test_a_refused_a_rejected_and_a_lost_order_have_nothing_in_flight() -> None:
    refused = OrderRefused(at=AT, client_order_id=NAME, rule="halt", said="halted")
    rejected = OrderRejected(at=AT, client_order_id=NAME, code="-2019", said="Margin is insufficient.")
    for before, end in ([], refused), ([sent()], rejected), ([sent(), UNKNOWN], LOST):
        order = ours(told(intended(), *before, end))
        assert (order.is_final, order.in_flight, order.may_be_there) == (True, ZERO, False)


def test_a_fill_that_comes_before_any_word_of_its_order_is_counted_when_the_word_comes() -> None:
    book = told(intended(), sent(), fill("1", "5"))
    assert ours(book).logged == 0
    tell(book, seen(status="filled", filled="5"))
    assert (ours(book).logged, ours(book).in_flight) == (Decimal(5), ZERO)
    assert book.our_orders.early_fills == ()


def test_the_first_fill_is_dated_by_the_log_though_it_came_early_and_across_a_snapshot() -> None:
    book = told(intended(), sent(), fill("1", "5"))
    recorded_at = book.recorded_at
    book = tell(load(dump(book)), ACKNOWLEDGED)
    assert ours(book).filled_at == recorded_at


def test_a_fill_of_another_instrument_under_the_same_venue_id_is_not_ours() -> None:
    book = told(intended(), sent(), ACKNOWLEDGED, replace(fill("1", "5"), instrument="binance-usdm:BTC-USDT-PERP"))
    assert ours(book).logged == ZERO


def test_more_fills_than_the_order_has_leave_nothing_in_flight() -> None:
    book = told(intended(), sent(), ACKNOWLEDGED, fill("1", "5"), fill("2", "2"))
    assert ours(book).in_flight == ZERO


def test_another_order_of_the_venue_under_our_id_is_a_fault_and_changes_nothing() -> None:
    book = told(intended(), sent(), ACKNOWLEDGED)
    before = ours(book)
    tell(book, seen(status="filled", filled="5", venue_order_id="8389765000002"))
    assert ours(book) == before
    assert faults(book)


def test_an_acknowledgment_of_another_order_than_was_seen_is_a_fault_and_changes_nothing() -> None:
    book = told(intended(), sent(), seen(venue_order_id="8389765000002"))
    before = ours(book)
    tell(book, ACKNOWLEDGED)
    assert ours(book) == before
    assert faults(book)


def test_a_fill_of_an_order_that_was_let_go_breaks_nothing_though_its_id_came_twice() -> None:
    book = told(intended(), sent(), ACKNOWLEDGED, seen(status="canceled", venue_order_id="8389765000002"), seen())
    tell(book, seen(status="canceled"))
    for number in range(FINISHED_KEPT):
        name = f"hg{number:026d}"
        tell(book, intended(name), OrderRefused(at=AT, client_order_id=name, rule="halt", said="halted"))
    assert book.our_orders.get(NAME) is None
    tell(book, fill("1", venue_order_id=VENUE_ID), fill("2", venue_order_id="8389765000002"))


def test_a_late_unknown_does_not_take_back_what_the_stream_said() -> None:
    book = told(intended(), sent(), seen(), UNKNOWN)
    assert ours(book).state == "working"
    assert not faults(book)


def test_an_unknown_order_is_resolved_by_the_venues_word_only() -> None:
    book = told(intended(), sent(), UNKNOWN)
    assert (ours(book).state, ours(book).in_flight) == ("unknown", Decimal(5))
    assert ours(tell(book, seen(status="canceled"))).state == "canceled"


def test_an_order_found_at_the_venue_after_we_gave_it_up_is_believed_and_named() -> None:
    book = told(intended(), sent(), UNKNOWN, LOST, seen(status="working"))
    assert (ours(book).state, ours(book).in_flight) == ("working", Decimal(5))
    assert faults(book)


def test_an_order_that_ended_does_not_begin_again() -> None:
    book = told(intended(), sent(), seen(status="filled", filled="5"), seen(), ACKNOWLEDGED)
    assert ours(book).state == "filled"
    assert not faults(book)


def test_a_cancel_is_remembered_and_ends_nothing_by_itself() -> None:
    asked = CancelAsked(at=AT, client_order_id=NAME, by="ann", reason="")
    order = ours(told(intended(), sent(), seen(), asked))
    assert (order.state, order.cancel_asked_by) == ("working", "ann")


def test_a_word_about_an_order_that_nobody_intended_is_a_fault() -> None:
    assert faults(told(sent()))


def test_an_order_of_somebody_else_is_not_ours() -> None:
    assert len(told(seen(name="web_1"), fill()).our_orders) == 0


LIFE: list[Event] = [
    ACKNOWLEDGED,
    UNKNOWN,
    seen(),
    seen(status="partially_filled", filled="2"),
    seen(status="filled", filled="5"),
    fill("1", "2"),
    fill("2", "3"),
]


@given(st.permutations(LIFE), st.integers(0, len(LIFE)))
def test_the_words_about_an_order_end_alike_in_any_order_and_across_a_snapshot(life: list[Event], cut: int) -> None:
    book = tell(told(intended(), sent()), *life[:cut])
    book = tell(load(dump(book)), *life[cut:])
    order = ours(book)
    assert (order.state, order.filled, order.logged, order.in_flight) == ("filled", Decimal(5), Decimal(5), ZERO)
    assert dump(book).our_orders == dump(tell(told(intended(), sent()), *life)).our_orders


def test_the_same_asking_gives_the_same_id_that_every_venue_takes() -> None:
    one = client_order_id("ticket-7")
    assert one == client_order_id("ticket-7") != client_order_id("ticket-8")
    assert is_ours(one)
    assert one.isalnum()
    assert len(one) <= 32
