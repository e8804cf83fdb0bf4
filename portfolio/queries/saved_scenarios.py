"""Saved scenarios: those that have a name, now or at a moment."""

from portfolio.core.scenarios.saved import SavedScenario, SavedScenarios
from portfolio.queries.books import FOLLOWING
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book


def saved_scenarios(moment: Moment | None = None) -> tuple[SavedScenario, ...]:
    """Return the saved scenarios by name: those that run each minute first."""
    if moment is not None:
        return _sorted(past_book(moment).scenarios)
    with FOLLOWING.held() as book:
        return _sorted(book.scenarios)


def _sorted(saved: SavedScenarios) -> tuple[SavedScenario, ...]:
    return tuple(sorted(saved, key=lambda one: (one.marked is None, one.name.lower(), one.name)))
