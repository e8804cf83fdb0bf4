"""Standing scenarios: what they came to last, against their limits.  StandingRun x Book x at -> readings

A result that is old, or that rests on an input that is missing or stale, is not known: neither well nor ill.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.records import record
from portfolio.core.alert_watch import Reading, Verdict
from portfolio.core.backing import supply_figure
from portfolio.core.book import Book
from portfolio.core.holdings import balance_rows, collateral_rows
from portfolio.core.scenarios.asked import ScenarioIsRefused, require_known
from portfolio.core.scenarios.book import ScenarioBook
from portfolio.core.scenarios.live import live_book
from portfolio.core.scenarios.measures import RISES, Measures, measures
from portfolio.core.scenarios.saved import SavedScenario, asked_in
from portfolio.core.scenarios.shocks import ShockIsRefused
from portfolio.core.sources import unread
from portfolio.core.valuation import Valuation

AGE_MAX: Final = timedelta(minutes=3)  # a result that is older says nothing of now
RULE: Final = "standing"
EVIDENCE: Final = "/scenarios/#saved"
EACH: Final = "scenario"  # the subject of what bounds every standing scenario
HEADROOM: Final = ("scenario_headroom_min", EACH)
BACKING: Final = ("scenario_backing_min", EACH)


@record
class StandingRun:
    """What a standing scenario came to on the book as of an event; `because` is why it could not run, else empty.

    `saved_at` says which scenario of its name it was.
    """

    scenario: str
    saved_at: datetime
    at: datetime
    seq: int
    measures: Measures | None
    because: str = ""

    @property
    def unknown(self) -> str:
        """Return why nothing is known by it; empty when it is."""
        return self.because or (self.measures.unknown[0] if self.measures and self.measures.unknown else "")


@record
class Bound:
    """A number of a standing scenario and its limit; `found` says it in words, `limit` is None where there is none."""

    name: str
    found: str
    limit: str
    is_ill: bool


@record
class Result:
    """What is shown of a standing scenario: its last run, and why it does not count; empty when it does."""

    run: StandingRun | None
    because: str
    bounds: tuple[Bound, ...]


def standing_runs(valuation: Valuation) -> tuple[StandingRun, ...]:
    """Run every standing scenario on the live book."""
    book, standing = valuation.book, valuation.book.scenarios.standing
    if not standing:
        return ()
    live, unsure = live_book(valuation), _unsure(valuation)
    return tuple(_run(one, live, unsure, book.seq, valuation.at) for one in standing)


def run_of(one: SavedScenario, runs: Iterable[StandingRun]) -> StandingRun | None:
    """Return what a scenario came to last, None when it has not run yet."""
    return next((run for run in runs if (run.scenario, run.saved_at) == (one.name, one.saved.at)), None)


def why_unknown(run: StandingRun | None, at: datetime) -> str:
    """Return why nothing is known of a standing scenario now; empty when its last result counts."""
    if run is None:
        return "it has not run yet"
    if abs(at - run.at) > AGE_MAX:  # our clock may have been set back
        return f"a run within {AGE_MAX.total_seconds() / 60:g} min expected, found the last at {run.at:%H:%M:%S} UTC"
    return run.unknown


def bounds(run: StandingRun, book: Book) -> tuple[Bound, ...]:
    """Return what a run came to against the limits of now."""
    found = run.measures
    if found is None:
        return ()
    room, backing = found.headroom_usd, found.backing
    least, ratio = _limit(book, HEADROOM), _limit(book, BACKING)
    lines = [
        Bound(
            name="headroom",
            found=f"{_usd(room.value)} of {room.of} at {_move(room.move_pct)}" if room else "no position",
            limit="" if least is None else f"at least {least:,f} USD",
            is_ill=room is not None and least is not None and room.value < least,
        )
    ]
    for rise in RISES:
        most, need = _limit(book, ("scenario_borrow_max", f"up-{rise}")), found.borrow_usd[rise]
        lines.append(
            Bound(
                name=f"borrow at +{rise} %",
                found=_usd(need),
                limit="" if most is None else f"at most {most:,f} USD",
                is_ill=most is not None and need > most,
            )
        )
    return (
        *lines,
        Bound(
            name="backing",
            found=f"{backing.value:.4f} at {_move(backing.move_pct)}" if backing else "no supply",
            limit="" if ratio is None else f"at least {ratio:f}",
            is_ill=backing is not None and ratio is not None and backing.value < ratio,
        ),
    )


def results(runs: Iterable[StandingRun], book: Book, at: datetime) -> dict[str, Result]:
    """Return what each standing scenario came to last, by name."""
    found = tuple(runs)
    of_name = {one.name: run_of(one, found) for one in book.scenarios.standing}
    return {
        name: Result(run=run, because=why_unknown(run, at), bounds=bounds(run, book) if run else ())
        for name, run in of_name.items()
    }


def standing_readings(runs: Iterable[StandingRun], book: Book, at: datetime) -> Iterator[Reading]:
    """Yield for each standing scenario whether it is known, and whether each of its numbers is within its limit."""
    found = results(runs, book, at)
    for one in book.scenarios.standing:
        run, because = found[one.name].run, found[one.name].because
        begins = run is None and one.marked is not None and at - one.marked.at < AGE_MAX
        said = f"a result of scenario {one.name} expected, found none that counts: {because}"
        yield _reading(one.name, "no_data" if because else "well", said, is_starting=begins)
        for bound in found[one.name].bounds:
            if bound.limit:
                verdict: Verdict = "no_data" if because else "ill" if bound.is_ill else "well"
                told = f"{bound.name} of scenario {one.name} of {bound.limit} expected, found {bound.found}"
                yield _reading(f"{one.name} {bound.name}", verdict, said if because else told)


def _run(one: SavedScenario, live: ScenarioBook, unsure: str, seq: int, at: datetime) -> StandingRun:
    result, because = None, unsure
    try:
        wanted = asked_in(one.saved.asked)
        require_known(wanted, live)
        result = measures(live, wanted)
    except (ScenarioIsRefused, ShockIsRefused) as refusal:
        because = str(refusal)
    return StandingRun(scenario=one.name, saved_at=one.saved.at, at=at, seq=seq, measures=result, because=because)


def _unsure(valuation: Valuation) -> str:
    """Return what of the holdings or the supply is stale or was never read; empty when all is current."""
    if missing := unread(valuation.book):
        return missing
    stated = [row.total for row in balance_rows(valuation)] + [row.units for row in collateral_rows(valuation)]
    if valuation.book.supply:
        stated.append(supply_figure(valuation))
    old = next((figure for figure in stated if figure.state in ("stale", "unknown")), None)
    return old.because if old else ""


def _limit(book: Book, which: tuple[str, str]) -> Decimal | None:
    limit = book.catalogue.limits_by_subject.get(which)
    return limit.value if limit else None


def _move(percent: float) -> str:
    return f"{percent:+g} %".replace("-", "−") if percent else "0 %"


def _usd(value: float) -> str:
    return f"{value:,.0f} USD".replace("-", "−")


def _reading(subject: str, verdict: Verdict, said: str, *, is_starting: bool = False) -> Reading:
    return Reading(
        rule=RULE,
        subject=subject,
        verdict=verdict,
        severity="warning",
        said=said,
        evidence=EVIDENCE,
        is_starting=is_starting,
    )
