"""Fees: what a venue took of our latest fills, which is what it may be expected to take of the next."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.instruments import Instrument, value
from hedgeapp.core.records import record
from portfolio.models import Fill

FILLS_LOOKED_AT: Final = 1_000  # the latest of all accounts


@record
class PaidRate:
    """The share of a fill's value that its fee was, and when."""

    rate: Decimal
    at: datetime


def paid_rate(account: str, instrument: Instrument, *, is_maker: bool) -> PaidRate | None:
    """Return the rate of the latest fill of an instrument that paid its fee in the settlement asset; None without one.

    Reference data has no fee rates: they depend on the account's own tier and change without an announcement.
    """
    latest = Fill.objects.order_by("-from_seq").values("from_seq")[:FILLS_LOOKED_AT]
    fill = (
        Fill.objects.filter(
            from_seq__in=latest,
            account=account,
            instrument=instrument.id,
            is_maker=is_maker,
            fee_asset=instrument.settlement,
        )
        .order_by("-from_seq")
        .first()
    )
    if fill is None:
        return None
    worth = value(instrument.kind, fill.quantity * instrument.contract_size, fill.price)
    return PaidRate(rate=fill.fee / worth, at=fill.at)
