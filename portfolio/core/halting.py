"""Halting: what a halt still has to cancel, and whose word it waits for.  Book x Halt x the venue's orders -> orders"""

from collections.abc import Iterable

from hedgeapp.core.events.trading import OrderSeen
from portfolio.core.book import Book
from portfolio.core.halts import Halt
from portfolio.core.orders import WITHOUT_WORD, HedgeOrder


def to_cancel(book: Book, venue: str, working: Iterable[OrderSeen]) -> tuple[OrderSeen, ...]:
    """Return those of the orders working at a venue that its halts must cancel.

    All of them, whoever sent them, except reduce-only orders of ours that were sent after the first of its halts: the
    checks let those pass while they were halted.
    """
    since = min((halt.seq for halt in book.halts if halt.covers(venue)), default=None)
    if since is None:
        return ()
    return tuple(one for one in working if not _may_stay(book.our_orders.get(one.client_order_id), one, since))


def without_word(book: Book, halt: Halt) -> tuple[HedgeOrder, ...]:
    """Return our orders of a halt's scope that may work and of which no venue says that they do not.

    Sent before it and without the venue's word, or in an account that is not enabled and therefore not asked.
    """
    return tuple(
        order
        for order in book.our_orders
        if (order.state in WITHOUT_WORD or (order.may_be_there and not _is_asked(book, order.intent.account)))
        and halt.covers(order.intent.account.partition(":")[0])
        and not (order.intent.reduce_only and order.sent_seq > halt.seq)
    )


def _is_asked(book: Book, account: str) -> bool:
    known = book.catalogue.accounts.get(account)
    venue = book.catalogue.venues.get(known.venue) if known else None
    return known is not None and known.is_enabled and venue is not None and venue.is_enabled


def _may_stay(ours: HedgeOrder | None, seen: OrderSeen, since: int) -> bool:
    return ours is not None and ours.intent.reduce_only and seen.reduce_only and ours.sent_seq > since
