"""Notices that webhooks told, for whoever compares them with the custodian's lists; blocking."""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.records import record
from marketdata import models
from marketdata.core.notices import Notice
from marketdata.operations.notices import WAITING_MAX


@record
class Told:
    """What a custodian's webhooks told.

    `waiting` has no verdict yet; `orders` are those of all notices that are kept, `first_at` when the first came.
    """

    waiting: tuple[Notice, ...]
    orders: frozenset[str]
    first_at: datetime | None


def told(custodian: str) -> Told:
    """Return what a custodian's webhooks told."""
    kept = models.Notice.objects.filter(custodian=custodian).order_by("received_at")
    waiting = kept.filter(verdict="waiting")[:WAITING_MAX]
    first = kept.first()
    return Told(
        waiting=tuple(
            Notice(
                digest=row.digest,
                event_type=row.event_type,
                order_id=row.order_id,
                coin=row.coin,
                amount=Decimal(row.amount),
                at=row.told_at,
                received_at=row.received_at,
            )
            for row in waiting
        ),
        orders=frozenset(kept.values_list("order_id", flat=True)),
        first_at=first.received_at if first else None,
    )
