"""Standing scenarios: each number against its limit, and never well where it is not known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.scenarios import ScenarioMarked, ScenarioSaved
from portfolio.core.alert_watch import Reading
from portfolio.core.book import Book
from portfolio.core.scenarios.standing import (
    AGE_MAX,
    StandingRun,
    bounds,
    run_of,
    standing_readings,
    standing_runs,
    why_unknown,
)
from portfolio.core.valuation import Valuation
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    USDM,
    balance,
    book_of,
    collateral,
    common,
    fill,
    health,
    limit,
    supply,
)
from tests.builders.desk import HEARD

SAVED = ScenarioSaved(at=AT, scenario="Near", asked="book=live&grid=near", by="ann", reason="each day")
NOW = AT + timedelta(hours=1)
MARKED = ScenarioMarked(at=NOW, scenario="Near", is_standing=True, by="bob", reason="watch it")
SOURCES = (f"account:{USDM}", f"account:{COINM}", "custodian:ceffu", "chain:ethereum")


def book(*events: Event) -> Book:
    return book_of(
        collateral("stETH", "1000"),
        balance(USDM, "USDT", "50000"),
        balance(COINM, "ETH", "12"),
        fill("sell", "600", "3000"),
        fill("sell", "120000", "3000", instrument=INVERSE, trade_id="2", fee_asset="ETH"),
        supply("2900000"),
        *HEARD,
        SAVED,
        MARKED,
        *events,
    )


def ran(of: Book, silent: str = "") -> tuple[StandingRun, ...]:
    """Run them an hour after all was stated, all sources but one heard just now."""
    feeds = tuple(health(name, NOW if name != silent else AT) for name in SOURCES)
    marks = {key: replace(mark, at=NOW, received_at=NOW) for key, mark in common("3000").items()}
    return standing_runs(Valuation(of, marks, NOW, feeds))


def read(of: Book, runs: tuple[StandingRun, ...], after: timedelta = timedelta(0)) -> dict[str, Reading]:
    return {one.subject: one for one in standing_readings(runs, of, NOW + after)}


def test_nothing_runs_where_nothing_stands() -> None:
    stopped = book(replace(MARKED, is_standing=False))
    assert ran(stopped) == ()
    assert read(stopped, ()) == {}


def test_a_fall_below_a_limit_and_a_rise_above_one_call_somebody_with_the_number_and_its_step() -> None:
    watched = book(
        limit("scenario_headroom_min", "scenario", "1000"),
        limit("scenario_borrow_max", "up-20", "100"),
        limit("scenario_borrow_max", "up-5", "100000000"),
        limit("scenario_backing_min", "scenario", "5"),
    )
    (run,) = runs = ran(watched)
    assert run.unknown == ""
    assert run.measures is not None
    assert run.measures.headroom_usd is not None
    found = read(watched, runs)
    assert found["Near"].verdict == "well"
    assert {name: one.verdict for name, one in found.items()} == {
        "Near": "well",
        "Near headroom": "ill",
        "Near borrow at +5 %": "well",
        "Near borrow at +20 %": "ill",
        "Near backing": "ill",
    }
    assert "at least 1,000 USD expected" in found["Near headroom"].said
    assert f"−{-run.measures.headroom_usd.value:,.0f} USD of" in found["Near headroom"].said


def test_a_number_without_a_limit_calls_nobody_and_is_shown() -> None:
    watched = book()
    (run,) = runs = ran(watched)
    assert set(read(watched, runs)) == {"Near"}
    shown = bounds(run, watched)
    assert [one.name for one in shown] == [
        "headroom",
        "borrow at +5 %",
        "borrow at +10 %",
        "borrow at +20 %",
        "backing",
    ]
    assert {one.limit for one in shown} == {""}


@pytest.mark.parametrize("silent", ["custodian:ceffu", f"account:{USDM}", "chain:ethereum"])
def test_what_rests_on_a_silent_source_is_not_known_whatever_the_number(silent: str) -> None:
    watched = book(
        limit("data_age_ms_max", "collateral", "60000"),
        limit("data_age_ms_max", "balance", "60000"),
        limit("scenario_headroom_min", "scenario", "1"),
    )
    runs = ran(watched, silent)
    assert runs[0].unknown
    found = read(watched, runs)
    assert {one.verdict for one in found.values()} == {"no_data"}
    assert "Near headroom" in found
    assert runs[0].unknown in found["Near"].said


def test_a_result_that_is_old_says_nothing_of_now() -> None:
    watched = book()
    runs = ran(watched)
    assert read(watched, runs, AGE_MAX)["Near"].verdict == "well"
    late = read(watched, runs, AGE_MAX + timedelta(seconds=1))["Near"]
    assert late.verdict == "no_data"
    assert "a run within 3 min expected" in late.said
    assert why_unknown(replace(runs[0], at=NOW + timedelta(hours=1)), NOW)  # our clock was set back


def test_a_scenario_that_was_just_marked_is_starting_and_then_missing() -> None:
    watched = book()
    assert read(watched, ())["Near"].is_starting
    late = read(watched, (), AGE_MAX)["Near"]
    assert (late.verdict, late.is_starting) == ("no_data", False)


def test_a_result_of_another_scenario_of_the_same_name_is_none() -> None:
    watched = book()
    (one,) = watched.scenarios.standing
    assert run_of(one, [replace(ran(watched)[0], saved_at=AT - timedelta(days=1))]) is None


@pytest.mark.parametrize("asked", ["book=live&failed=nowhere", "book=live&x=much", "book=live&moves=ETH:-99.999"])
def test_a_scenario_that_cannot_run_says_why(asked: str) -> None:
    other = replace(SAVED, scenario="Odd", asked=asked)
    watched = book(other, replace(MARKED, scenario="Odd"))
    assert "expected" in {one.scenario: one for one in ran(watched)}["Odd"].unknown
    assert read(watched, ran(watched))["Odd"].verdict == "no_data"
    assert read(watched, ran(watched))["Near"].verdict == "well"
