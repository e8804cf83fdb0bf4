"""Rows: what the book holds now or held at any event, by one and the same query."""

from typing import TypeVar

from django.db.models import Q, QuerySet

from portfolio.models import Balance, Checkpoint, Collateral, Fill, HedgeOrder, Order, Position, Version

V = TypeVar("V", bound=Version)


def as_of(model: type[V], seq: int | None) -> "QuerySet[V]":
    """Return the rows of a read model as of an event, or now."""
    rows: QuerySet[V] = model._default_manager.all()
    if seq is None:
        return rows.filter(to_seq__isnull=True)
    return rows.filter(Q(to_seq__gt=seq) | Q(to_seq__isnull=True), from_seq__lte=seq)


def positions(seq: int | None = None) -> "QuerySet[Position]":
    """Return the positions as of an event, or now."""
    return as_of(Position, seq)


def balances(seq: int | None = None) -> "QuerySet[Balance]":
    """Return the balances as of an event, or now."""
    return as_of(Balance, seq)


def orders(seq: int | None = None) -> "QuerySet[Order]":
    """Return the orders as of an event, or now."""
    return as_of(Order, seq)


def hedge_orders(seq: int | None = None) -> "QuerySet[HedgeOrder]":
    """Return the orders of ours as of an event, or now."""
    return as_of(HedgeOrder, seq)


def fills(seq: int | None = None) -> "QuerySet[Fill]":
    """Return the fills up to an event, or all."""
    return as_of(Fill, seq)


def collateral(seq: int | None = None) -> "QuerySet[Collateral]":
    """Return the collateral as of an event, or now."""
    return as_of(Collateral, seq)


def projected_seq() -> int:
    """Return the last event that is in the rows; they follow the log within moments."""
    return Checkpoint.objects.filter(name=Checkpoint.READ_MODELS).values_list("seq", flat=True).first() or 0
