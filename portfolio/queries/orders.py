"""Orders: one order of ours as the log has it, and its fills."""

from typing import Final, cast

from django.db.models import QuerySet

from hedgeapp.core.events.orders import OrderIntended, TimeInForce
from hedgeapp.core.events.trading import Side
from hedgeapp.core.instruments import Instrument
from portfolio.core.book import Book
from portfolio.core.orders import HedgeOrder, State
from portfolio.models import Fill
from portfolio.models import HedgeOrder as HedgeOrderRow
from portfolio.queries.books import FOLLOWING
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book
from portfolio.queries.rows import fills, hedge_orders

FILLS_SHOWN: Final = 200


def our_order(client_order_id: str) -> tuple[HedgeOrder, Instrument | None] | None:
    """Return an order as of the log's head and what it trades, None when it is not ours.

    One that the book has let go, because it ended long ago, comes out of its row.
    """
    with FOLLOWING.held() as book:
        return _order(book, client_order_id, None)


def past_order(client_order_id: str, moment: Moment) -> tuple[HedgeOrder, Instrument | None] | None:
    """Return an order as it was at a moment and what it traded, None when the log had none of ours by then."""
    return _order(past_book(moment), client_order_id, moment.seq)


def _order(book: Book, client_order_id: str, seq: int | None) -> tuple[HedgeOrder, Instrument | None] | None:
    order = book.our_orders.get(client_order_id)
    if order is None:
        row = hedge_orders(seq).filter(client_order_id=client_order_id).first()
        order = order_of(row) if row else None
    return (order, book.catalogue.instruments.get(order.intent.instrument)) if order else None


def order_of(row: HedgeOrderRow) -> HedgeOrder:
    """Return the order that a row holds, as of the row's event."""
    intent = OrderIntended(
        at=row.at,
        client_order_id=row.client_order_id,
        account=row.account,
        instrument=row.instrument,
        side=cast(Side, row.side),
        time_in_force=cast(TimeInForce, row.time_in_force),
        quantity=row.quantity,
        price=row.price,
        reduce_only=row.reduce_only,
        by=row.by,
        reason=row.reason,
        proposal_id=row.proposal_id,
    )
    return HedgeOrder(
        intent=intent,
        state=cast(State, row.state),
        seq=row.from_seq,
        intended_seq=row.intended_seq,
        intended_at=row.intended_at,
        venue_order_id=row.venue_order_id,
        sent_seq=row.sent_seq,
        sent_at=row.sent_at,
        valid_until=row.valid_until,
        acknowledged_at=row.acknowledged_at,
        filled_at=row.filled_at,
        ended_at=row.ended_at,
        filled=row.filled,
        logged=row.logged,
        average_price=row.average_price,
        because=row.because,
        cancel_asked_at=row.cancel_asked_at,
        cancel_asked_by=row.cancel_asked_by,
    )


def fills_of(order: HedgeOrder, seq: int | None = None) -> "QuerySet[Fill]":
    """Return the first fills of an order, up to an event or all; the rows follow the log within moments."""
    if not order.venue_order_id:
        return Fill.objects.none()
    intent = order.intent
    return (
        fills(seq)
        .filter(
            account=intent.account,
            instrument=intent.instrument,
            venue_order_id=order.venue_order_id,
            from_seq__gt=order.intended_seq,
        )
        .order_by("from_seq")[:FILLS_SHOWN]
    )
