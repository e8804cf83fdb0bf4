"""Unwind returns: what accounts are asked for, and what their margin lets go at settlements.  Fetched -> Returns

An account gives at a settlement what leaves all its headrooms at 0 or above, and waits with the rest for the next one:
more of its hedge may be closed then. Profit that is settled leaves it, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from portfolio.core.scenarios.unwind_book import Wait
from portfolio.core.scenarios.unwind_margins import UnwindMargins, settlement_in
from portfolio.core.scenarios.unwind_outcome import Return
from portfolio.core.scenarios.unwind_sources import Fetched

TINY: Final = 1e-9  # relative: what is less than this of what was asked for is nothing


class UnwindReturns:
    """The accounts that collateral is asked back from, as a run goes."""

    def __init__(self, fetched: Iterable[Fetched], waits: Mapping[str, Wait], margins: UnwindMargins) -> None:
        self._waits, self._margins = waits, margins
        self._left: dict[str, dict[str, float]] = {}  # by account and asset, in units
        self._usd: dict[str, float] = {}
        self.told: dict[str, Return] = {}
        for one in fetched:
            account, wait = one.held.holder, waits.get(one.held.holder)
            if one.held.source != "delegated" or not one.units or wait is None or wait.hours is None:
                continue
            of_account = self._left.setdefault(account, {})
            of_account[one.held.asset] = of_account.get(one.held.asset, 0.0) + one.units
            self._usd[one.held.asset] = one.held.unit_usd
            self.told[account] = Return(
                account=account, asked_usd=0.0, first=wait.hours, is_known=margins.is_known(account)
            )
        for account, units in self._left.items():
            self.told[account] = replace(self.told[account], asked_usd=self._worth(units))
        self._tried: dict[str, int] = {}
        self._moved: dict[str, int] = {}
        self._leaving: dict[tuple[float, int], float] = {}  # by settlement and row, in units

    @property
    def kept_usd(self) -> float:
        """What accounts could not give yet although it was time."""
        return sum(self._worth(self._left[account]) for account in self._tried)

    def may_go_on(self) -> bool:
        """Tell whether a settlement to come may let more go than the last one did."""
        return any(
            self._is_owed(account) and self._moved.get(account, 0) >= self._tried.get(account, 0)
            for account in self._left
        )

    def realized(self, number: int, account: str, instrument: str, gain_usd: float, at: float | None) -> None:
        """Put what closing brought into the account, until it is settled."""
        self._moved[account] = number
        where = self._margins.settlement(account, instrument)
        if where is None:
            return
        row, price = where
        self._margins.added[row] += gain_usd / price
        if at is not None:
            self._leaving[at, row] = self._leaving.get((at, row), 0.0) + gain_usd / price

    def settle(self, number: int) -> None:
        """Take the profit out that is settled by the end of an hour; a loss stays where it was made."""
        for at, row in [key for key in self._leaving if key[0] <= number]:
            self._margins.added[row] -= max(0.0, self._leaving.pop((at, row)))

    def let_go(self, number: int, left: Mapping[str, float]) -> dict[tuple[str, str], tuple[float, float]]:
        """Return what goes in an hour, by account and asset: its share of what was left to go, and when it goes."""
        gone: dict[tuple[str, str], tuple[float, float]] = {}
        for account, units in self._left.items():
            at = settlement_in(self._waits[account], number)
            if at is None or not self._is_owed(account):
                continue
            share = self._margins.released(account, units, left)
            usd = self._worth(units) * share
            for asset, amount in units.items():
                self._margins.take(account, asset, amount * share)
                units[asset] = amount * (1 - share)
                gone[account, asset] = (share, at)
            told = self.told[account]
            first = usd if account not in self._tried else told.at_first_usd
            self.told[account] = replace(told, at_first_usd=first, gone_usd=told.gone_usd + usd)
            if not self._is_owed(account):
                self.told[account] = replace(self.told[account], last=at)
            self._tried[account] = number
        return gone

    def _is_owed(self, account: str) -> bool:
        return self._worth(self._left[account]) > TINY * self.told[account].asked_usd

    def _worth(self, units: Mapping[str, float]) -> float:
        return sum(amount * self._usd[asset] for asset, amount in units.items())
