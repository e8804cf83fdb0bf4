"""Saved scenarios: what the page lists of them, and two of them side by side."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from hedgeapp.core.events.scenarios import ScenarioMarked
from hedgeapp.core.records import record
from portfolio.core.scenarios.asked import Asked, ScenarioIsRefused
from portfolio.core.scenarios.book import USD, ScenarioBook
from portfolio.core.scenarios.compared import Compared, compared
from portfolio.core.scenarios.run import run
from portfolio.core.scenarios.saved import SavedScenario, asked_in
from portfolio.core.scenarios.shocks import Floats
from portfolio.core.scenarios.standing import Result
from portfolio.screen.scenario import Part, Table, facts_of, held_parts, number, percent

BOOKS: Final = {
    "linear": "Linear margined",
    "inverse": "Inverse margined",
    "mixed": "Linear and inverse",
    "live": "Live book",
}


@record
class SavedLine:
    """A saved scenario in the list: `link` runs it, `said` is what it asks for, `saved_at` which one it is,
    `result` what it came to last where it runs each minute."""

    name: str
    link: str
    said: str
    by: str
    at: str
    reason: str
    saved_at: str
    is_live: bool
    marked: ScenarioMarked | None
    may_drop: bool
    result: Result | None


@record
class Side:
    """One of two scenarios: what is held at the step it looks at, and what else is to be known of it."""

    name: str
    link: str
    said: str
    held: tuple[Part, ...]
    total: str
    facts: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


def saved_line(one: SavedScenario, result: Result | None, *, person: str, may_drop_others: bool) -> SavedLine:
    """Return a line of the list for a person; a link that is not understood any more says so."""
    saved = one.saved
    try:
        wanted = asked_in(saved.asked)
    except ScenarioIsRefused as refusal:
        said, is_live = f"not understood any more: {refusal}", False
    else:
        said, is_live = in_words(wanted), wanted.book == "live"
    return SavedLine(
        name=one.name,
        link=f"?{saved.asked}",
        said=said,
        by=saved.by,
        at=f"{saved.at:%Y-%m-%d %H:%M}",
        reason=saved.reason,
        saved_at=saved.at.isoformat(),
        is_live=is_live,
        marked=one.marked,
        may_drop=one.marked is None and (saved.by == person or may_drop_others),
        result=result,
    )


def in_words(wanted: Asked) -> str:
    """Return what a scenario asks for in one line: its book, its move, and all that differs from the default."""
    further = (f"{name} {value}" for name, value in wanted.query().items() if name not in ("book", "x"))
    return ", ".join((BOOKS[wanted.book], f"ETH {wanted.x:+g} %".replace("-", "−"), *further))


def side(saved: SavedScenario, wanted: Asked, book: ScenarioBook) -> Side:
    """Return one half of a comparison."""
    step = run(book, wanted, np.array([wanted.x / 100]))
    return Side(
        name=saved.name,
        link=f"?{saved.saved.asked}",
        said=in_words(wanted),
        held=held_parts(step),
        total=number(float(step.held.total_usd[0]), USD),
        facts=tuple(facts_of(book, step)),
        missing=book.missing,
    )


def compared_table(one: tuple[ScenarioBook, Asked], other: tuple[ScenarioBook, Asked]) -> Table:
    """Return both scenarios step by step: each number of the first beside that of the second."""
    found = compared(one, other)
    cells = [tuple(_move(float(move)) for move in found.moves), *_columns(found)]
    heads = [("ETH", "%")]
    for title, unit in HEADS:
        heads += [(f"{title}, first", unit), ("second", unit)]
    return Table(heads=tuple(heads), rows=tuple(zip(*cells, strict=True)), marked=None)


HEADS: Final = (("total", USD), ("change", "%"), ("staked share", "%"), ("borrow", USD), ("worst margin ratio", "%"))


def _columns(found: Compared) -> Sequence[tuple[str, ...]]:
    columns = []
    for pick in ("total_usd", "change", "staked_share", "borrow_usd", "margin_ratio"):
        for line in (found.one, found.other):
            values: Floats = getattr(line, pick)
            write = _usd if pick.endswith("_usd") else percent
            columns.append(tuple(write(float(value)) for value in values))
    return columns


def _usd(value: float) -> str:
    return number(value, USD)


def _move(move: float) -> str:
    return f"{move * 100:+.10g}".replace("-", "−") if move else "0"
