"""Rows of positions and the PnL of positions.  (records)"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from hedgeapp.core.instruments import ContractKind, Expiry
from hedgeapp.core.records import record
from portfolio.core.figures import Figure

Agreement = Literal["agrees", "differs", "unknown"]


@record
class AssetFigure:
    """An amount of one asset."""

    asset: str
    figure: Figure


@record
class PositionRow:
    """One position: an instrument in an account.

    `quantity` is in contracts, `size` in `size_unit` (linear: base, inverse: quote); prices in the instrument's quote;
    `notional` (unsigned), `unrealized`, `realized` and `funding_24h` in `settlement`. `settlement_price` is the basis
    of the unsettled PnL, equal to `entry_price` where the venue settles only at closing. `liquidation_price` is
    the mark at which the account's margin ends, `liquidation_away` = that / mark - 1, and `liquidation_hours` how long
    until then by the move an hour of a limit. `basis_bp` = (mark/index - 1) x 10,000. `funding_rate` is that of the
    next payment, at `funding_at`. `delta` is the exposure in the base currency (linear: size; inverse: size / mark).
    `stated_quantity` is the venue's own word; `agreement` compares it. Funding is paid every `funding_minutes` at a
    rate from `funding_floor` to `funding_cap` (None: not told), or `funding_accrues` all the time.
    """

    account: str
    venue: str
    instrument: str
    symbol: str
    kind: ContractKind
    expiry: Expiry
    expires_at: datetime | None
    base: str
    quote: str
    settlement: str
    contract_size: Decimal
    size_unit: str
    quantity: Figure
    size: Figure
    entry_price: Figure
    settlement_price: Figure
    mark: Figure
    liquidation_price: Figure
    liquidation_away: Figure
    liquidation_hours: Figure
    index: Figure
    basis_bp: Figure
    notional: Figure
    notional_usd: Figure
    delta: Figure
    unrealized: Figure
    unrealized_usd: Figure
    realized: Figure
    fees: tuple[AssetFigure, ...]
    funding: tuple[AssetFigure, ...]
    funding_rate: Figure
    funding_at: datetime | None
    funding_24h: Figure
    stated_quantity: Figure
    agreement: Agreement
    opened_at: datetime
    updated_at: datetime
    funding_minutes: int | None = None
    funding_cap: Decimal | None = None
    funding_floor: Decimal | None = None
    funding_accrues: bool = False


@record
class PositionSubtotal:
    """The sums of the positions of one venue that settle in one asset."""

    settlement: str
    positions: int
    notional: Figure
    notional_usd: Figure
    unrealized: Figure
    unrealized_usd: Figure
    realized: Figure
    funding_24h: Figure


@record
class VenuePositions:
    """The positions at one venue, with subtotals per settlement asset that reconcile with the rows."""

    venue: str
    rows: tuple[PositionRow, ...]
    subtotals: tuple[PositionSubtotal, ...]
    notional_usd: Figure
    unrealized_usd: Figure


@record
class PnlRow:
    """Profit in one settlement asset: three exclusive parts, then what was paid.

    `unrealized` is not yet in any balance; `realized_unsettled` is fixed but not yet paid by the venue; `settled` is in
    the balances. `fees` are negative when paid; `funding` positive when received. `total` is the sum of the five.
    """

    asset: str
    unrealized: Figure
    realized_unsettled: Figure
    settled: Figure
    fees: Figure
    funding: Figure
    total: Figure
    total_usd: Figure


@record
class FundingRow:
    """Funding expected in the next 24 hours in one settlement asset, at the rate of the next payment."""

    asset: str
    expected: Figure
    expected_usd: Figure
