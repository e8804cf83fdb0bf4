"""Rows of margin: how far an account is from liquidation.  (records)"""

from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure


@record
class LiquidationRow:
    """The price that liquidates an account when only `currency` moves, all its contracts by the same factor.

    `price` is in `quote`, on the mark of the account's largest position in that currency; `multiple` = price / mark
    now. Both have no value when no price liquidates.
    """

    currency: str
    quote: str
    direction: Literal["rise", "fall", "none"]
    price: Figure
    multiple: Figure


@record
class MarginRow:
    """The margin of one account in one settlement asset: cross margin, each asset by itself.

    `wallet`, `unrealized`, `margin_balance` (their sum), `initial_margin`, `maintenance_margin` and `headroom` (margin
    balance − initial margin) are in `settlement`. The initial margin is at the account's leverage, where the
    venue has told it, and at most at the highest that the tier allows.
    `margin_ratio` = maintenance margin / margin balance: 1 is liquidation; it has no value when the margin balance is
    not positive. `liquidations` has a row per currency and direction, the nearest first.
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
