"""Venue orders: those that the venues reported and nobody here sent, the latest report first."""

from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from hedgeapp.core.events.trading import OrderStatus
from portfolio.models import HedgeOrder, Order
from portfolio.queries.blotter import OrderFilter
from portfolio.queries.pages import Page, page_of
from portfolio.queries.rows import orders

STATUSES: Final[dict[str, frozenset[OrderStatus]]] = {
    "working": frozenset({"working", "partially_filled"}),
    "unknown": frozenset(),
    "finished": frozenset({"filled", "canceled", "expired"}),
    "refused": frozenset({"rejected"}),
}


def not_ours(wanted: OrderFilter) -> "QuerySet[Order]":
    """Return the rows of the orders that match and that we did not send, the latest report first."""
    ours = HedgeOrder.objects.filter(client_order_id=OuterRef("client_order_id"), account=OuterRef("account"))
    rows = orders(wanted.seq).filter(wanted.of_trade(), wanted.of_days("at")).exclude(Exists(ours))
    if wanted.state:
        rows = rows.filter(status__in=STATUSES[wanted.state])
    return rows.order_by("-from_seq")


def page(wanted: OrderFilter, *, before: int | None = None, after: int | None = None) -> Page[Order]:
    """Return a page, before or after the order last reported by an event."""
    return page_of(not_ours(wanted), "from_seq", before=before, after=after)
