"""Standing scenarios: which there are, what they come to now, and what they came to last."""

from datetime import datetime
from typing import Final

import msgspec

from portfolio.core.scenarios.standing import Result, StandingRun, results, standing_runs
from portfolio.models import StandingResult
from portfolio.queries.books import FOLLOWING
from portfolio.queries.scenes import scene_at

_run: Final = msgspec.json.Decoder(StandingRun).decode


def standing_marks() -> tuple[datetime, ...]:
    """Return when each standing scenario was marked: another answer means that others stand."""
    with FOLLOWING.held() as book:
        return tuple(one.marked.at for one in book.scenarios.standing if one.marked is not None)


def runs_at(at: datetime) -> tuple[StandingRun, ...]:
    """Run all standing scenarios on the book and the marks of now."""
    return standing_runs(scene_at(at).valuation)


def results_now(at: datetime) -> dict[str, Result]:
    """Return what each standing scenario came to last, against the limits of now."""
    runs = last_runs()
    with FOLLOWING.held() as book:
        return results(runs, book, at)


def last_runs() -> tuple[StandingRun, ...]:
    """Return what was kept of the last runs; what another version wrote is left out: it is written again at once."""
    found = []
    for text in StandingResult.objects.values_list("run", flat=True):
        try:
            found.append(_run(text))
        except msgspec.MsgspecError:
            continue
    return tuple(found)
