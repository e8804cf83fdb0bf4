"""Liquidation: the nearest prices at which an account has no margin left.  Engine x betas -> multiples

Solved by the sweep itself, so that tiers, haircuts, collateral tiers, borrowing and both kinds of contract in one
account are in it: a coarse grid of multiples finds the step in which what is left turns negative, finer ones the place.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.engine import Engine, Pool
from portfolio.core.scenarios.margins import Margin
from portfolio.core.scenarios.outcome import outcome
from portfolio.core.scenarios.shocks import CALM, Conditions, Floats, led, shocks

REACH: Final = 1_000.0  # multiples beyond it, or below one over it, are called never
COARSE: Final = 300
FINE: Final = 64
ROUNDS: Final = 6  # 64^6 divides a step to the precision of float64

Left = Callable[[Floats], dict[Pool, Floats]]


@record
class Lines:
    """The nearest multiples of the leading price below and above now that liquidate; None where none does."""

    account: str
    asset: str
    below: float | None
    above: float | None
    is_past: bool


def liquidations(
    engine: Engine,
    betas: Mapping[str, float],
    conditions: Conditions = CALM,
    *,
    depeg: float = 0.0,
    haircut: float = 0.0,
) -> tuple[Lines, ...]:
    """Return where each margin is liquidated while all currencies follow one by their betas."""

    def left(multiples: Floats) -> dict[Pool, Floats]:
        moved = shocks(led(multiples - 1.0, betas), depeg=depeg, haircut=haircut)
        return {(one.account, one.asset): _left(one) for one in outcome(engine, moved, conditions).margins}

    now = left(np.ones(1))
    upward, downward = np.geomspace(1.0, REACH, COARSE), np.geomspace(1.0, 1.0 / REACH, COARSE)
    above, below = left(upward), left(downward)
    return tuple(
        Lines(
            account=pool[0],
            asset=pool[1],
            is_past=bool(start[0] < 0.0),
            below=_refined(left, pool, downward, below[pool]),
            above=_refined(left, pool, upward, above[pool]),
        )
        for pool, start in now.items()
    )


def _left(one: Margin) -> Floats:
    # An account without positions or margin is not liquidated: nothing is required of it.
    return one.balance - one.maintenance


def _refined(left: Left, pool: Pool, multiples: Floats, values: Floats) -> float | None:
    """Return where what is left first turns negative along the multiples; None where it never does."""
    if values[0] < 0.0 or not (values < 0.0).any():
        return None
    far = float(multiples[-1])
    for _ in range(ROUNDS):
        # The ends of a step have one sign each but for the last digit, which must not end the search.
        place = max(1, int(np.argmax(values < 0.0))) if (values < 0.0).any() else len(values) - 1
        near, far = float(multiples[place - 1]), float(multiples[place])
        multiples = np.linspace(near, far, FINE)
        values = left(multiples)[pool]
    return far
