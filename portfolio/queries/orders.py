"""Orders: one order of ours as the log has it, and its fills."""

from typing import Final

from django.db.models import QuerySet

from hedgeapp.core.instruments import Instrument
from portfolio.core.orders import HedgeOrder
from portfolio.models import Fill
from portfolio.queries.books import FOLLOWING

FILLS_SHOWN: Final = 200


def our_order(client_order_id: str) -> tuple[HedgeOrder, Instrument | None] | None:
    """Return an order as of the log's head and what it trades; None when it is not ours or ended long ago."""
    with FOLLOWING.held() as book:
        order = book.our_orders.get(client_order_id)
        return (order, book.catalogue.instruments.get(order.intent.instrument)) if order else None


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
