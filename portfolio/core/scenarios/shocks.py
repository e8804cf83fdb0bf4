"""Shocks: where the world is at each step of a scenario.  moves -> Shocks

A step is a column: every array is as long as there are steps. A price is never shocked to zero or below: −100 % is
refused, for an inverse contract has no value there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedgeapp.core.records import record

Floats = NDArray[np.float64]

STEPS_MAX: Final = 20_000
MULTIPLE_MIN: Final = 1e-6
MULTIPLE_MAX: Final = 1e6


class ShockIsRefused(ValueError):
    """A shock would put the world where nothing can be computed."""


@record
class Shocks:
    """The steps: `moves` of each currency's USD price, and what else is elsewhere at each step.

    `basis` moves every mark against spot, `depeg` the market's rate of staked assets, all relative (−0.5 is −50 %);
    `haircut` is taken off the share of a staked asset that counts as margin, in points (0.1 is 10 points).
    """

    moves: dict[str, Floats]
    basis: Floats
    depeg: Floats
    haircut: Floats

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.basis)

    def multiple(self, currency: str) -> Floats:
        """Return what a currency's USD price is multiplied with; 1 where nothing was said of it."""
        move = self.moves.get(currency)
        return np.ones(self.steps) if move is None else 1.0 + move


@record
class Conditions:
    """What holds at all steps: `failed` venues, `frozen` custodians, and for how long what is held bears and costs.

    `funding` is the path of the 8-hour rate, a rate for each day; where there is none, each contract's own rate goes on
    for `days`. Rates of borrowing and staking are for a year; `cost_bp` is what it costs to trade one USD.
    """

    failed: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()
    days: float = 0.0
    funding: tuple[float, ...] = ()
    borrow_rate: float = 0.05
    staking_rate: float = 0.03
    cost_bp: float = 10.0


CALM: Final = Conditions()


def shocks(
    moves: Mapping[str, Sequence[float] | Floats],
    *,
    basis: float | Sequence[float] | Floats = 0.0,
    depeg: float | Sequence[float] | Floats = 0.0,
    haircut: float | Sequence[float] | Floats = 0.0,
) -> Shocks:
    """Return steps; what is said once holds at each. Refuse in a sentence what no price can do."""
    given: list[Floats] = [np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in moves.values()]
    others = [np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in (basis, depeg, haircut)]
    steps = max((len(one) for one in (*given, *others)), default=1)
    if steps > STEPS_MAX:
        raise ShockIsRefused(f"at most {STEPS_MAX:,} steps expected, found {steps:,}")
    if any(len(one) not in (1, steps) for one in (*given, *others)):
        raise ShockIsRefused(f"each shock expected once or for all {steps} steps")
    spread = [np.broadcast_to(one, steps).astype(np.float64) for one in (*given, *others)]
    for name, one in zip((*moves, "basis"), spread, strict=False):
        _check(name, one)
    *prices, of_basis, of_depeg, of_haircut = spread
    if not (np.all(of_depeg >= -1.0) and np.all(of_depeg <= 1.0)):
        raise ShockIsRefused("a depeg of staked assets expected from −100 % to 100 %")
    if not np.all(np.abs(of_haircut) <= 1.0):
        raise ShockIsRefused("a change of haircuts expected within 100 points")
    return Shocks(moves=dict(zip(moves, prices, strict=True)), basis=of_basis, depeg=of_depeg, haircut=of_haircut)


def led(
    moves: Sequence[float] | Floats, betas: Mapping[str, float], explicit: Mapping[str, float] | None = None
) -> dict[str, Floats]:
    """Return the move of each currency when all follow one: beta · move, not below −99.9 %.

    A currency in `explicit` moves by that at each step.
    """
    lead = np.asarray(moves, dtype=np.float64)
    followed = {name: np.maximum(beta * lead, -0.999) for name, beta in betas.items()}
    # A currency whose beta is 1 is the one that leads: what nobody can have is refused, not cut.
    followed |= {name: lead for name, beta in betas.items() if beta == 1.0}
    return followed | {name: np.full(len(lead), move) for name, move in (explicit or {}).items()}


def _check(name: str, moves: Floats) -> None:
    multiples = 1.0 + moves
    if not (np.all(np.isfinite(moves)) and np.all(multiples >= MULTIPLE_MIN) and np.all(multiples <= MULTIPLE_MAX)):
        bad = next((float(one) for one in moves if not MULTIPLE_MIN <= 1.0 + one <= MULTIPLE_MAX), float("nan"))
        raise ShockIsRefused(
            f"a move of {name} expected above −100 % and at most ×{MULTIPLE_MAX:,.0f}, found {bad:.4%}"
        )


def crossed(first: Iterable[float], second: Iterable[float]) -> tuple[Floats, Floats]:
    """Return every pair of two shocks as steps: for each of the second all of the first."""
    across, down = np.meshgrid(np.asarray(list(first)), np.asarray(list(second)))
    return across.ravel().astype(np.float64), down.ravel().astype(np.float64)
