"""Rows of exposure: how far from flat, and why.  (records)"""

from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure

LineKind = Literal["collateral", "balance", "position", "counterpart", "unrealized"]
BandState = Literal["inside", "outside", "unknown", "unbounded"]


@record
class ExposureLine:
    """One cause of an exposure.

    `holder` is the custodian, chain or account; `what` says which holding in words; `amount` is in the currency.
    A position gives two lines: `position` in its base (linear: size; inverse: size / mark) and its `counterpart`, what
    it was sold for (linear: size x settlement price of the stablecoin; inverse: its USD). An inverse position also
    gives `unrealized`, in coin; a linear one's unrealized PnL is inside its two lines.
    """

    currency: str
    holder: str
    what: str
    kind: LineKind
    amount: Figure


@record
class ExposureRow:
    """How far the book is from flat in one currency: ETH, BTC, USDT, USDC, and USD as the unit of account.

    `long` + `short` = `net`, in units of the currency; `net_usd` at its USD price. `band` is the limit on |net| (None:
    none is set, then `band_state` is "unbounded"); `band_share` = |net| / band, 1 is the edge. A stale or unknown net
    makes `band_state` "unknown". `lines` explain the row and sum to `net`.
    """

    currency: str
    long: Figure
    short: Figure
    net: Figure
    net_usd: Figure
    band: Decimal | None
    band_share: Figure
    band_state: BandState
    lines: tuple[ExposureLine, ...]


@record
class ConcentrationRow:
    """Net and gross of the positions in one currency at one venue or in one instrument.

    `name` is the venue or the instrument id; `net` and `gross` are in units of `currency`, the base of the contracts;
    the USD columns are at the currency's USD price.
    """

    scope: Literal["venue", "instrument"]
    name: str
    currency: str
    net: Figure
    gross: Figure
    net_usd: Figure
    gross_usd: Figure


@record
class Worth:
    """Why the assets are worth what they are worth, in USD; the four lines sum to `assets_usd` exactly.

    `vector_usd` is the exposure vector at its USD prices; `basis_usd` is what the perpetuals' marks differ from those
    prices; `discount_usd` is what staked units lose by being valued at the lower rate.
    """

    vector_usd: Figure
    basis_usd: Figure
    discount_usd: Figure
    assets_usd: Figure
