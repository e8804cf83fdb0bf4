"""A copied book is the same book, and neither of the two changes the other."""

from hypothesis import given, settings

from hedgeapp.core.events import Event
from portfolio.core.book import Book
from portfolio.core.copies import copied
from portfolio.core.snapshots import dump
from tests.builders.books import recorded
from tests.builders.histories import catalogue, histories
from tests.builders.orders import DESK


def folded(book: Book, events: list[Event], after: int = 0) -> Book:
    for one in recorded(events, after):
        book.apply(one)
    return book


@settings(max_examples=50)
@given(histories())
def test_a_copy_is_the_same_book_and_goes_its_own_way(history: list[Event]) -> None:
    half = len(history) // 2
    first = [*catalogue(), *DESK, *history[:half]]
    book = folded(Book(), first)
    twin = copied(book)
    assert dump(twin) == dump(book)
    assert twin.latest_events == book.latest_events
    before = dump(twin)
    folded(book, history[half:], after=len(first))
    assert dump(twin) == before
    folded(twin, history[half:], after=len(first))
    assert dump(twin) == dump(book)


def test_a_copy_knows_every_container_of_a_book() -> None:
    book = folded(Book(), [*catalogue(), *DESK])
    shared = {name for name, value in vars(copied(book)).items() if value is vars(book)[name]}
    assert shared <= {"seq", "recorded_at"}
