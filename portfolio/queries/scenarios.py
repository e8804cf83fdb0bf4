"""Scenario books: the live one of now or of a past moment, or one that was typed in."""

from datetime import datetime

from portfolio.core.scenarios.asked import Asked, ScenarioIsRefused, require_known
from portfolio.core.scenarios.book import ScenarioBook
from portfolio.core.scenarios.live import live_book
from portfolio.core.scenarios.typed import TypedIsRefused, typed_book
from portfolio.core.valuation import Valuation
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book, past_health
from portfolio.queries.scenes import scene_at


def scenario_book(asked: Asked, at: datetime, moment: Moment | None = None) -> tuple[ScenarioBook, int | None]:
    """Return the book that a scenario starts from, and the event it is as of; none for what was typed in."""
    book, seq = _typed(asked) if asked.book != "live" else _live(at, moment)
    require_known(asked, book)
    return book, seq


def _typed(asked: Asked) -> tuple[ScenarioBook, None]:
    try:
        return typed_book(asked.typed), None
    except TypedIsRefused as refusal:
        raise ScenarioIsRefused(str(refusal)) from refusal


def _live(at: datetime, moment: Moment | None) -> tuple[ScenarioBook, int]:
    if moment is None:
        scene = scene_at(at)
        return live_book(scene.valuation), scene.book.seq
    book = past_book(moment)
    return live_book(Valuation(book, book.marks, moment.at, past_health(book, moment.at))), moment.seq
