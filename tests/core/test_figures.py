"""Figures: how states, times and unknowns combine."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.figures import BADNESS, Figure, derived, exact, none_of, total, unknown, worst
from tests.builders.books import AT, D

figures = st.builds(
    Figure,
    value=st.integers(-9, 9).map(Decimal),
    at=st.none() | st.integers(0, 9).map(lambda s: AT - timedelta(seconds=s)),
    state=st.sampled_from(["live", "late", "assumed", "stale"]),
    because=st.sampled_from(["a", "b"]),
)


def of(value: str, state: str = "live", age_s: int = 0, because: str = "") -> Figure:
    return Figure(value=D(value), at=AT - timedelta(seconds=age_s), state=state, because=because)  # type: ignore[arg-type]


@given(st.lists(figures, min_size=1))
def test_a_sum_has_the_worst_state_and_the_oldest_time(inputs: list[Figure]) -> None:
    found = total(inputs)
    assert found.value == sum(one.value or 0 for one in inputs)
    assert BADNESS[found.state] == max(BADNESS[one.state] for one in inputs)
    assert found.at == min((one.at for one in inputs if one.at), default=None)


@given(st.lists(figures), st.lists(figures))
def test_an_unknown_input_makes_the_result_unknown_and_never_zero(before: list[Figure], after: list[Figure]) -> None:
    found = total([*before, unknown("no mark of X is known"), *after])
    assert (found.value, found.state, found.because) == (None, "unknown", "no mark of X is known")


def test_the_reason_is_that_of_the_worst_input_and_of_the_oldest_of_those() -> None:
    inputs = (of("1", "late", 9, "old"), of("1", "stale", 3, "young"), of("1", "stale", 5, "older"), of("1"))
    assert total(inputs).because == "older"
    assert worst(inputs).because == "older"


def test_assumed_is_worse_than_late_and_better_than_stale() -> None:
    assert total((of("1", "late"), of("1", "assumed"))).state == "assumed"
    assert total((of("1", "stale"), of("1", "assumed"))).state == "stale"


def test_the_earliest_end_of_a_budget_counts() -> None:
    ends = [Figure(value=D(1), at=AT, state="live", because="", until=AT + timedelta(seconds=s)) for s in (5, 2, 9)]
    assert total(ends).until == AT + timedelta(seconds=2)


def test_a_number_that_does_not_exist_is_not_unknown() -> None:
    found = none_of((of("1", "late"),), "no price liquidates")
    assert (found.value, found.state, found.because) == (None, "late", "no price liquidates")
    assert none_of((unknown("why"),), "no price liquidates").state == "unknown"


def test_what_needs_a_number_that_does_not_exist_is_unknown() -> None:
    missing = none_of((of("1"),), "no price liquidates")
    found = derived(lambda one: one + 1, missing)
    assert (found.value, found.state, found.because) == (None, "unknown", "no price liquidates")


def test_nothing_sums_to_zero_by_definition() -> None:
    assert total(()) == exact(D(0))
