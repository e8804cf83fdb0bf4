"""Unwind margins: what each account has over while its hedge is closed and its collateral goes.  UnwindBook -> Room

Prices stay, so tiers are looked up at the part of each position that is left: the multiple of its value, as a price
would be (`required`). What is unrealized goes down by the same part, what closing realized comes in its place.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import ScenarioPosition
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.margins import Amounts, Margin, margins_of
from portfolio.core.scenarios.required import Brackets, brackets_of, required
from portfolio.core.scenarios.shocks import Floats, shocks
from portfolio.core.scenarios.unwind_book import UnwindBook, Wait

FINE: Final = 65  # shares that are tried at once
ROUNDS: Final = 6  # 64^6 divides the whole to the precision of float64
CLOSE: Final = 1e-9  # of an hour: what is nearer is the same time
STAYS: Final = ""  # of positions that no run closes


@record
class Room:
    """One margin at one time: headroom (margin balance − initial margin) in USD, and maintenance / balance."""

    headroom_usd: float
    ratio: float


@record
class _Group:
    """All positions that are closed by the same share: their tiers, and by row what is unrealized of them now."""

    brackets: Brackets
    gains: Floats


class UnwindMargins:
    """The margins of a book, by what is left of each hedge and what came to (+) or left (−) each account."""

    def __init__(self, book: UnwindBook) -> None:
        self._engine, self._unknown = Engine(book.scenario), book.unmargined
        calm = shocks({})
        assets = {asset for _, asset in self._engine.equities} | book.scenario.prices.keys()
        self._prices = {asset: self._engine.unit_usd(asset, calm) for asset in sorted(assets)}
        self._haircut = calm.haircut
        self._row_of = {key: place for place, key in enumerate(self._engine.equities)}
        closing = {(one.account, one.instrument) for one in book.shorts}
        held = [one for one in book.scenario.positions if one.worth]
        by_name: dict[str, list[ScenarioPosition]] = {}
        for one in held:
            is_closed = one.size < 0 and (one.account, one.instrument) in closing
            by_name.setdefault(one.instrument if is_closed else STAYS, []).append(one)
        self._groups = {name: self._group(ours) for name, ours in by_name.items()}
        self._settles = {(one.account, one.instrument): one.settlement for one in held}
        self.added = np.zeros(len(self._row_of))

    def _group(self, ours: Sequence[ScenarioPosition]) -> _Group:
        rows = np.array([self._row_of[one.account, one.settlement] for one in ours], dtype=np.int64)
        gains = np.zeros(len(self._row_of))
        for row, one in zip(rows, ours, strict=True):
            gains[row] += (one.worth - one.entry_value) * (1.0 if one.kind == "linear" else -1.0)
        values = np.abs(np.array([one.worth for one in ours]))
        return _Group(brackets=brackets_of([one.brackets for one in ours], values, rows), gains=gains)

    def settlement(self, account: str, instrument: str) -> tuple[int, float] | None:
        """Return where a position's profit goes, and the USD price of that; none where the position is not known."""
        asset = self._settles.get((account, instrument))
        return None if asset is None else (self._row_of[account, asset], float(self._prices[asset][0]))

    def take(self, account: str, asset: str, units: float) -> None:
        """Take units of an asset out of an account; what it has no margin for is none of it."""
        row = self._row_of.get((account, asset))
        if row is not None:
            self.added[row] -= units

    def rooms(self, left: Mapping[str, float]) -> dict[str, Room]:
        """Return each margin by its name while a share of each instrument's hedge is left; nan where not known."""
        return {
            name_of(one): Room(headroom_usd=float(self._usd(one)[0]), ratio=float(one.ratio[0]))
            if one.account not in self._unknown
            else Room(headroom_usd=math.nan, ratio=math.nan)
            for one in self._margins(left, self.added[:, None])
        }

    def is_known(self, account: str) -> bool:
        """Tell whether all margins of an account can be reckoned."""
        margins = [one for one in self._margins({}, self.added[:, None]) if one.account == account]
        return account not in self._unknown and not any(np.isnan(one.headroom).any() for one in margins)

    def released(self, account: str, units: Mapping[str, float], left: Mapping[str, float]) -> float:
        """Return the largest share of units, by asset, that an account can give with all its headrooms at 0 or above.

        Nothing where a margin of it is not known, or is below 0 already.
        """
        if account in self._unknown:
            return 0.0
        going = np.zeros(len(self._row_of))
        for asset, amount in units.items():
            if (account, asset) in self._row_of:
                going[self._row_of[account, asset]] = amount
        near, far = 0.0, 1.0
        for _ in range(ROUNDS):
            tried = np.linspace(near, far, FINE)
            found = self._margins(left, self.added[:, None] - going[:, None] * tried)
            allowed = np.all([one.headroom >= 0.0 for one in found if one.account == account], axis=0)
            allowed = np.broadcast_to(allowed, FINE)
            if allowed[-1]:
                return far
            if not allowed[0]:
                return near if near else 0.0
            last = int(np.argmin(allowed))
            near, far = float(tried[last - 1]), float(tried[last])
        return near

    def _margins(self, left: Mapping[str, float], added: Floats) -> tuple[Margin, ...]:
        rows, steps = added.shape
        shown = (self._engine.own + self._engine.mirrored)[:, None] + added
        kept, first = np.zeros((rows, steps)), np.zeros((rows, steps))
        for name, group in self._groups.items():
            share = left.get(name, 1.0)
            maintenance, initial = required(group.brackets, np.array([share]))
            shown = shown + group.gains[:, None] * share
            kept[group.brackets.rows] += maintenance
            first[group.brackets.rows] += initial
        return margins_of(self._engine, Amounts(shown=shown, kept=kept, first=first), self._prices, self._haircut)

    def _usd(self, one: Margin) -> Floats:
        found: Floats = one.headroom * self._prices[one.asset] if one.asset else one.headroom
        return found


def name_of(one: Margin) -> str:
    """Return what a margin is called: its account and, where it is of one asset alone, that."""
    return f"{one.account} {one.asset}".strip()


def settlement_in(wait: Wait, hour: int) -> float | None:
    """Return the hours from the start to a settlement that is within an hour of the run, none where there is none."""
    if wait.hours is None or wait.cycle is None:
        return None
    before = hour - 1
    is_first = hour == 1 or wait.hours > before + CLOSE
    passed = 0 if is_first else math.floor((before - wait.hours) / wait.cycle + CLOSE) + 1
    at = wait.hours + passed * wait.cycle
    return at if at <= hour + CLOSE else None
