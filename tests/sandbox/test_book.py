"""The sandbox's book and its numbered diffs."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.book import Book
from sandbox.instruments import fixed_text, units_of

changes = st.lists(
    st.tuples(st.booleans(), st.integers(1, 40), st.integers(0, 5), st.booleans()), min_size=1, max_size=200
)


@given(changes)
def test_a_follower_of_the_diffs_holds_the_same_book(rows: list[tuple[bool, int, int, bool]]) -> None:
    book = Book(1000)
    book.watch(100)
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    last_id = book.update_id
    for is_bid, ticks, steps, flush in rows:
        (book.set_bid if is_bid else book.set_ask)(ticks if is_bid else ticks + 100, steps)
        diff = book.take_diff(100) if flush else None
        if diff is None:
            continue
        assert diff.previous_id == last_id
        assert diff.first_id == last_id + 1 <= diff.last_id
        last_id = diff.last_id
        for side, levels in ((bids, diff.bids), (asks, diff.asks)):
            for price, size in levels:
                side[price] = size
    diff = book.take_diff(100)
    for side, levels in ((bids, diff.bids if diff else []), (asks, diff.asks if diff else [])):
        side.update(dict(levels))
    assert {price: size for price, size in bids.items() if size} == book.bids.sizes
    assert {-price: size for price, size in asks.items() if size} == book.asks.sizes
    assert book.bids.keys == sorted(book.bids.keys)
    assert book.asks.keys == sorted(book.asks.keys)


def test_a_diff_without_changes_is_none() -> None:
    book = Book(5)
    book.watch(0)
    assert book.take_diff(0) is None


def test_levels_are_listed_from_the_touch_outwards() -> None:
    book = Book(5)
    for ticks in (10, 12, 11):
        book.set_bid(ticks, 1)
        book.set_ask(ticks + 5, 1)
    assert [ticks for ticks, _ in book.bids.top(2)] == [12, 11]
    assert [ticks for ticks, _ in book.asks.top(2)] == [15, 16]


@given(st.integers(0, 10**12), st.integers(0, 8))
def test_a_count_of_units_survives_its_text(units: int, decimals: int) -> None:
    assert units_of(fixed_text(units, decimals), decimals) == units
