"""Halting: what a halt cancels, what it leaves, and whose word it waits for."""

from dataclasses import replace

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.halts import HaltDeclared, HaltLifted, ResumeAsked
from hedgeapp.core.events.orders import OrderAcknowledged, OrderOutcomeUnknown
from hedgeapp.core.events.reference import AccountChanged
from hedgeapp.core.events.trading import OrderSeen
from portfolio.core.book import Book
from portfolio.core.halting import to_cancel, without_word
from portfolio.core.halts import Halt
from tests.builders.books import AT, reference
from tests.builders.orders import intended, seen, sent

VENUE = "binance-usdm"
OURS, OTHER = "hg" + "a" * 26, "hg" + "b" * 26


def told(*events: Event) -> Book:
    book = Book()
    for seq, event in enumerate([*reference(), *events], start=1):
        book.apply(Recorded(seq=seq, recorded_at=AT, event=event))
    return book


def halt(scope: str = "*", name: str = "h-1") -> HaltDeclared:
    return HaltDeclared(at=AT, halt_id=name, scope=scope, by="ann", reason="the venue looks wrong")


def in_force(book: Book, name: str = "h-1") -> Halt:
    found = book.halts.get(name)
    assert found is not None
    return found


def working(name: str = OURS, *, reduce_only: bool = False) -> OrderSeen:
    row = seen(name, venue_order_id=name)
    return OrderSeen(
        at=row.at,
        account=row.account,
        instrument=row.instrument,
        venue_order_id=row.venue_order_id,
        client_order_id=name,
        side=row.side,
        type=row.type,
        status="working",
        price=row.price,
        quantity=row.quantity,
        filled=row.filled,
        average_price=None,
        reduce_only=reduce_only,
    )


def names(orders: tuple[OrderSeen, ...]) -> list[str]:
    return [order.client_order_id for order in orders]


def test_a_halt_cancels_whatever_works_whoever_sent_it() -> None:
    book = told(intended(OURS), sent(OURS), halt())
    assert names(to_cancel(book, VENUE, [working(), working("by hand")])) == [OURS, "by hand"]


def test_a_reduce_only_order_from_before_the_halt_is_canceled_and_one_sent_after_it_stays() -> None:
    before, after = intended(OURS, reduce_only=True), intended(OTHER, reduce_only=True)
    book = told(before, sent(OURS), halt(), after, sent(OTHER))
    found = to_cancel(book, VENUE, [working(OURS, reduce_only=True), working(OTHER, reduce_only=True)])
    assert names(found) == [OURS]


def test_one_that_is_reduce_only_by_its_intent_alone_is_canceled() -> None:
    book = told(halt(), intended(OURS, reduce_only=True), sent(OURS))
    assert names(to_cancel(book, VENUE, [working(OURS, reduce_only=False)])) == [OURS]


def test_a_second_halt_leaves_what_the_first_one_admitted() -> None:
    book = told(halt(), intended(OURS, reduce_only=True), sent(OURS), halt(VENUE, "h-2"))
    assert to_cancel(book, VENUE, [working(OURS, reduce_only=True)]) == ()


def test_without_a_halt_of_the_venue_nothing_is_canceled() -> None:
    assert to_cancel(told(halt("binance-coinm")), VENUE, [working()]) == ()
    lifted = HaltLifted(at=AT, halt_id="h-1", asked_by="ann", approved_by="bob")
    asked = ResumeAsked(at=AT, halt_id="h-1", by="ann", reason="all is well")
    assert to_cancel(told(halt(), asked, lifted), VENUE, [working()]) == ()


def test_a_halt_waits_for_the_word_of_what_was_sent_before_it() -> None:
    unknown = OrderOutcomeUnknown(at=AT, client_order_id=OURS, because="no answer within 2 s")
    acknowledged = OrderAcknowledged(at=AT, client_order_id=OURS, venue_order_id="1")
    waiting: list[list[Event]] = [[sent(OURS)], [sent(OURS), unknown]]
    for events in waiting:
        book = told(intended(OURS), *events, halt())
        assert [order.client_order_id for order in without_word(book, in_force(book))] == [OURS]
    told_of: list[list[Event]] = [[], [sent(OURS), acknowledged]]
    for events in told_of:
        book = told(intended(OURS), *events, halt())
        assert without_word(book, in_force(book)) == ()


def test_a_halt_of_another_venue_does_not_wait() -> None:
    book = told(intended(OURS), sent(OURS), halt("binance-coinm"))
    assert without_word(book, in_force(book)) == ()


def test_a_halt_waits_for_what_works_in_an_account_that_is_no_longer_enabled() -> None:
    acknowledged = OrderAcknowledged(at=AT, client_order_id=OURS, venue_order_id=OURS)
    book = told(intended(OURS), sent(OURS), acknowledged, seen(OURS, venue_order_id=OURS), halt())
    assert without_word(book, in_force(book)) == ()
    row = replace(book.catalogue.accounts["binance-usdm:main"], is_enabled=False)
    book.apply(Recorded(seq=99, recorded_at=AT, event=AccountChanged(at=AT, account=row, version=9, by="bob")))
    assert [one.client_order_id for one in without_word(book, in_force(book))] == [OURS]
    ended = seen(OURS, venue_order_id=OURS, status="canceled")
    book.apply(Recorded(seq=100, recorded_at=AT, event=ended))
    assert without_word(book, in_force(book)) == ()
