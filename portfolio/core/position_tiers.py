"""Position tiers: by which of its venue's tiers a position's value counts.  ValuedPosition -> Tiers"""

from collections.abc import Sequence

from hedgeapp.core.instruments import Tier
from portfolio.core.liquidation import tier_at
from portfolio.core.pnl import ValuedPosition


def tiers_of(one: ValuedPosition) -> Sequence[Tier]:
    """Return the tiers by which a position's value counts.

    Where they are bounded in contracts it is the one of its size alone, whatever a price makes of it.
    """
    tiers = one.instrument.tiers
    if not tiers or tiers[0].unit == "value":
        return tiers
    return (tier_at(tiers, abs(one.position.size) / one.instrument.contract_size),)


def without_tiers(instrument: str) -> str:
    """Return why no margin of an instrument is known."""
    return f"no margin tiers of {instrument} are known: load them from the venue, or enter them where it tells none"
