"""Margins: what each account has, must keep and has over, at every step.  Engine x amounts -> Margins

The same for a what-if, where prices move, and for an unwind, where positions and collateral go (`docs/arithmetic.md`).
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import WHOLE
from portfolio.core.scenarios.engine import UNIFIED, Engine
from portfolio.core.scenarios.shocks import Floats

RATIO_MAX: Final = 1e9  # of a margin; beyond it nothing is left to speak of


@record
class Margin:
    """The margin of one account in one settlement asset, or of all its assets together in USD, at every step."""

    account: str
    asset: str
    balance: Floats
    maintenance: Floats
    initial: Floats

    @property
    def ratio(self) -> Floats:
        """Maintenance margin / margin balance: at 1 it is liquidated; infinite when no balance is left."""
        has_some = self.balance > self.maintenance / RATIO_MAX
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = np.where(has_some & (self.balance > 0.0), self.maintenance / self.balance, np.inf)
        return np.where(np.isnan(self.maintenance), np.nan, found)

    @property
    def headroom(self) -> Floats:
        """Margin balance − initial margin."""
        return self.balance - self.initial


@record
class Amounts:
    """What margins are made of, the engine's equities x steps, in units of their asset.

    `shown` is equity with what is mirrored, `kept` the maintenance and `first` the initial margin of positions.
    """

    shown: Floats
    kept: Floats
    first: Floats


def margins_of(engine: Engine, amounts: Amounts, prices: Mapping[str, Floats], haircut: Floats) -> tuple[Margin, ...]:
    """Return each margin at every step: nan where the tiers of a position in it are missing."""
    shown = amounts.shown
    kept = np.where(engine.is_known[:, None], amounts.kept, math.nan)
    first = np.where(engine.is_known[:, None], amounts.first, math.nan)
    row_of = {key: place for place, key in enumerate(engine.equities)}
    found = []
    for account, asset in engine.pools:
        if asset != UNIFIED:
            row = row_of[account, asset]
            balance, maintenance, initial = shown[row], kept[row], first[row]
        else:
            ours = [(row, prices[name]) for (holder, name), row in row_of.items() if holder == account]
            debt = _debt_margin(engine, account, shown, prices)
            maintenance = sum((kept[row] * price for row, price in ours), debt)
            initial = sum((first[row] * price for row, price in ours), debt)
            balance = _collateral(engine, account, shown, prices, haircut)
        found.append(Margin(account=account, asset=asset, balance=balance, maintenance=maintenance, initial=initial))
    return tuple(found)


def _debt_margin(engine: Engine, account: str, shown: Floats, prices: Mapping[str, Floats]) -> Floats:
    """Return the margin in USD that a unified account keeps for what it owes: negative equity by its asset's rate."""
    rates, found = engine.book.borrow_maintenance, np.zeros(shown.shape[1])
    for (name, asset), equity in zip(engine.equities, shown, strict=True):
        if name == account and asset in rates:
            found = found + np.maximum(0.0, -equity) * rates[asset] * prices[asset]
    return found


def _collateral(engine: Engine, account: str, shown: Floats, prices: Mapping[str, Floats], haircut: Floats) -> Floats:
    """Return the margin balance of a unified account in USD: positive equity by its ratios, negative equity in full."""
    tiers = {one.asset: one.collateral for one in engine.book.holdings if one.holder == account}
    balance = np.zeros(shown.shape[1])
    for (name, asset), equity in zip(engine.equities, shown, strict=True):
        if name != account:
            continue
        cut = haircut if asset in engine.book.rates else 0.0
        counted, floor = np.minimum(equity, 0.0), 0.0
        for cap, ratio in tiers.get(asset, WHOLE):
            counted = counted + np.clip(equity - floor, 0.0, cap - floor) * np.clip(ratio - cut, 0.0, 1.0)
            floor = cap
        balance = balance + counted * prices[asset]
    return balance
