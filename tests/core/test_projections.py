"""Rows follow the fold: whatever the log says, the current rows are what the book holds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event, Recorded
from portfolio.core.book import Book
from portfolio.core.snapshots import dump, load
from portfolio.projections import Key, Values, Versions, changes, rows_of
from tests.builders.histories import histories, recorded


def folded(log: list[Recorded], book: Book | None = None) -> Book:
    book = book or Book()
    for one in log:
        book.apply(one)
    return book


def rows(log: list[Recorded], cuts: tuple[int, ...] = ()) -> list[tuple[str, Values]]:
    """Return every version of every row, written in one go or with the book dumped and loaded at some places."""
    book, versions = Book(), Versions()
    for place, one in enumerate(log):
        if place in cuts:
            book = load(dump(book))
        versions.add(one.seq, changes(book, one))
    versions.finish()
    return [(table.name, row) for table, made in versions.rows.items() for row in made]


def current(log: list[Recorded]) -> dict[tuple[str, Key], Values]:
    """Return the rows without an end, fills not among them."""
    book = Book()
    found: dict[tuple[str, Key], Values] = {}
    for one in log:
        found |= {(table.name, key): values for table, key, values in changes(book, one)}
    return {name: values for name, values in found.items() if name[0] != "portfolio_fill"}


@settings(deadline=None, max_examples=60)
@given(events=histories(), cut=st.integers(0, 70))
def test_a_book_loaded_in_mid_log_folds_into_the_same_book_and_the_same_rows(events: list[Event], cut: int) -> None:
    log = recorded(events)
    whole, resumed = folded(log), folded(log[cut:], load(dump(folded(log[:cut]))))
    assert dump(resumed) == dump(whole)
    assert rows_of(resumed) == rows_of(whole) == current(log)


@settings(deadline=None, max_examples=40)
@given(events=histories(), cuts=st.tuples(st.integers(0, 70), st.integers(0, 70)))
def test_rows_written_across_restarts_are_those_written_in_one_go(events: list[Event], cuts: tuple[int, int]) -> None:
    log = recorded(events)
    assert rows(log, cuts) == rows(log)


@settings(deadline=None, max_examples=40)
@given(events=histories(), cut=st.integers(1, 70))
def test_the_rows_of_a_past_event_are_what_was_current_then(events: list[Event], cut: int) -> None:
    log = recorded(events)
    seq = log[:cut][-1].seq
    then = [
        (table, (*row[2:],))
        for table, row in rows(log)
        if row[0] <= seq and (row[1] is None or row[1] > seq) and table != "portfolio_fill"
    ]
    assert sorted(map(repr, then)) == sorted(
        repr((table, (*key, *values))) for (table, key), values in current(log[:cut]).items()
    )
