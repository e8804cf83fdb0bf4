"""Rebases: how much a staked asset may have grown by itself.  holding x rebases taken -> units

Nobody tells a rebase: the balance is just more. So a growth that no fact explains is taken for one as long as it fits
into an allowance that fills with time, at the highest rate believed, and empties with each growth that is taken:
however often a little is added, no more is taken than that rate allows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO

PER_YEAR_MAX: Final[Mapping[str, Decimal]] = {"stETH": Decimal("0.08")}  # share, of assets whose balances grow
KEPT_UP_FOR: Final = timedelta(days=2)  # the allowance holds no more than so much time: a rebase comes once a day
YEAR_S: Final = Decimal(365 * 86_400)


def most(
    asset: str, held: Decimal, since: datetime, taken: Iterable[tuple[datetime, Decimal]], at: datetime
) -> Decimal:
    """Return by how much a holding that was explained `since` may have grown now, after what was taken; in units."""
    per_s = held * PER_YEAR_MAX.get(asset, ZERO) / YEAR_S
    full = per_s * Decimal(KEPT_UP_FOR.total_seconds())
    left, last = full, since
    for when, amount in sorted(taken):
        left = max(ZERO, min(full, left + per_s * _seconds(last, when)) - amount)
        last = max(last, when)
    return max(ZERO, min(full, left + per_s * _seconds(last, at)))


def _seconds(since: datetime, at: datetime) -> Decimal:
    return max(ZERO, Decimal(str((at - since).total_seconds())))
