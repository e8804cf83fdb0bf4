"""Instruments: what is traded, and what a quantity of it is worth.  quantity x price -> value in the settlement asset

`value` is always in the settlement asset: linear q·size·price (stablecoin), inverse q·size/price (coin).
Sources: facts of the exchanges' contract pages; `docs/arithmetic.md` has the derivations.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import UNSET, UnsetType

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.records import record, sparse_fact

ContractKind = Literal["linear", "inverse"]
Expiry = Literal["perpetual", "dated", "spot"]
TierUnit = Literal["value", "contracts"]


@sparse_fact
class Tier:
    """One maintenance bracket of a venue.

    `floor` and `cap` bound the position's value in the settlement asset (linear: notional in the stablecoin; inverse:
    in coin), or where `unit` says so its contracts; maintenance margin = value · (maintenance_rate + growth · value)
    − deduction, and initial margin = value · (1 / leverage_max + growth · value), in the settlement asset. `growth` is
    0 but where a venue's margin grows with the size of the position itself (Deribit).
    """

    floor: Decimal
    cap: Decimal
    maintenance_rate: Decimal
    deduction: Decimal
    leverage_max: Decimal
    unit: TierUnit = "value"
    growth: Decimal = ZERO


@sparse_fact
class CollateralTier:
    """What a venue takes a part of an asset for as margin: units from `floor` to `cap` at `ratio`; None: no end.

    Ratios are marginal: each part counts at its own. Above the last cap an asset counts for nothing.
    """

    floor: Decimal
    cap: Decimal | None
    ratio: Decimal


@sparse_fact
class FundingTerms:
    """Minutes from one payment to the next, and the most and the least rate of a payment; None: not told."""

    minutes: int | None = None
    cap: Decimal | None = None
    floor: Decimal | None = None

    @property
    def told(self) -> "FundingTerms | UnsetType":
        """These terms, or what stands for none of them."""
        return UNSET if self == FundingTerms() else self


@record
class Instrument:
    """A perpetual or dated contract, or a spot pair that is only followed for its price, in our spelling.

    `id` is `venue:SYMBOL`. A quantity is a signed number of contracts; `contract_size` is base units per contract
    (linear) or quote units per contract (inverse). A pair is linear with contracts of one unit of its base.
    `funding_terms` that nobody told are left out of the stored form, as in what was written before there were any.
    """

    id: str
    venue: str
    symbol: str
    venue_symbol: str
    kind: ContractKind
    expiry: Expiry
    base: str
    quote: str
    settlement: str
    contract_size: Decimal
    tick_size: Decimal
    step_size: Decimal
    expires_at: datetime | None = None
    tiers: tuple[Tier, ...] = ()
    is_trading: bool = True
    funding_terms: FundingTerms | UnsetType = UNSET

    @property
    def funding(self) -> FundingTerms:
        """How a perpetual pays funding, as far as it is told."""
        return self.funding_terms if isinstance(self.funding_terms, FundingTerms) else FundingTerms()

    @property
    def is_contract(self) -> bool:
        """Tell whether positions are held in it: no order, margin or hedge is ever of a spot pair."""
        return self.expiry != "spot"


def value(kind: ContractKind, size: Decimal, price: Decimal) -> Decimal:
    """Return what a signed `size` (base units if linear, quote units if inverse) is worth in the settlement asset.

    Linear: size · price. Inverse: size / price, rounded to 1e-18 so that sums of values are exact.
    """
    return size * price if kind == "linear" else quantized(size / price)


def price_of(kind: ContractKind, size: Decimal, worth: Decimal) -> Decimal:
    """Return the average price at which `size` is worth `worth`: arithmetic if linear, harmonic if inverse."""
    return worth / size if kind == "linear" else size / worth


def pnl(kind: ContractKind, worth_then: Decimal, worth_now: Decimal) -> Decimal:
    """Return the gain of holding a signed position while its worth changed, in the settlement asset.

    Linear: q·(P − P0) = now − then. Inverse: Q·(1/P0 − 1/P) = then − now (a coin is worth more when the price falls).
    """
    return worth_now - worth_then if kind == "linear" else worth_then - worth_now
