"""Unwind outcome: what a run of redemptions comes to, hour by hour and in all.  (records)"""

from math import isnan, nan

from hedgeapp.core.records import record
from portfolio.core.scenarios.unwind_book import Wait
from portfolio.core.scenarios.unwind_closing import Closed, together
from portfolio.core.scenarios.unwind_margins import Room
from portfolio.core.scenarios.unwind_sources import Fetched


@record
class Hour:
    """One hour: USD and coin of that hour, but `waiting`, `hot`, `left` and `delta`, which are those at its end.

    `arrived` is collateral that came to the contract, `settled` profit that accounts were paid (a loss below 0),
    `closed` by instrument; `left` is the hedge that is still short in USD, `delta` by currency what it is short of
    being flat. `rooms` are the margins at its end, `kept` what accounts were asked for and could not give yet.
    """

    number: int
    redeemed_usd: float
    waiting_usd: float
    arrived_usd: float
    settled_usd: float
    hot_usd: float
    closed: dict[str, Closed]
    left_usd: float
    delta: dict[str, float]
    rooms: dict[str, Room]
    kept_usd: float

    @property
    def headroom_usd(self) -> float:
        """The least headroom of the margins that are known; nan where there is none."""
        return min((one.headroom_usd for one in self.rooms.values() if not isnan(one.headroom_usd)), default=nan)

    @property
    def ratio(self) -> float:
        """The highest maintenance margin / margin balance of those; nan where there is none."""
        return max((one.ratio for one in self.rooms.values() if not isnan(one.ratio)), default=nan)

    @property
    def total(self) -> Closed:
        """What was bought back of all instruments; its coin adds up currencies."""
        return together(self.closed.values())


@record
class Line:
    """One instrument over the whole run: coin short at the start, what was bought back of it, and what is left."""

    instrument: str
    venue: str
    currency: str
    coin: float
    closed: Closed
    open_interest: float | None

    @property
    def left(self) -> float:
        """What is still short."""
        return self.coin - self.closed.coin

    @property
    def share_of_interest(self) -> float | None:
        """The part of everybody's open positions that was closed; none where that is not known."""
        return self.closed.coin / self.open_interest if self.open_interest else None


@record
class Profit:
    """What an account realized by closing, in USD, and the hours until the last of it is settled; none: not known."""

    account: str
    unrealized_usd: float
    realized_usd: float
    settled_by: float | None
    wait: Wait


@record
class Return:
    """What an account was asked to give back, and what its headroom let go, in USD.

    `first` are the hours until the settlement at which it was to go, `at_first` what went then, `last` the hours until
    the settlement at which all of it had gone; none: not within the run. `is_known` is whether its margin is.
    """

    account: str
    asked_usd: float
    first: float
    at_first_usd: float = 0.0
    gone_usd: float = 0.0
    last: float | None = None
    is_known: bool = True

    @property
    def is_held_back(self) -> bool:
        """Whether its headroom lets less go than was asked for, when it is asked for."""
        return self.at_first_usd < self.asked_usd * (1 - 1e-9)


@record
class Unwind:
    """A run: `target` USD asked for, and the hours after which things happen; none: not within the run.

    `dry_at` is the first hour in which the contract could not pay what was due, `paid_at` the hour in which all was
    redeemed, `flat_at` that in which its hedge was closed, too. `paid` is by asset, in units.
    """

    target_usd: float
    hot_usd: float
    hours: tuple[Hour, ...]
    lines: tuple[Line, ...]
    fetched: tuple[Fetched, ...]
    profits: tuple[Profit, ...]
    paid: dict[str, float]
    rooms: dict[str, Room]  # before the first hour
    returns: tuple[Return, ...]
    dry_at: int | None
    paid_at: int | None
    flat_at: int | None

    @property
    def redeemed_usd(self) -> float:
        """All that was redeemed."""
        return sum(hour.redeemed_usd for hour in self.hours)

    @property
    def closed(self) -> Closed:
        """All that was bought back; its coin adds up currencies."""
        return together(hour.total for hour in self.hours)
