"""Orders: intend one, ask for its cancel, mark it as sent; each in one transaction under the log's lock.

An order is sent once. Its `OrderSent` is appended by exactly one worker, which may then send it; whoever finds it
appended asks the venue instead. All checks run twice: when the order is intended, and on the book as it is when it is
marked as sent.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection, transaction

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.orders import (
    CancelAsked,
    HedgeProposed,
    OrderIntended,
    OrderRefused,
    OrderSent,
    ProposalClosed,
    TimeInForce,
)
from hedgeapp.core.events.trading import Side
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from hedgeapp.eventlog.append import SameKeyOtherContent, append, lock
from portfolio.core.book import Book
from portfolio.core.client_order_ids import client_order_id
from portfolio.core.order_checks import Check, check
from portfolio.core.order_references import Refusal
from portfolio.core.orders import HedgeOrder
from portfolio.core.valuation import Marks
from portfolio.operations.work import Queue, open_again, open_work
from portfolio.queries.books import FOLLOWING
from portfolio.queries.feeds import heard

RECV_WINDOW: Final = timedelta(seconds=3)  # how long after it was marked as sent the venue takes an order
INTENT_AGE_MAX: Final = timedelta(seconds=30)  # an intent that nobody could send for longer is refused
PATIENCE: Final = timedelta(seconds=3)  # how long an intent waits for fresh marks before it is refused
TEXT_LENGTH_MAX: Final = 500  # characters of a reason
NONCE_LENGTH_MAX: Final = 100  # characters

# What is only missing because the log's marks are late: the sending worker can ask the venue.
_LEFT_TO_THE_SENDER: Final = ("fresh", "current")
_OF_MARKS: Final = ("price_collar", "towards_flat")


class OrderIsRefused(ValueError):
    """Our own checks refuse an order; `refusals` say why."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("; ".join(refusal.said for refusal in refusals))


class TicketWasUsed(ValueError):
    """A ticket's nonce belongs to another order already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a fresh ticket expected, found one that made another order, {name}: open a new ticket")


class TicketIsMalformed(ValueError):
    """A ticket has no nonce, or a text that is too long."""

    def __init__(self, what: str, length_max: int) -> None:
        super().__init__(f"a {what} of at most {length_max} printable characters expected, found something else")


class MarksAreLate(RuntimeError):
    """Nothing but a fresh mark is missing to decide about an order."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(refusal.said for refusal in refusals))


class OrderIsUnknown(LookupError):
    """There is no such order of ours, or it ended long ago."""

    def __init__(self, name: str) -> None:
        super().__init__(f"an order of ours expected, found {name!r}, which is not known or ended long ago")


@record
class Ticket:
    """What somebody wants sent; `nonce` was given to the form, so that sending it twice makes one order.

    `quantity` is in contracts, `price` the worst price in the quote. `proposal_id` is empty without a proposal.
    """

    account: str
    instrument: str
    side: Side
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce
    reduce_only: bool
    reason: str
    proposal_id: str
    nonce: str


def intend_order(ticket: Ticket, *, by: str, at: datetime) -> HedgeOrder:
    """Check an order, write its intent and wake its workers; the same ticket again returns the same order.

    Refuses with OrderIsRefused, TicketWasUsed, TicketIsMalformed, LogIsBusy.
    """
    intent = _intent(ticket, by, at)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            if (known := book.our_orders.get(intent.client_order_id)) is not None:
                return _same(known, intent)
            found = _checked(intent, book, book.marks, at).refusals
            proposal = _taken_up(intent, book)
        if refusals := [one for one in found if not is_left_to_the_sender(one)]:
            raise OrderIsRefused(refusals)
        events: list[Event] = [intent]
        if proposal is not None:
            events.append(ProposalClosed(at=at, proposal_id=proposal.proposal_id, end="sent", by=by, reason=""))
        try:
            first = append_now(events, at)[0]
        except SameKeyOtherContent:
            raise TicketWasUsed(intent.client_order_id) from None  # by an order that the book has let go
        open_work("order", intent.client_order_id, queue_of(intent), at=at)
    return HedgeOrder(intent=intent, state="intended", seq=first.seq, intended_seq=first.seq, intended_at=at)


def queue_of(intent: OrderIntended) -> Queue:
    """Return the queue of an order: what only takes risk away is urgent."""
    return "urgent" if intent.reduce_only else "orders"


def ask_cancel(client_order_id: str, *, by: str, reason: str, at: datetime) -> HedgeOrder:
    """Write that an order is to be canceled and wake the workers; nothing changes for one that ended.

    Refuses with OrderIsUnknown, TicketIsMalformed, LogIsBusy.
    """
    _require_text("reason", reason, TEXT_LENGTH_MAX)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            order = book.our_orders.get(client_order_id)
        if order is None:
            raise OrderIsUnknown(client_order_id)
        if not order.is_final:
            if order.cancel_asked_at is None:
                append_now([CancelAsked(at=at, client_order_id=client_order_id, by=by, reason=reason)], at)
            # It may have been carried to an end that the venue's word took back.
            open_again("cancel", client_order_id, "urgent", at=at)
    return order


def send_order(client_order_id: str, marks: Marks, *, clock: Callable[[], datetime]) -> OrderSent | OrderRefused | None:
    """Mark an intended order as sent, or refuse it; None when it is not for the caller to send.

    Only the caller that is given the `OrderSent` may send the request, and must sign it with its `at`. The clock is
    read under the lock: waiting for it must not use up the time in which the venue takes the order. Raises MarksAreLate
    while only fresh marks are missing and the intent is young.
    """
    with transaction.atomic(durable=True):
        lock_log()
        at = clock()
        with FOLLOWING.held() as book:
            order = book.our_orders.get(client_order_id)
            if order is None or order.state != "intended":
                return None
            found = _decision(order, book, marks, at)
        append_now([found], at)
    return found


def refuse_order(client_order_id: str, rule: str, said: str, *, at: datetime) -> bool:
    """Refuse an order that was not sent; return False when it is too late for that."""
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            order = book.our_orders.get(client_order_id)
        if order is None or order.state != "intended":
            return False
        append_now([OrderRefused(at=at, client_order_id=client_order_id, rule=rule, said=said[:TEXT_LENGTH_MAX])], at)
    return True


def _intent(ticket: Ticket, by: str, at: datetime) -> OrderIntended:
    _require_text("nonce", ticket.nonce, NONCE_LENGTH_MAX)
    _require_text("reason", ticket.reason, TEXT_LENGTH_MAX)
    if not ticket.nonce:
        raise TicketIsMalformed("nonce", NONCE_LENGTH_MAX)
    return OrderIntended(
        at=at,
        client_order_id=client_order_id(f"ticket:{ticket.nonce}"),
        account=ticket.account,
        instrument=ticket.instrument,
        side=ticket.side,
        time_in_force=ticket.time_in_force,
        quantity=ticket.quantity,
        price=ticket.price,
        reduce_only=ticket.reduce_only,
        by=by,
        reason=ticket.reason,
        proposal_id=ticket.proposal_id,
    )


def _taken_up(intent: OrderIntended, book: Book) -> HedgeProposed | None:
    """Return the open proposal that an order follows; one of another currency goes on standing."""
    proposal, instrument = book.proposals.get(intent.proposal_id), book.catalogue.instruments.get(intent.instrument)
    is_hedged = proposal and instrument and proposal.currency == book.catalogue.currency(instrument.base)
    return proposal if is_hedged else None


def _require_text(what: str, text: str, length_max: int) -> None:
    if len(text) > length_max or not text.isprintable():
        raise TicketIsMalformed(what, length_max)


def _same(known: HedgeOrder, intent: OrderIntended) -> HedgeOrder:
    fields = ("account", "instrument", "side", "quantity", "price", "time_in_force", "reduce_only")
    if any(getattr(known.intent, field) != getattr(intent, field) for field in fields):
        raise TicketWasUsed(known.client_order_id)
    return known


def _checked(intent: OrderIntended, book: Book, marks: Marks, at: datetime) -> Check:
    return check(intent, book, marks, at, heard(book))


def is_left_to_the_sender(refusal: Refusal) -> bool:
    """Tell whether a refusal is only for want of a fresh mark, which the sending worker asks the venue for."""
    return refusal.rule in _OF_MARKS and refusal.limit in _LEFT_TO_THE_SENDER


def _decision(order: HedgeOrder, book: Book, marks: Marks, at: datetime) -> OrderSent | OrderRefused:
    name, age = order.client_order_id, at - order.intended_at
    if order.cancel_asked_at is not None:
        said = f"canceled by {order.cancel_asked_by} before it was sent"
        return OrderRefused(at=at, client_order_id=name, rule="canceled", said=said)
    if age > INTENT_AGE_MAX:
        limit_s, age_s = INTENT_AGE_MAX.total_seconds(), age.total_seconds()
        said = f"an intent of at most {limit_s:g} s expected, found one {age_s:.0f} s old: send it again"
        return OrderRefused(at=at, client_order_id=name, rule="intent_age", said=said)
    checked = _checked(order.intent, book, marks, at)
    if checked.refusals and age < PATIENCE and all(map(is_left_to_the_sender, checked.refusals)):
        raise MarksAreLate(checked.refusals)
    if checked.refusals:
        first = checked.refusals[0]
        return OrderRefused(
            at=at, client_order_id=name, rule=first.rule, said="; ".join(one.said for one in checked.refusals)
        )
    mark, net = checked.mark, checked.net
    assert mark.value is not None  # or it would have been refused
    assert mark.at is not None
    assert net.value is not None
    return OrderSent(
        at=at,
        client_order_id=name,
        valid_until=at + RECV_WINDOW,
        mark=mark.value,
        mark_at=mark.at,
        net=net.value,
    )


def lock_log() -> None:
    """Take the log's lock for the transaction that was just begun."""
    connection.ensure_connection()
    lock(connection.connection)


def append_now(events: Iterable[Event], at: datetime) -> list[Recorded]:
    """Append in the transaction that holds the lock; return what was new."""
    return append(connection.connection, events, at=at)
