"""Rows of margin: how far an account is from liquidation.  (records)"""

from decimal import Decimal
from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure


@record
class LiquidationRow:
    """The price that liquidates an account when only `currency` moves, all its contracts by the same factor.

    `price` is in `quote`, on the mark of the account's largest position in that currency; `multiple` = price / mark
    now. Both have no value when no price liquidates. `hours` is the time until then by the move an hour of a limit. A
    staked asset stands in place of a currency where its own price alone, a depeg, liquidates.
    """

    currency: str
    quote: str
    direction: Literal["rise", "fall", "none"]
    price: Figure
    multiple: Figure
    hours: Figure | None = None


@record
class MarginRow:
    """The margin of one account in one settlement asset by itself; of a unified account in all, `settlement` being USD.

    `wallet`, `unrealized`, `margin_balance` (their sum), `initial_margin`, `maintenance_margin` and `headroom` (margin
    balance − initial margin) are in `settlement`. The initial margin is at the account's leverage, where the
    venue has told it, and at most at the highest that the tier allows.
    `margin_ratio` = maintenance margin / margin balance: 1 is liquidation; it has no value when the margin balance is
    not positive. In a unified account `wallet` and `unrealized` are whole and `margin_balance` is what of them counts.
    `liquidations` has a row per currency and direction, the nearest first.
    """

    account: str
    venue: str
    settlement: str
    wallet: Figure
    unrealized: Figure
    margin_balance: Figure
    initial_margin: Figure
    maintenance_margin: Figure
    margin_ratio: Figure
    headroom: Figure
    headroom_usd: Figure
    is_past_liquidation: bool
    liquidations: tuple[LiquidationRow, ...]


@record
class BorrowNeed:
    """What an account borrows of an asset, in the asset, after every price rose by a share."""

    rise: Decimal
    amount: Figure


@record
class BufferRow:
    """What an account has of an asset that its profit is paid in: wallet and unrealized PnL, against its target.

    All in `asset`; `target` and `missing` have no value where no target is set. The first of `needs` is of now: the
    debt. `hourly_rate` is what the venue takes of it in an hour, `interest_today` what it took this UTC day (below 0).
    """

    account: str
    asset: str
    equity: Figure
    target: Figure
    missing: Figure
    needs: tuple[BorrowNeed, ...]
    hourly_rate: Figure
    interest_today: Figure
