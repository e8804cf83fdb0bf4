"""Unwind closing: what shorts are bought back for out of the books in an hour.  coin x Offers -> Closed

The levels of all books of a currency stand in one order, the cheapest after fees first. What is paid above the middle
of an instrument's own book is its slippage.
"""

from collections.abc import Iterable, Mapping
from functools import reduce

from hedgeapp.core.records import record
from portfolio.core.scenarios.unwind_book import Level, Offers


@record
class Closed:
    """What was bought back of one instrument: coin, and in USD its worth at mid, the slippage and the fees."""

    coin: float = 0.0
    mid_usd: float = 0.0
    slippage_usd: float = 0.0
    fees_usd: float = 0.0

    def and_(self, other: "Closed") -> "Closed":
        """Return both together."""
        return Closed(
            coin=self.coin + other.coin,
            mid_usd=self.mid_usd + other.mid_usd,
            slippage_usd=self.slippage_usd + other.slippage_usd,
            fees_usd=self.fees_usd + other.fees_usd,
        )

    @property
    def slippage_bp(self) -> float | None:
        """The slippage as a part of the worth; none where nothing was bought."""
        return self.slippage_usd / self.mid_usd * 1e4 if self.mid_usd else None


def together(closed: Iterable[Closed]) -> Closed:
    """Return all of them as one."""
    return reduce(Closed.and_, closed, Closed())


def bought(due: float, left: Mapping[str, float], offers: Mapping[str, Offers], depth: float) -> dict[str, Closed]:
    """Return what `due` coins cost: of each instrument at most what is `left` short, of each level `depth` times it."""
    rungs: list[tuple[str, Level]] = [
        (name, level) for name in left if name in offers for level in offers[name].levels if left[name] > 0
    ]
    rungs.sort(key=lambda rung: (rung[1].usd + rung[1].fee, rung[0]))
    found: dict[str, Closed] = {}
    for name, level in rungs:
        had = found.get(name, Closed())
        coin = min(due, level.coin * depth, left[name] - had.coin)
        if coin <= 0:
            continue
        mid = offers[name].mid_usd
        found[name] = had.and_(
            Closed(coin=coin, mid_usd=coin * mid, slippage_usd=coin * (level.usd - mid), fees_usd=coin * level.fee)
        )
        due -= coin
    return found
