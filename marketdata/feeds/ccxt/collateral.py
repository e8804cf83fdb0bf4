"""Collateral: what a venue takes an asset for, of rows of its tiers.  raw rows -> CollateralTiers"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.instruments import CollateralTier
from marketdata.feeds.ccxt.facts import FactIsMalformed, number

TIERS_MAX: Final = 100  # of one asset


def collateral_tiers(rows: Any, field: str, *, floor: str, cap: str, ratio: str) -> tuple[CollateralTier, ...]:
    """Return the tiers that rows tell under the names given; an empty cap is none.

    They have to follow each other from 0 on, and none may count for more than the one before it. Raises FactIsMalformed
    with `field`, in which the rows stand.
    """
    if not isinstance(rows, list) or not 0 < len(rows) <= TIERS_MAX or not all(isinstance(row, dict) for row in rows):
        raise FactIsMalformed("collateral", field, rows)
    tiers: list[CollateralTier] = []
    for row in rows:
        tier = CollateralTier(
            floor=number("collateral", row, floor),
            cap=number("collateral", row, cap) if row.get(cap) else None,
            ratio=number("collateral", row, ratio),
        )
        if not _follows(tiers, tier):
            raise FactIsMalformed("collateral", field, rows)
        tiers.append(tier)
    return tuple(tiers)


def _follows(before: Sequence[CollateralTier], tier: CollateralTier) -> bool:
    last = before[-1] if before else CollateralTier(floor=Decimal(0), cap=Decimal(0), ratio=Decimal(1))
    return tier.floor == last.cap and (tier.cap is None or tier.cap > tier.floor) and 0 <= tier.ratio <= last.ratio
