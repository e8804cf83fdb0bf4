"""Moved: by how much each currency of a book moves at a step, and who says so.  ScenarioBook x Asked -> Moves"""

from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import Asked
from portfolio.core.scenarios.book import USD, ScenarioBook
from portfolio.core.scenarios.run import LEAD, betas, moves_apart
from portfolio.core.scenarios.shocks import led

# given: the leading price itself; beta: it follows that; asked: a move of its own was asked for.
Because = Literal["given", "beta", "asked"]


@record
class Move:
    """The move of one currency, relative, and why; `beta` is that by which it follows."""

    currency: str
    move: float
    because: Because
    beta: float


def moves_of(book: ScenarioBook, asked: Asked) -> tuple[Move, ...]:
    """Return the moves at the step that is looked at: the leading currency first, the others by name."""
    apart = moves_apart(book, asked)
    following = betas(book, asked)
    moves = led([asked.x / 100], following, apart)
    found = []
    for name in sorted(book.prices.keys() - {USD}, key=lambda name: (name != LEAD, name)):
        by: Because = "asked" if name in apart else "given" if name == LEAD else "beta"
        move = float(moves[name][0]) if name in moves else 0.0
        found.append(Move(currency=name, move=move, because=by, beta=following.get(name, 0.0)))
    return tuple(found)
