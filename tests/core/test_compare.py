"""Comparing two sides: whatever order the rows come in, nothing is lost, nothing is told twice."""

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.differences import DifferenceKind
from reconciliation.core.compare import SHAPES, RowsContradict, Side, digest, mismatches, side, stated

D = Decimal
counts = st.decimals(min_value=-1000, max_value=1000, places=3)
sides: st.SearchStrategy[Side] = st.dictionaries(
    st.sampled_from(["ETH", "BTC", "USDT", "USDC", "stETH"]), counts.map(lambda count: (count,))
)


def counted(rows: Side) -> Decimal:
    return sum((values[0] for values in rows.values()), D(0))


@given(ours=sides, theirs=sides)
def test_what_differs_is_exactly_what_the_two_sides_sum_to(ours: Side, theirs: Side) -> None:
    found = mismatches("balance", ours, theirs)
    assert sum((one.amount or D(0) for one in found), D(0)) == counted(theirs) - counted(ours)


@given(ours=sides, theirs=sides)
def test_taking_their_word_where_it_differs_makes_both_sides_the_same(ours: Side, theirs: Side) -> None:
    healed = dict(ours)
    for one in mismatches("balance", ours, theirs):
        healed[one.item] = one.theirs or (D(0),)
    assert mismatches("balance", healed, theirs) == []


@given(ours=sides, theirs=sides)
def test_the_sides_changed_about_tell_the_same_with_the_other_sign(ours: Side, theirs: Side) -> None:
    there, back = mismatches("balance", ours, theirs), mismatches("balance", theirs, ours)
    assert [(one.item, one.amount) for one in there] == [(one.item, -(one.amount or D(0))) for one in back]


def test_the_order_of_the_rows_changes_neither_what_differs_nor_the_digest() -> None:
    rows = [("ETH", (D("1.0"),)), ("BTC", (D(2),)), ("USDT", (D(3),))]
    theirs = side("balance", [("ETH", (D(1),)), ("USDC", (D(9),))])
    found = {
        (digest(side("balance", mixed)), tuple(mismatches("balance", side("balance", mixed), theirs)))
        for mixed in permutations(rows)
    }
    assert len(found) == 1


def test_zeros_that_fill_a_number_up_change_no_digest() -> None:
    assert digest({"ETH": (D("1.50"),)}) == digest({"ETH": (D("1.5"),)}) != digest({"ETH": (D("1.51"),)})


def test_a_row_that_is_told_twice_counts_once() -> None:
    assert side("balance", [("ETH", (D(1),)), ("ETH", (D("1.0"),))]) == {"ETH": (D(1),)}


def test_a_row_that_is_told_twice_otherwise_is_refused() -> None:
    with pytest.raises(RowsContradict, match="one row in a statement expected"):
        side("balance", [("ETH", (D(1),)), ("ETH", (D(2),))])


def test_nothing_and_zero_are_the_same_of_what_is_counted() -> None:
    assert mismatches("position", {"a": (D(0),)}, {}) == []
    assert mismatches("collateral", {}, {"a": (D(0), D(0))}) == []


def test_nothing_and_something_locked_are_not_the_same() -> None:
    assert len(mismatches("collateral", {}, {"a": (D(0), D(1))})) == 1


def test_what_is_not_counted_has_to_be_there() -> None:
    row = ("sell", D(1), D(2000), D("0.1"), "USDT", "7")
    (missing,) = mismatches("fill", {}, {"ETH:1": row})
    assert (missing.ours, missing.theirs, missing.amount) == (None, row, None)
    (strange,) = mismatches("fill", {"ETH:1": row}, {})
    assert (strange.ours, strange.theirs) == (row, None)


def test_a_count_may_be_off_by_the_tolerance_and_no_more() -> None:
    ours = {"USDT": (D("100"),)}
    assert mismatches("balance", ours, {"USDT": (D("100.01"),)}, tolerance=lambda _: D("0.01")) == []
    assert len(mismatches("balance", ours, {"USDT": (D("100.02"),)}, tolerance=lambda _: D("0.01"))) == 1


def test_a_tolerance_of_what_is_counted_excuses_nothing_else() -> None:
    ours, theirs = {"w": (D(5), D(0))}, {"w": (D(5), D(1))}
    assert len(mismatches("collateral", ours, theirs, tolerance=lambda _: D(10))) == 1


@pytest.mark.parametrize("kind", SHAPES)
def test_a_row_is_told_with_the_names_of_its_fields(kind: DifferenceKind) -> None:
    fields = SHAPES[kind].fields
    told = stated(kind, tuple(D(place) for place in range(len(fields))))
    assert told == tuple((name, str(place)) for place, name in enumerate(fields))
    assert stated(kind, None) == ()
