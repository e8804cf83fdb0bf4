"""Whether a custodian takes moves: by its latest word, for whoever sends one and for the engine that wants one."""

from datetime import timedelta
from typing import Literal

import pytest

from hedgeapp.core.events.collateral import CustodianStateChanged
from portfolio.core.custodians import move_lock
from portfolio.core.move_headrooms import locked
from portfolio.core.snapshots import dump, load
from tests.builders.books import AT, USDM, book_of
from tests.builders.moves import mirrored


def told(state: Literal["open", "settling", "maintenance"], after_s: int = 0) -> CustodianStateChanged:
    said = f"ceffu is {state}"
    return CustodianStateChanged(at=AT + timedelta(seconds=after_s), custodian="ceffu", state=state, said=said)


def test_a_custodian_that_said_nothing_locks_nothing() -> None:
    assert move_lock(book_of(), "ceffu") == ""


@pytest.mark.parametrize("state", ["settling", "maintenance"])
def test_a_lock_is_said_in_the_custodians_words(state: Literal["settling", "maintenance"]) -> None:
    book = book_of(told("open"), told(state, 1))
    assert move_lock(book, "ceffu") == f"ceffu is {state}"
    assert move_lock(book, "another") == ""


def test_it_is_over_when_the_custodian_says_so_whatever_comes_late() -> None:
    assert move_lock(book_of(told("open", 2), told("settling", 1)), "ceffu") == ""


def test_the_engine_wants_nothing_moved_to_an_account_of_a_custodian_that_is_locked() -> None:
    assert locked(USDM, book_of(mirrored("100"), told("settling"))) == "ceffu is settling"
    assert locked("binance-coinm:main", book_of(mirrored("100"), told("settling"))) == ""


def test_a_snapshot_keeps_it() -> None:
    book = book_of(told("settling"))
    assert load(dump(book)).custodians == book.custodians
