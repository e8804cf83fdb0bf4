"""Fees: what a venue took of our latest fills, which is what it may be expected to take of the next."""

from collections.abc import Mapping
from typing import Final

from hedgeapp.core.instruments import Instrument, value
from portfolio.core.fees import PaidRate as PaidRate
from portfolio.models import Fill

FILLS_LOOKED_AT: Final = 1_000  # the latest of all accounts


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
    return None if fill is None else _rate(fill, instrument)


def taker_rates(instruments: Mapping[str, Instrument]) -> dict[str, PaidRate]:
    """Return by instrument the rate of its latest fill, in any account, that took from the book."""
    found: dict[str, PaidRate] = {}
    for fill in Fill.objects.order_by("-from_seq")[:FILLS_LOOKED_AT]:
        instrument = instruments.get(fill.instrument)
        if instrument is None or fill.instrument in found or fill.is_maker:
            continue
        if fill.fee_asset == instrument.settlement:
            found[fill.instrument] = _rate(fill, instrument)
    return found


def _rate(fill: Fill, instrument: Instrument) -> PaidRate:
    worth = value(instrument.kind, fill.quantity * instrument.contract_size, fill.price)
    return PaidRate(rate=fill.fee / worth, at=fill.at)
