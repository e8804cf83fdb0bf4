"""Measures: the worst that a scenario comes to over its steps.  ScenarioBook x Asked -> Measures

Headroom is margin balance − initial margin, of the margin that has least of it, in USD at the step's own prices. What
must be borrowed is that of all accounts together, nothing netted, when the leading price has risen by 5, 10 and 20 %.
"""

import math
from typing import Final

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import Asked
from portfolio.core.scenarios.book import USD, ScenarioBook
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.margins import Margin
from portfolio.core.scenarios.outcome import Outcome
from portfolio.core.scenarios.run import run
from portfolio.core.scenarios.shocks import Floats

RISES: Final = (5, 10, 20)  # %


@record
class Worst:
    """The least of something over all steps, the move of the leading price in % at which it is, and of what."""

    value: float
    move_pct: float
    of: str = ""


@record
class Measures:
    """What a scenario comes to at worst; None where there is nothing to measure: no position, or no supply.

    `borrow_usd` is by rise in %. `unknown` are sentences: what of it is not known, and why.
    """

    headroom_usd: Worst | None
    borrow_usd: dict[int, float]
    backing: Worst | None
    unknown: tuple[str, ...] = ()


def measures(book: ScenarioBook, wanted: Asked) -> Measures:
    """Return the worst of a scenario over the steps of its grid."""
    engine = Engine(book)
    held = run(book, wanted, wanted.steps, engine).held
    risen = run(book, wanted, np.array(RISES) / 100, engine).held
    unmargined = tuple(
        f"The margin of {_name(one)} is not known: the tiers of a position of it are missing."
        for one in held.margins
        if np.isnan(one.headroom).any()
    )
    rooms = [
        Worst(value=float(usd[step]), move_pct=_move(wanted, step), of=_name(one))
        for one in held.margins
        if not np.isnan(usd := headroom_usd(held, one)).any()
        for step in [int(np.argmin(usd))]
    ]
    borrow = borrowed_usd(risen)
    return Measures(
        headroom_usd=min(rooms, key=lambda one: one.value, default=None),
        borrow_usd={rise: float(usd) for rise, usd in zip(RISES, borrow, strict=True)},
        backing=_backing(book, wanted, held),
        unknown=(*book.missing, *unmargined),
    )


def headroom_usd(held: Outcome, margin: Margin) -> Floats:
    """Return the headroom of a margin in USD at every step."""
    found: Floats = margin.headroom * held.prices[margin.asset] if margin.asset else margin.headroom
    return found


def borrowed_usd(held: Outcome) -> Floats:
    """Return what all accounts together must borrow, in USD at every step."""
    needs = (need * held.prices[asset] for (_, asset), need in held.borrow.items())
    return sum(needs, np.zeros(held.shocks.steps))


def _backing(book: ScenarioBook, wanted: Asked, held: Outcome) -> Worst | None:
    if not book.supply:
        return None
    ratios = held.total_usd / book.supply
    step = int(np.argmin(ratios))
    least = float(ratios[step])
    return Worst(value=least, move_pct=_move(wanted, step), of=USD) if math.isfinite(least) else None


def _move(wanted: Asked, step: int) -> float:
    return round(float(wanted.steps[step]) * 100, 6)


def _name(margin: Margin) -> str:
    return f"{margin.account} {margin.asset}".strip()
