"""Engine: a scenario book made ready once, then swept over any steps.  ScenarioBook -> Engine

All positions on one market move by one multiple y of their value (the price's for linear, one over it for inverse
contracts), and their profit, exposure and funding are linear in it. So what is swept are sums by account, settlement
asset and market: matrices of rows x markets, whatever the number of positions.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from hedgeapp.core.instruments import ContractKind
from portfolio.core.scenarios.book import USD, ScenarioBook, ScenarioPosition
from portfolio.core.scenarios.required import Brackets, Integers, brackets_of
from portfolio.core.scenarios.shocks import Floats, Shocks

UNIFIED: Final = ""  # the settlement asset of a margin that holds all assets

Market = tuple[str, str, ContractKind]  # base, quote, kind: what moves by one multiple
Equity = tuple[str, str]  # account, asset
Pool = tuple[str, str]  # account, settlement asset: one margin, that of all assets where it is `UNIFIED`


class Engine:
    """A scenario book's sums and names in order; made once, never changed.

    Rows are `equities`, columns `markets`: `worth`, `entry` (of linear and of inverse positions the profit is
    worth − entry and entry − worth), `size`, and `funding`, rate · worth. `of_asset`, `assets` x rows, is 1 where a row
    is of an asset.
    """

    def __init__(self, book: ScenarioBook) -> None:
        self.book = book
        held = [one for one in book.positions if one.worth]
        worths = np.array([one.worth for one in held])
        venues = {one.holder: one.venue for one in book.holdings if one.venue}
        venues |= {one.account: one.venue for one in held}
        settled = {(one.account, one.settlement) for one in held}
        found = {(one.holder, one.asset) for one in book.holdings if one.venue} | settled
        self.equities: tuple[Equity, ...] = tuple(sorted(found))
        self.venues = tuple(venues[account] for account, _ in self.equities)
        row_of = {key: place for place, key in enumerate(self.equities)}
        self._rows_of: dict[str, list[int]] = {}
        for place, (_, asset) in enumerate(self.equities):
            self._rows_of.setdefault(asset, []).append(place)
        self.assets = tuple(self._rows_of)
        self.of_asset = np.zeros((len(self.assets), len(self.equities)))
        for place, ours in enumerate(self._rows_of.values()):
            self.of_asset[place, ours] = 1.0
        markets: dict[Market, int] = {}
        columns = np.array(
            [markets.setdefault((one.base, one.quote, one.kind), len(markets)) for one in held], dtype=np.int64
        )
        rows = np.array([row_of[one.account, one.settlement] for one in held], dtype=np.int64)
        self.markets: tuple[Market, ...] = tuple(markets)
        shape = (len(self.equities), len(markets))

        def summed(values: Floats) -> Floats:
            places = rows * max(1, shape[1]) + columns
            sums: Floats = np.bincount(places, weights=values, minlength=shape[0] * shape[1]).astype(np.float64)
            return sums.reshape(shape)

        self.worth = summed(worths)
        self.entry = summed(np.array([one.entry_value for one in held]))
        self.size = summed(np.array([one.size for one in held]))
        self.funding = summed(np.array([one.funding_rate for one in held]) * worths)
        self.sign = np.array([1.0 if kind == "linear" else -1.0 for _, _, kind in self.markets])
        self.brackets = tuple(
            _brackets(held, np.flatnonzero(columns == place), worths, rows) for place in range(len(markets))
        )
        self.own, self.mirrored = self._held(row_of)
        unmargined = {(one.account, one.settlement) for one in held if not one.brackets}
        self.is_known = np.array([key not in unmargined for key in self.equities], dtype=bool)
        pools = {(name, UNIFIED if name in book.unified else asset) for name, asset in settled}
        self.pools: tuple[Pool, ...] = tuple(sorted(pools))

    def multiples(self, shocks: Shocks) -> Floats:
        """Return what the value of a position on each market is multiplied with, markets x steps.

        A mark is the base's USD price over the quote's, and the basis: a stablecoin that falls lifts the marks in it.
        """
        found = np.empty((len(self.markets), shocks.steps))
        for place, (base, quote, kind) in enumerate(self.markets):
            price = shocks.multiple(base) * (1.0 + shocks.basis)
            if quote != USD:
                price = price / shocks.multiple(quote)
            found[place] = price if kind == "linear" else 1.0 / price
        return found

    def unit_usd(self, asset: str, shocks: Shocks) -> Floats:
        """Return the USD value of one unit of an asset; a staked one is worth the lower of its two rates."""
        currency = self.book.currency(asset)
        price = self.book.prices[currency] * shocks.multiple(currency)
        rate = self.book.rates.get(asset)
        return price if rate is None else price * np.minimum(rate.protocol, rate.market * (1.0 + shocks.depeg))

    def hedged(self, asset: str) -> float:
        """Return how many units of its currency one unit of an asset is hedged as."""
        rate = self.book.rates.get(asset)
        return rate.hedged if rate else 1.0

    def rows_of(self, asset: str) -> list[int]:
        """Return the rows of all accounts in an asset."""
        return self._rows_of.get(asset, [])

    def _held(self, row_of: dict[Equity, int]) -> tuple[Floats, Floats]:
        own, mirrored = np.zeros(len(row_of)), np.zeros(len(row_of))
        for one in self.book.holdings:
            if one.venue:
                row = row_of[one.holder, one.asset]
                own[row] += one.own
                mirrored[row] += one.mirrored
        return own, mirrored


def _brackets(held: Sequence[ScenarioPosition], ours: Integers, worths: Floats, rows: Integers) -> Brackets:
    return brackets_of([held[place].brackets for place in ours], np.abs(worths[ours]), rows[ours])
