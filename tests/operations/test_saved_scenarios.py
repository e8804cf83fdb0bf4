"""Saved scenarios on a real log: by name, by whom, and only as they were shown."""

from datetime import timedelta

import pytest
from django.db import connection

from hedgeapp.core.events.scenarios import ScenarioSaved
from hedgeapp.eventlog.read import read
from portfolio.core.scenarios.asked import Asked
from portfolio.operations import scenarios as operations
from portfolio.operations.scenarios import drop_scenario, mark_scenario, save_scenario
from portfolio.queries.books import current_book
from tests.builders.books import AT
from tests.builders.desks import history, written

LIVE = Asked(book="live", x=-20.0)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _desk(log_url: str) -> None:
    written(*history())


def saved(name: str = "Down 20 %", wanted: Asked = LIVE, by: str = "ann") -> ScenarioSaved:
    return save_scenario(name, wanted, by=by, reason="the desk asks", at=AT)


def head() -> int:
    connection.ensure_connection()
    return max(one.seq for one in read(connection.connection))


def dropped(one: ScenarioSaved, by: str, *, may_drop_others: bool = False) -> None:
    drop_scenario(one.scenario, saved_at=one.at, by=by, may_drop_others=may_drop_others, reason="mild", at=AT + SECOND)


def marked(one: ScenarioSaved, *, is_standing: bool, after: timedelta = SECOND) -> None:
    mark_scenario(
        one.scenario, saved_at=one.at, is_standing=is_standing, by="bob", reason="watch it", at=one.at + after
    )


def test_a_scenario_is_saved_once_however_often_its_owner_asks() -> None:
    first = saved()
    before = head()
    assert saved() == first
    assert head() == before
    assert [one.saved for one in current_book().scenarios] == [first]


@pytest.mark.parametrize(("wanted", "by"), [(LIVE, "eve"), (Asked(book="inverse"), "ann")])
def test_a_name_that_is_taken_is_refused_with_who_has_it(wanted: Asked, by: str) -> None:
    saved()
    with pytest.raises(operations.ScenarioNameIsTaken, match="saved by ann"):
        saved(wanted=wanted, by=by)


@pytest.mark.parametrize("name", ["", "   ", "<b>", "x" * 61, "\u2212 50"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(operations.ScenarioNameIsMalformed, match="letters"):
        saved(name)


def test_only_its_owner_or_an_admin_drops_it_and_then_its_name_is_free() -> None:
    one = saved()
    with pytest.raises(operations.ScenarioIsOfAnother, match="ann"):
        dropped(one, "eve")
    dropped(one, "eve", may_drop_others=True)
    assert len(current_book().scenarios) == 0
    with pytest.raises(operations.ScenarioIsUnknown, match="look again"):
        dropped(one, "ann")
    save_scenario("Down 20 %", Asked(book="live", x=-30.0), by="eve", reason="again", at=AT + 2 * SECOND)
    with pytest.raises(operations.ScenarioIsUnknown, match="look again"):  # another one than the page showed
        dropped(one, "eve")


def test_a_standing_scenario_is_let_go_before_it_is_dropped() -> None:
    one = saved()
    marked(one, is_standing=True)
    before = head()
    marked(one, is_standing=True, after=2 * SECOND)  # again changes nothing
    assert head() == before
    with pytest.raises(operations.ScenarioStands, match="stop that first"):
        dropped(one, "ann")
    marked(one, is_standing=False, after=3 * SECOND)
    assert current_book().scenarios.standing == ()
    dropped(one, "ann")


def test_a_typed_in_portfolio_cannot_run_on_the_live_book() -> None:
    with pytest.raises(operations.ScenarioIsNotLive, match="typed in"):
        marked(saved(wanted=Asked(book="inverse")), is_standing=True)


def test_there_are_bounds_to_how_many_are_saved_and_how_many_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "SAVED_MAX", 2)
    monkeypatch.setattr(operations, "STANDING_MAX", 1)
    one, other = saved("one"), saved("other")
    with pytest.raises(operations.TooManyScenarios, match="at most 2 saved"):
        saved("third")
    marked(one, is_standing=True)
    with pytest.raises(operations.TooManyScenarios, match="at most 1 standing"):
        marked(other, is_standing=True)


def test_whoever_changes_a_scenario_says_why() -> None:
    with pytest.raises(operations.ScenarioReasonIsMalformed, match="say why"):
        save_scenario("A", LIVE, by="ann", reason=" ", at=AT)
