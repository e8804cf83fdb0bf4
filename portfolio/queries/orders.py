"""Orders: one order of ours as the log has it, and its fills."""

from typing import Final, cast

from django.db.models import QuerySet

from hedgeapp.core.events.orders import OrderIntended, TimeInForce
from hedgeapp.core.events.trading import Side
from hedgeapp.core.instruments import Instrument
from portfolio.core.orders import HedgeOrder, State
from portfolio.models import Fill
from portfolio.models import HedgeOrder as HedgeOrderRow
from portfolio.queries.books import FOLLOWING
from portfolio.queries.rows import hedge_orders

FILLS_SHOWN: Final = 200


def our_order(client_order_id: str) -> tuple[HedgeOrder, Instrument | None] | None:
    """Return an order as of the log's head and what it trades, None when it is not ours.

    One that the book has let go, because it ended long ago, comes out of its row.
    """
    with FOLLOWING.held() as book:
        order = book.our_orders.get(client_order_id)
        instruments = book.catalogue.instruments
        if order is not None:
            return order, instruments.get(order.intent.instrument)
        row = hedge_orders().filter(client_order_id=client_order_id).first()
        return (order_of(row), instruments.get(row.instrument)) if row else None


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


def fills_of(order: HedgeOrder) -> "QuerySet[Fill]":
    """Return the latest fills of an order, the first one first; the rows follow the log within moments."""
    if not order.venue_order_id:
        return Fill.objects.none()
    intent = order.intent
    return Fill.objects.filter(
        account=intent.account,
        instrument=intent.instrument,
        venue_order_id=order.venue_order_id,
        from_seq__gt=order.intended_seq,
    ).order_by("from_seq")[:FILLS_SHOWN]
