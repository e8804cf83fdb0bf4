"""Presets: the grids of the scenario tables, and large moves of history.  (records)"""

from typing import Final

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.shocks import Floats

# Price changes in % of the tables that the documentation of the synthetic dollar shows, and as far as is asked for.
DOCUMENTED: Final = (-90, -75, -50, -25, -20, -10, -5, 0, 5, 10, 20, 25, 50, 75, 100)
WIDE: Final = (-99, -95, *DOCUMENTED, 150, 200, 300, 400)
NEAR: Final = (-25, -20, -15, -10, -5, 0, 5, 10, 15, 20, 25)  # what may come within hours
GRIDS: Final = {"documented": DOCUMENTED, "wide": WIDE, "near": NEAR}
MOVE_MIN: Final = -0.99
MOVE_MAX: Final = 4.0
CURVE_STEPS: Final = 201
NEAR_PCT: Final = 0.051  # a slider has one decimal


@record
class Past:
    """A large move: ether's price before and at its far end, in USD or a stablecoin, and where it was recorded.

    Of no other currency both prices are at hand: they follow by their betas.
    """

    name: str
    when: str
    first: float
    last: float
    series: str

    @property
    def move(self) -> float:
        """The move, relative."""
        return self.last / self.first - 1.0


HISTORY: Final = (
    Past(name="2020-03", when="2020-03-12/13", first=194.61, last=86.00, series="spot, 1 h"),
    Past(name="2021-05", when="2021-05-19", first=3377.0, last=1400.73, series="perpetual, 1 h, a wick"),
    Past(name="2022-06", when="2022-06-10/18", first=1788.0, last=878.0, series="low of the move"),
    Past(name="2022-11", when="2022-11-08/09", first=1568.0, last=1071.0, series="low of the move"),
    Past(name="2024-05", when="2024-05-20, a rally", first=3093.0, last=3830.0, series="low of the move"),
    Past(name="2024-08", when="2024-08-05", first=2902.0, last=2112.0, series="4 h"),
    Past(name="2025-10", when="2025-10-10", first=4341.0, last=3311.76, series="perpetual, 30 min"),
    Past(name="2026-01", when="2026-01-31", first=2706.0, last=2202.0, series="perpetual, low"),
)


def past_of(move_pct: float) -> Past | None:
    """Return the large move of history that a move of the leading price is, to a tenth of a percent."""
    return next((one for one in HISTORY if abs(one.move * 100 - move_pct) < NEAR_PCT), None)


def curve() -> Floats:
    """Return the moves that a chart is drawn over: −99 % to +400 % by equal factors, and no move at all."""
    moves = np.geomspace(1.0 + MOVE_MIN, 1.0 + MOVE_MAX, CURVE_STEPS - 1) - 1.0
    return np.unique(np.append(moves, 0.0))
