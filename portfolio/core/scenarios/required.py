"""Required margin: what all positions need at every step.  positions x price multiples -> margin

A position changes its tier at a few prices only. So where it does is looked up in the sorted steps, what changes there
is added up, and a running sum gives the rates of all steps: the work grows with positions x tiers and with rows x
steps, not with positions x tiers x steps. Maintenance = Σ |w|·y·(rate + growth·|w|·y) − deduction, y the multiple of
the position's value (`docs/arithmetic.md`).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import Bracket
from portfolio.core.scenarios.shocks import Floats

RATE, DEDUCTION, INITIAL, GROWTH = range(4)
POWERS: Final = (1, 0, 1, 2)  # of a position's value, by which each of them counts
KEPT: Final = 1_000  # tables of tiers whose steps are remembered

Integers = NDArray[np.int64]


@record
class Brackets:
    """All tiers of the positions of one market: from which multiple on what changes, in which row, and by how much.

    `rows` names the row of margin of each of `count`; `places` is which of them a change is in. `bounds` rise, and have
    0 where a position's first tier begins. `changes` are those of rate · |w|, deduction, initial rate · |w| and
    growth · |w|².
    """

    rows: Integers
    places: Integers
    bounds: Floats
    changes: tuple[Floats, ...]
    has_growth: bool


@lru_cache(maxsize=KEPT)
def _steps(brackets: tuple[Bracket, ...]) -> tuple[Floats, Floats]:
    """Return from which value on each tier counts, and what then changes: tiers x parts."""
    floors = [0.0, *(one.cap for one in brackets[:-1])]
    parts = np.array([(one.rate, one.deduction, one.initial_rate, one.growth) for one in brackets])
    return np.array(floors), np.diff(parts, axis=0, prepend=np.zeros((1, len(POWERS))))


def brackets_of(tables: Sequence[tuple[Bracket, ...]], values: Floats, rows: Integers) -> Brackets:
    """Return the tiers of positions: the table of each, its unsigned value now, and the row that its margin is in."""
    members: dict[tuple[Bracket, ...], list[int]] = {}
    by_identity: dict[int, list[int]] = {}
    for place, table in enumerate(tables):
        ours = by_identity.get(id(table))
        if ours is None:
            ours = by_identity[id(table)] = members.setdefault(table, [])
        ours.append(place)
    named, local = np.unique(rows, return_inverse=True)
    places, bounds = [np.empty(0, dtype=np.int64)], [np.empty(0)]
    changes: list[list[Floats]] = [[np.empty(0)] for _ in POWERS]
    for table, ours in members.items():
        if not table:
            continue
        floors, steps = _steps(table)
        mine = values[ours][:, None]
        bounds.append((floors / mine).ravel())
        places.append(np.repeat(local[ours], len(floors)))
        for part, power in enumerate(POWERS):
            changes[part].append((mine**power * steps[:, part]).ravel())
    joined = np.concatenate(bounds)
    order = np.argsort(joined, kind="stable")
    sums = tuple(np.concatenate(part)[order] for part in changes)
    return Brackets(
        rows=named,
        places=np.concatenate(places)[order],
        bounds=joined[order],
        changes=sums,
        has_growth=bool(sums[GROWTH].any()),
    )


def required(brackets: Brackets, multiples: Floats) -> tuple[Floats, Floats]:
    """Return maintenance and initial margin of each of the rows at multiples of the positions' values."""
    steps, count = len(multiples), len(brackets.rows)
    order = np.argsort(multiples, kind="stable")
    ordered = multiples[order]
    # A tier's cap is inside it: it begins at the first step beyond the cap of the one before.
    begins = np.searchsorted(ordered, brackets.bounds, side="right")
    places = brackets.places * (steps + 1) + begins

    def summed(part: int) -> Floats:
        changed = np.bincount(places, weights=brackets.changes[part], minlength=count * (steps + 1))
        return changed.reshape(count, steps + 1)[:, :steps].cumsum(axis=1)

    kept = summed(RATE) * ordered - summed(DEDUCTION)
    first = summed(INITIAL) * ordered
    if brackets.has_growth:
        grown = summed(GROWTH) * ordered**2
        kept, first = kept + grown, first + grown
    back = np.empty(steps, dtype=np.int64)
    back[order] = np.arange(steps)
    return kept.take(back, axis=1), first.take(back, axis=1)
