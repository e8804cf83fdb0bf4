"""Rows of holdings: balances, collateral and what they back.  (records)"""

from decimal import Decimal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure


@record
class BalanceRow:
    """An account's wallet balance of one asset, unrealized PnL not in it.

    `delegated` is the part that is mirrored from a custodian and so counts there; `usd` is the value of
    total − delegated.
    """

    account: str
    venue: str
    asset: str
    total: Figure
    delegated: Decimal
    usd_price: Figure
    usd: Figure


@record
class CollateralRow:
    """A custodian's or a chain's holding of one asset in one wallet.

    `units` = free + `locked`. For a staked asset both rates are in units of `currency` per unit; `by_protocol` is what
    is hedged (protocol rate x policy factor), `usd` is the value at the lower of the two rates. For an asset that is
    its own currency both rates are 1.
    """

    holder: str
    wallet: str
    asset: str
    currency: str
    units: Figure
    locked: Figure
    protocol_rate: Figure
    market_rate: Figure
    by_protocol: Figure
    by_market: Figure
    usd: Figure


@record
class BackingRow:
    """One kind of asset behind the synthetic dollar: "staked ETH", "ETH", "USDT" …; `share` is of all assets."""

    kind: str
    usd: Figure
    share: Figure


@record
class Backing:
    """What stands behind the synthetic dollar: assets, each once, against supply.

    `ratio` = assets / supply; `nav_usd` = assets − supply, the synthetic dollar at par. `minted` and `redeemed` are
    totals in synthetic dollars since the log began.
    """

    rows: tuple[BackingRow, ...]
    assets_usd: Figure
    supply: Figure
    ratio: Figure
    nav_usd: Figure
    minted: Figure
    redeemed: Figure
