"""Move values: what a move is worth to the rules, on the safe side.  amount x MovePrice -> Value

USD is taken at the higher of the price now and its highest in 24 h, so that nobody waits for a dip to pass under a
bound.
"""

from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.moves import Trust
from hedgeapp.core.records import record
from portfolio.core.figures import State
from portfolio.core.valuation import Valuation

TRUST_OF: Final[dict[State, Trust]] = {
    "live": "verified",
    "late": "verified",
    "assumed": "unverified",
    "stale": "stale",
    "unknown": "unknown",
}


@record
class MovePrice:
    """What one unit of an asset is worth in USD now, and at most in the last 24 h; None where nobody knows."""

    usd: Decimal | None
    high_usd: Decimal | None
    trust: Trust
    because: str


@record
class Value:
    """What a move is worth in USD; None when nobody can say. `because` says why it is not believed."""

    usd: Decimal | None
    trust: Trust
    because: str = ""

    @property
    def is_trusted(self) -> bool:
        """Tell whether a rule may rest on it."""
        return self.usd is not None and self.trust == "verified"


def price(asset: str, now: Valuation, high: Valuation, *, is_verified: bool) -> MovePrice:
    """Return the price of a unit; `high` values with the highest marks of the last 24 h.

    `is_verified` is whether a second, independent source agrees with the price.
    """
    current, highest = now.unit_usd(asset), high.unit_usd(asset)
    trust = TRUST_OF[current.state]
    if trust == "verified" and not is_verified:
        return MovePrice(
            usd=current.value,
            high_usd=highest.value,
            trust="unverified",
            because=f"no second source agrees with the price of {asset}",
        )
    return MovePrice(usd=current.value, high_usd=highest.value, trust=trust, because=current.because)


def value(amount: Decimal, unit: MovePrice) -> Value:
    """Return what an amount is worth by a price."""
    known = [one for one in (unit.usd, unit.high_usd) if one is not None and one.is_finite() and one > ZERO]
    if unit.usd is None or not known or not amount.is_finite():
        return Value(usd=None, trust="unknown", because=unit.because or "its price is not known")
    return Value(usd=amount * max(known), trust=unit.trust, because=unit.because)
