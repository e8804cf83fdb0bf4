"""The engine's memory against the log: a frame shows exactly what its book folds into, and another book is told."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events.moves import DelegationStated
from hedgeapp.core.events.trading import FillRecorded
from portfolio.core.book import Book
from portfolio.core.frames import frame
from reconciliation.core.compare import mismatches
from reconciliation.core.memory import folded, shown
from tests.builders.books import AT, INVERSE, LINEAR, USDM, balance, book_of, collateral, common, fill
from tests.strategies import fills


def mirrored(total: str) -> DelegationStated:
    return DelegationStated(at=AT, custodian="ceffu", account=USDM, asset="USDT", total=Decimal(total))


def as_shown(book: Book) -> dict[str, tuple[str]]:
    return dict(shown(frame(book, common("2000"), (), number=1, at=AT)))


@settings(max_examples=25)
@given(fills(size_max=8), fills(INVERSE, size_max=8), st.sampled_from(["0", "12.50"]))
def test_a_frame_shows_what_its_book_folds_into(
    linear: list[FillRecorded], inverse: list[FillRecorded], total: str
) -> None:
    book = book_of(*linear, *inverse, balance(USDM, "USDT", total), collateral("stETH", "5000"))
    assert mismatches("memory", folded(book), as_shown(book)) == []


def test_a_fill_that_the_engine_missed_is_told() -> None:
    missed = fill("buy", "3", "2000", trade_id="2")
    first = fill("sell", "10", "2000")
    (one,) = mismatches("memory", folded(book_of(first, missed)), as_shown(book_of(first)))
    assert (one.item, one.ours, one.theirs) == (f"position {USDM} {LINEAR}", ("-7",), ("-10",))


def test_a_delegation_that_the_engine_counts_otherwise_is_told() -> None:
    held = balance(USDM, "USDT", "100")
    (one,) = mismatches("memory", folded(book_of(held, mirrored("40"))), as_shown(book_of(held, mirrored("30"))))
    assert (one.item, one.ours, one.theirs) == (f"delegated {USDM} USDT", ("40",), ("30",))


def test_what_is_mirrored_to_an_account_without_a_balance_is_no_row_of_a_frame() -> None:
    book = book_of(mirrored("40"))
    assert mismatches("memory", folded(book), as_shown(book)) == []
