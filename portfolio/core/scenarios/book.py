"""Scenario book: what a scenario starts from, in float64.  (records)

Analytics, never facts: no number of it goes back into the book. What an account shows of a custodian's wallet
(`mirrored`) is margin there and counts once, at the custodian.
"""

import math
from dataclasses import field
from typing import Final

from hedgeapp.core.instruments import ContractKind
from hedgeapp.core.records import record

USD: Final = "USD"
WHOLE: Final = ((math.inf, 1.0),)


@record
class Bracket:
    """One maintenance tier: up to a position value `cap` margin is value · (rate + growth · value) − deduction.

    Initial margin is value · (initial_rate + growth · value). All in the settlement asset.
    """

    cap: float
    rate: float
    deduction: float = 0.0
    initial_rate: float = 0.0
    growth: float = 0.0


@record
class ScenarioPosition:
    """A position: `size` in base units if linear, in quote units if inverse, short negative.

    `entry_value` is what it was worth when it was opened or last settled, `mark` its price now in its quote,
    `funding_rate` that of 8 hours, positive when longs pay.
    """

    account: str
    venue: str
    instrument: str
    kind: ContractKind
    base: str
    quote: str
    settlement: str
    size: float
    entry_value: float
    mark: float
    brackets: tuple[Bracket, ...] = ()
    funding_rate: float = 0.0

    @property
    def worth(self) -> float:
        """What it is worth at its mark, in the settlement asset, signed like the size."""
        return self.size * self.mark if self.kind == "linear" else self.size / self.mark


@record
class Holding:
    """Units of an asset that an account, a custodian or a chain holds: `own` counts here, `mirrored` elsewhere.

    `venue` is empty for a custodian or a chain. `collateral` says how much of it counts as margin in a unified account:
    marginal tiers of units up to a cap and the share of each.
    """

    holder: str
    venue: str
    asset: str
    own: float
    mirrored: float = 0.0
    collateral: tuple[tuple[float, float], ...] = WHOLE


@record
class Rate:
    """What one unit of a staked asset is of its `currency`: by the protocol, by the market, and as it is hedged."""

    currency: str
    protocol: float = 1.0
    market: float = 1.0
    hedged: float = 1.0


@record
class ScenarioBook:
    """Where a scenario starts: `prices` are USD per currency, `rates` are of staked assets.

    Accounts in `unified` put all assets into one margin; in others each settlement asset stands by itself.
    `borrow_maintenance` is by asset what margin, as a share, a unified account keeps for what it owes of it. `missing`
    are sentences: what of the book is not in here, and why.
    """

    prices: dict[str, float]
    positions: tuple[ScenarioPosition, ...] = ()
    holdings: tuple[Holding, ...] = ()
    rates: dict[str, Rate] = field(default_factory=dict)
    unified: frozenset[str] = frozenset()
    stablecoins: frozenset[str] = frozenset()
    borrow_maintenance: dict[str, float] = field(default_factory=dict)
    supply: float | None = None
    missing: tuple[str, ...] = ()

    def currency(self, asset: str) -> str:
        """Return the currency that an asset is an exposure to."""
        rate = self.rates.get(asset)
        return rate.currency if rate else asset
