"""Swept: the composition after profit is realized and swapped into staked assets.  Outcome x Conditions -> Swept

What the documentation of the synthetic dollar assumes. On a fall, coins become staked and the stablecoin is kept, for
linear profit and cash are not swapped (or are, if so asked); on a rise all is staked and nothing is owed. The hedge is
then that of a new book at the price: its shorts are sold at the mark, and nothing is unrealized.
"""

from typing import Literal

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import USD, ScenarioBook
from portfolio.core.scenarios.outcome import Outcome
from portfolio.core.scenarios.shocks import CALM, Conditions, Floats

Sweep = Literal["coins", "all"]


@record
class Swept:
    """The composition in USD at every step, what was traded for it and what that costs; `short` is by currency."""

    staked_usd: Floats
    stable_usd: Floats
    total_usd: Floats
    turnover_usd: Floats
    cost_usd: Floats
    short: dict[str, Floats]

    @property
    def staked_share(self) -> Floats:
        """The share of the whole that is staked."""
        return _share(self.staked_usd, self.total_usd)

    @property
    def stable_share(self) -> Floats:
        """The share of the whole that is held as stablecoin."""
        return _share(self.stable_usd, self.total_usd)


def swept(
    book: ScenarioBook, held: Outcome, *, lead: str, sweep: Sweep = "coins", conditions: Conditions = CALM
) -> Swept:
    """Return what a sweep makes of each step; `lead` is the currency whose move says whether it is a fall.

    The whole is what it was: the cost is shown, not taken. Staked assets take their share by what of each was staked.
    """
    is_cash = book.stablecoins | {USD}
    steps = held.shocks.steps
    stable = sum((held.net[one] * held.prices[one] for one in held.net if one in is_cash), np.zeros(steps))
    coins = sum((held.net[one] * held.prices[one] for one in held.net if one not in is_cash), np.zeros(steps))
    keeps = (held.shocks.multiple(lead) <= 1.0) & (sweep == "coins")
    kept = np.where(keeps, np.maximum(stable, 0.0), 0.0)
    staked = held.total_usd - kept
    turnover = np.abs(coins) + np.abs(stable - kept)
    return Swept(
        staked_usd=staked,
        stable_usd=kept,
        total_usd=held.total_usd,
        turnover_usd=turnover,
        cost_usd=turnover * conditions.cost_bp / 10_000.0,
        short=_shorts(book, held, staked),
    )


def _shorts(book: ScenarioBook, held: Outcome, staked_usd: Floats) -> dict[str, Floats]:
    """Return the short that each currency then needs, in coins: what is staked of it, sold at the price."""
    by_currency: dict[str, Floats] = {}
    for asset, units in held.staked.items():
        currency = book.currency(asset)
        part = units * held.prices[asset]
        by_currency[currency] = by_currency[currency] + part if currency in by_currency else part
    for asset, net in held.net.items():
        if asset in by_currency:
            by_currency[asset] = by_currency[asset] + net * held.prices[asset]
    whole = sum(by_currency.values(), np.zeros(len(staked_usd)))
    return {
        currency: -_share(part, whole) * staked_usd / held.prices[currency] for currency, part in by_currency.items()
    }


def _share(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole != 0.0, part / whole, np.nan)
