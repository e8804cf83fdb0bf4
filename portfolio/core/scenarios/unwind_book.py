"""Unwind book: what a run of redemptions starts from, in float64.  (records)

Analytics, never facts. What nobody knows is none, or left out and said in `missing`.
"""

from dataclasses import field
from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import ScenarioBook

Source = Literal["hot", "custodian", "delegated"]


@record
class Level:
    """What one level of a book sells: `coin` units of the currency at `usd` each, `fee` USD per unit."""

    usd: float
    coin: float
    fee: float


@record
class Offers:
    """What the book of an instrument sells, the best first; `mid_usd` is the middle of its best bid and ask."""

    mid_usd: float
    levels: tuple[Level, ...]


@record
class Short:
    """A short position: `coin` (above 0) units of its currency, its unrealized profit, and what that settles in.

    `open_interest` is what everybody holds of the instrument, in coin; none where the system does not know it.
    """

    account: str
    venue: str
    instrument: str
    currency: str
    coin: float
    mark_usd: float
    unrealized_usd: float
    open_interest: float | None = None


@record
class Held:
    """Units of an asset in one place; each is hedged by `coin` units of `currency`, 0 for a stablecoin.

    `holder` is the chain, the custodian, or the account that it is delegated to.
    """

    source: Source
    holder: str
    asset: str
    currency: str
    units: float
    unit_usd: float
    coin: float

    @property
    def usd(self) -> float:
        """What it is worth."""
        return self.units * self.unit_usd


@record
class Wait:
    """Hours until an account is settled next, and from one settlement to the next; none where `because` says why."""

    hours: float | None
    cycle: float | None
    because: str = ""


@record
class UnwindBook:
    """Where an unwind starts: `supply` in synthetic dollars, `block_usd` the most that a block redeems of it.

    `offers` are by instrument, `waits` by account. `scenario` is the same book as margins are reckoned of it, and
    `unmargined` are accounts whose margin nobody knows: positions or balances of theirs are not in it. `missing` are
    sentences: what is not known, and what that does.
    """

    supply: float
    held: tuple[Held, ...] = ()
    shorts: tuple[Short, ...] = ()
    offers: dict[str, Offers] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    block_usd: float | None = None
    scenario: ScenarioBook = field(default_factory=lambda: ScenarioBook(prices={}))
    unmargined: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
