"""Run: one scenario as it was asked for, held and swept.  ScenarioBook x Asked -> Run"""

from typing import Final

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import Asked
from portfolio.core.scenarios.book import USD, ScenarioBook
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.liquidation import Lines, liquidations
from portfolio.core.scenarios.outcome import Outcome, outcome
from portfolio.core.scenarios.shocks import Floats, crossed, led, shocks
from portfolio.core.scenarios.swept import Swept, swept

LEAD: Final = "ETH"
SECOND: Final = {"depeg": (-0.5, 0.0), "stable": (-0.2, 0.1), "basis": (-0.05, 0.05), "haircut": (0.0, 0.5)}
ACROSS: Final = 31
DOWN: Final = 21


@record
class Run:
    """What holds at each of `moves` of the leading price."""

    moves: Floats
    held: Outcome
    swept: Swept


def betas(book: ScenarioBook, asked: Asked) -> dict[str, float]:
    """Return by what each currency follows the leading one: 1 for coins, 0 for stablecoins, unless it is said."""
    following = dict.fromkeys(sorted(book.prices.keys() - book.stablecoins - {USD}), 1.0)
    return following | {name: beta for name, beta in asked.betas if name in book.prices}


def run(book: ScenarioBook, asked: Asked, moves: Floats, engine: Engine | None = None) -> Run:
    """Return a scenario over moves of the leading price, with everything else as asked."""
    made = engine or Engine(book)
    prices = led(moves, betas(book, asked), moves_apart(book, asked))
    there = shocks(
        prices, basis=np.full(len(moves), asked.basis / 1e4), depeg=asked.depeg / 100, haircut=asked.haircut / 100
    )
    held = outcome(made, there, asked.conditions)
    after = swept(book, held, lead=LEAD, sweep=asked.sweep, conditions=asked.conditions)
    return Run(moves=moves, held=held, swept=after)


def lines(engine: Engine, asked: Asked) -> tuple[Lines, ...]:
    """Return where each margin is liquidated."""
    return liquidations(
        engine,
        betas(engine.book, asked),
        asked.conditions,
        depeg=asked.depeg / 100,
        haircut=asked.haircut / 100,
    )


def heat(engine: Engine, asked: Asked, second: str) -> tuple[Floats, Floats, Floats, Floats]:
    """Return two shocks together: moves across, the second down, then total USD and the worst margin ratio, by rows."""
    across = np.linspace(-0.9, 2.0, ACROSS)
    down = np.linspace(*SECOND[second], DOWN)
    first, other = crossed(across, down)
    apart: dict[str, float | Floats] = dict(moves_apart(engine.book, asked))
    said: dict[str, float | Floats] = {
        "basis": np.full(len(first), asked.basis / 1e4),
        "depeg": asked.depeg / 100,
        "haircut": asked.haircut / 100,
    }
    if second == "stable":
        apart |= dict.fromkeys(sorted(engine.book.stablecoins & engine.book.prices.keys()), other)
    else:
        said[second] = other
    moves = led(first, betas(engine.book, asked))
    moves |= {name: np.broadcast_to(move, len(first)) for name, move in apart.items() if name in engine.book.prices}
    held = outcome(engine, shocks(moves, **said), asked.conditions)
    return across, down, held.total_usd.reshape(DOWN, ACROSS), worst_ratio(held).reshape(DOWN, ACROSS)


def worst_ratio(held: Outcome) -> Floats:
    """Return the highest margin ratio of all margins that are known, at each step; nan where there is none."""
    ratios = [one.ratio for one in held.margins]
    if not ratios:
        return np.full(held.shocks.steps, np.nan)
    joined = np.array(ratios)
    worst: Floats = np.where(
        np.isnan(joined).all(axis=0), np.nan, np.max(np.where(np.isnan(joined), -np.inf, joined), axis=0)
    )
    return worst


def moves_apart(book: ScenarioBook, asked: Asked) -> dict[str, float]:
    """Return the moves of what does not follow: stablecoins together, and what is said one by one."""
    stable = dict.fromkeys(sorted(book.stablecoins & book.prices.keys()), asked.stable / 100) if asked.stable else {}
    return stable | {name: move / 100 for name, move in asked.moves if name in book.prices}
