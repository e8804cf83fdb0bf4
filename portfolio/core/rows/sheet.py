"""Rows of the balance sheet: what stands behind the synthetic dollar, cell by cell.  (records)"""

from datetime import datetime
from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure

Place = Literal["chain", "custodian", "delegated", "exchange", "unrealized", "reserve"]
Nature = Literal["staked", "stablecoin", "coin"]


@record
class SheetCell:
    """What one holder has of one asset at one place; negative where it is owed.

    `holder` is the chain, the custodian or the account; a custodian's cells are without what it mirrors, which stands
    in the cells of `delegated`, by the account that it is mirrored to. `units` are in `asset`. `kind` is that of the
    backing rows. `proof` says whose word the units are, `breaks` how many breaks are open there.
    """

    place: Place
    holder: str
    asset: str
    kind: str
    nature: Nature
    units: Figure
    usd: Figure
    proof: str
    breaks: int


@record
class SheetPrice:
    """The USD price that the cells of an asset have in common; `proof` says who signed it, or that nobody has."""

    asset: str
    usd: Figure
    source: str
    proof: str
    is_signed: bool


@record
class Owed:
    """What an account's exchange owes us until it settles: own cash and unrealized profit, in USD.

    `net_usd` is their sum; `at_risk_usd` is what would be lost if it failed now: what it owes of each asset, while what
    we owe stays owed. `due_at` is a cycle (the limit `settlement_cycle`) after `settled_at`, the last settlement seen;
    without one `because` says why.
    """

    account: str
    cash_usd: Figure
    unrealized_usd: Figure
    net_usd: Figure
    at_risk_usd: Figure
    settled_at: datetime | None
    due_at: datetime | None
    because: str


@record
class BackingSheet:
    """All cells, each asset in them once: their sum is the assets of the backing.

    `reserve` are cells of the reserve fund, by wallet, and `reserve_usd` is their sum: they are apart, in no sum of the
    others. `borrowed_usd` is what
    accounts owe their venues; it is in the cells already. `missing` says what was never read, so that no sum is whole;
    empty when all was.
    """

    cells: tuple[SheetCell, ...] = ()
    reserve: tuple[SheetCell, ...] = ()
    reserve_usd: Figure | None = None
    prices: tuple[SheetPrice, ...] = ()
    owed: tuple[Owed, ...] = ()
    borrowed_usd: Figure | None = None
    missing: str = ""
