"""Compared: two scenarios, step by step.  two books x Asked -> Compared"""

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import Asked
from portfolio.core.scenarios.book import ScenarioBook
from portfolio.core.scenarios.measures import borrowed_usd
from portfolio.core.scenarios.run import run, worst_ratio
from portfolio.core.scenarios.shocks import Floats


@record
class Line:
    """What one of two scenarios comes to, at each step of both; `..._share` and `..._ratio` are relative."""

    total_usd: Floats
    change: Floats
    staked_share: Floats
    borrow_usd: Floats
    margin_ratio: Floats


@record
class Compared:
    """Two scenarios over the same `moves` of the leading price, relative."""

    moves: Floats
    one: Line
    other: Line


def compared(one: tuple[ScenarioBook, Asked], other: tuple[ScenarioBook, Asked]) -> Compared:
    """Return two scenarios at all steps that either of them has."""
    moves = np.union1d(one[1].steps, other[1].steps)
    return Compared(moves=moves, one=_line(*one, moves), other=_line(*other, moves))


def _line(book: ScenarioBook, wanted: Asked, moves: Floats) -> Line:
    held = run(book, wanted, moves).held
    now = float(run(book, wanted, np.zeros(1)).held.total_usd[0])
    return Line(
        total_usd=held.total_usd,
        change=held.total_usd / now - 1 if now else np.full(len(moves), np.nan),
        staked_share=held.staked_share,
        borrow_usd=borrowed_usd(held),
        margin_ratio=worst_ratio(held),
    )
