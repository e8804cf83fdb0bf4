"""Saved scenarios: a name is one scenario while it is saved; measures are the worst of the steps; two are compared."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.scenarios import ScenarioDropped, ScenarioMarked, ScenarioSaved
from portfolio.core.scenarios.asked import BOUNDS, Asked, ScenarioIsRefused
from portfolio.core.scenarios.compared import compared
from portfolio.core.scenarios.measures import RISES, measures
from portfolio.core.scenarios.run import run
from portfolio.core.scenarios.saved import LINK_LENGTH_MAX, NAME, SavedScenarios, asked_in, link_of
from portfolio.core.scenarios.typed import typed_book
from tests.builders.orders import AT

LINEAR, INVERSE = Asked(book="linear"), Asked(book="inverse")


def saved(name: str = "Halved") -> ScenarioSaved:
    return ScenarioSaved(at=AT, scenario=name, asked=link_of(Asked(book="live")), by="ann", reason="ours")


def marked(*, is_standing: bool) -> ScenarioMarked:
    return ScenarioMarked(at=AT, scenario="Halved", is_standing=is_standing, by="bob", reason="watch it")


DROPPED = ScenarioDropped(at=AT, scenario="Halved", by="ann", reason="mild")


def test_a_scenario_stands_from_its_mark_to_the_next_word_and_is_gone_when_dropped() -> None:
    known = SavedScenarios()
    assert known.apply(saved()) == known.apply(marked(is_standing=True)) == ""
    assert [one.name for one in known.standing] == ["Halved"]
    assert known.apply(marked(is_standing=False)) == ""
    assert known.standing == ()
    assert len(known) == 1
    assert known.apply(DROPPED) == ""
    assert list(known) == []


@pytest.mark.parametrize("event", [marked(is_standing=True), DROPPED])
def test_what_is_said_of_a_scenario_that_nobody_saved_is_a_contradiction(
    event: ScenarioMarked | ScenarioDropped,
) -> None:
    assert "expected, found none" in SavedScenarios().apply(event)


def test_a_name_is_never_given_to_a_second_scenario() -> None:
    known = SavedScenarios()
    known.apply(saved())
    assert "free name expected" in known.apply(replace(saved(), by="eve", asked="book=inverse"))
    (one,) = known
    assert one.saved == saved()


@given(
    x=st.floats(*BOUNDS["x"]),
    days=st.floats(*BOUNDS["days"]),
    failed=st.lists(st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True), max_size=5),
)
def test_a_link_says_all_of_a_scenario(x: float, days: float, failed: list[str]) -> None:
    wanted = Asked(book="live", x=float(f"{x:.10g}"), days=float(f"{days:.10g}"), failed=tuple(failed))
    assert asked_in(link_of(wanted)) == wanted
    assert asked_in("?" + link_of(wanted)) == wanted


def test_a_link_without_end_is_refused() -> None:
    with pytest.raises(ScenarioIsRefused, match="characters expected"):
        asked_in("x" * (LINK_LENGTH_MAX + 1))


@pytest.mark.parametrize(("name", "is_one"), [("A", True), ("−50 %", False), ("Down 50 %", True), (" A", False)])
def test_names_begin_with_a_letter_or_a_digit(name: str, *, is_one: bool) -> None:
    assert bool(NAME.fullmatch(name)) is is_one


def test_what_must_be_borrowed_is_the_profit_that_the_shorts_have_lost() -> None:
    """The tables of the documentation: a rise of 5, 10 and 20 % loses 50,000, 100,000 and 200,000 USD of a million."""
    for wanted in (LINEAR, INVERSE):
        found = measures(typed_book(wanted.typed), wanted)
        assert list(found.borrow_usd) == list(RISES)
        assert list(found.borrow_usd.values()) == pytest.approx([50_000, 100_000, 200_000])
        assert found.unknown == ()


def test_cash_takes_losses_before_anything_is_borrowed() -> None:
    wanted = Asked(book="linear", s=10.0)
    assert measures(typed_book(wanted.typed), wanted).borrow_usd == pytest.approx({5: 0, 10: 0, 20: 80_000})


@given(s=st.floats(0, 100), w=st.floats(0, 100), depeg=st.floats(-60, 0), grid=st.sampled_from(["documented", "wide"]))
def test_the_worst_is_at_a_step_of_the_grid_and_no_step_is_worse(s: float, w: float, depeg: float, grid: str) -> None:
    wanted = Asked(book="mixed", s=s, w=w, depeg=depeg, grid=grid)
    book = typed_book(wanted.typed)
    found, held = measures(book, wanted), run(book, wanted, wanted.steps).held
    assert found.backing is not None
    assert found.backing.value == pytest.approx(float(np.min(held.total_usd)) / wanted.value)
    rooms = [one.headroom if not one.asset else one.headroom * held.prices[one.asset] for one in held.margins]
    if rooms:
        assert found.headroom_usd is not None
        assert found.headroom_usd.value == pytest.approx(float(np.min(rooms)))
        assert np.any(np.isclose(found.headroom_usd.move_pct, wanted.steps * 100))


def test_a_margin_without_tiers_is_not_known_and_said() -> None:
    book = typed_book(LINEAR.typed)
    bare = replace(book, positions=tuple(replace(one, brackets=()) for one in book.positions))
    found = measures(bare, LINEAR)
    assert any("is not known" in said for said in found.unknown)
    assert measures(replace(book, missing=("The mark is stale.",)), LINEAR).unknown == ("The mark is stale.",)


def test_without_a_supply_there_is_no_backing_and_without_positions_no_headroom() -> None:
    book = replace(typed_book(LINEAR.typed), supply=None, positions=())
    found = measures(book, LINEAR)
    assert found.backing is None
    assert found.headroom_usd is None


def test_two_scenarios_are_compared_at_all_steps_that_either_has() -> None:
    wide = replace(INVERSE, grid="wide", depeg=-10.0)
    found = compared((typed_book(LINEAR.typed), LINEAR), (typed_book(wide.typed), wide))
    assert set(found.moves) == set(LINEAR.steps) | set(wide.steps)
    at = int(np.flatnonzero(np.isclose(found.moves, -0.5))[0])
    assert found.one.total_usd[at] == pytest.approx(1_000_000)
    assert found.one.staked_share[at] == pytest.approx(0.5)
    assert found.other.total_usd[at] < found.one.total_usd[at]
    assert found.one.change[at] == pytest.approx(0)
