"""Words: what the venue says of an order of ours, written down; each in one transaction under the log's lock.

The book is looked at under the lock, so that a word never contradicts one that another worker wrote before: the first
word of a fact stands, and what an order may no longer become is not written.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.orders import OrderAcknowledged, OrderNeverArrived, OrderOutcomeUnknown, OrderRejected
from hedgeapp.core.events.trading import OrderSeen
from hedgeapp.eventlog.append import SameKeyOtherContent
from portfolio.core.book import Book
from portfolio.core.orders import WITHOUT_WORD
from portfolio.operations.orders import TEXT_LENGTH_MAX, append_now, lock_log
from portfolio.queries.books import FOLLOWING

SETTLE: Final = timedelta(seconds=2)  # how long after an order's deadline the venue's "not known" may still be wrong


def note_seen(client_order_id: str, seen: OrderSeen, *, at: datetime) -> None:
    """Write the venue's word that it has, or had, an order."""

    def decide(book: Book) -> list[Event]:
        order = book.our_orders.get(client_order_id)
        if order is None or order.acknowledged_at is not None:
            return [seen]
        told = OrderAcknowledged(at=at, client_order_id=client_order_id, venue_order_id=seen.venue_order_id)
        return [told, seen]

    note(decide, at)


def note_rejected(client_order_id: str, code: str, said: str, *, at: datetime) -> None:
    """Write the venue's word that it refused an order, unless another word of it came first."""
    told = OrderRejected(at=at, client_order_id=client_order_id, code=code, said=said[:TEXT_LENGTH_MAX])
    note(lambda book: [told] if _is_wordless(book, client_order_id) else [], at)


def note_unknown(client_order_id: str, because: str, *, at: datetime) -> None:
    """Write that an order was sent and that nobody knows what became of it."""
    told = OrderOutcomeUnknown(at=at, client_order_id=client_order_id, because=because[:TEXT_LENGTH_MAX])

    def decide(book: Book) -> list[Event]:
        order = book.our_orders.get(client_order_id)
        return [told] if order is not None and order.state == "sent" else []

    note(decide, at)


def note_not_there(client_order_id: str, said: str, *, asked_at: datetime, at: datetime) -> bool:
    """Write that an order never arrived, if the venue was asked after it could still have; return whether it counts."""
    counts: list[bool] = []

    def decide(book: Book) -> list[Event]:
        order = book.our_orders.get(client_order_id)
        if order is None or order.state not in WITHOUT_WORD or order.valid_until is None:
            return []
        if asked_at < order.valid_until + SETTLE:
            return []
        counts.append(True)
        return [OrderNeverArrived(at=at, client_order_id=client_order_id, said=said[:TEXT_LENGTH_MAX])]

    note(decide, at)
    return bool(counts)


def _is_wordless(book: Book, name: str) -> bool:
    order = book.our_orders.get(name)
    return order is not None and order.state in WITHOUT_WORD


def note(decide: Callable[[Book], list[Event]], at: datetime) -> None:
    """Append what `decide` makes of the book; of a fact that the log has in other words the first ones stand."""
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            events = decide(book)
        try:
            append_now(events, at)
        except SameKeyOtherContent:
            for event in events:
                _append_alone(event, at)


def _append_alone(event: Event, at: datetime) -> None:
    try:
        append_now([event], at)
    except SameKeyOtherContent:
        return
