"""Books follow the venue's sequence rule to the letter, and are wiped when it is broken."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.core.books import BinanceInverse, BinanceLinear, Book, BookLimits, Level, Side

TICK = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A delta as a feed would hand it over."""

    first_id: int
    last_id: int
    previous_id: int
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()


def waiting_book(rule: BinanceLinear | BinanceInverse | None = None, **limits: int) -> Book:
    """Return a book before its snapshot."""
    return Book("ETH", rule or BinanceLinear(), TICK, BookLimits(**limits))


def loaded_book(rule: BinanceLinear | BinanceInverse | None = None, **limits: int) -> Book:
    """Return a book with a snapshot of id 100 that no delta has bridged to yet."""
    book = waiting_book(rule, **limits)
    assert book.load(100, [(99.99, 1.0), (99.98, 2.0)], [(100.01, 1.0), (100.02, 2.0)]) is None
    return book


def running_book() -> Book:
    """Return a book that runs, with the last id 105."""
    book = loaded_book()
    assert book.apply(Change(first_id=98, last_id=105, previous_id=97)) is None
    assert book.is_running
    return book


@pytest.mark.parametrize(
    ("rule", "first", "last", "previous", "bridges"),
    [
        (BinanceLinear(), 98, 105, 97, True),
        (BinanceLinear(), 100, 100, 97, True),
        (BinanceLinear(), 104, 105, 100, True),  # pu = L
        (BinanceLinear(), 98, 99, 97, False),  # wholly before
        (BinanceInverse(), 98, 105, 97, True),
        (BinanceInverse(), 101, 105, 97, True),
        (BinanceInverse(), 104, 105, 100, True),  # pu = L
        (BinanceInverse(), 98, 100, 97, False),  # wholly before
    ],
)
def test_the_first_delta_must_bridge_to_the_snapshot(
    rule: BinanceLinear | BinanceInverse, first: int, last: int, previous: int, bridges: bool
) -> None:
    book = loaded_book(rule)
    assert book.apply(Change(first_id=first, last_id=last, previous_id=previous)) is None
    assert book.is_running is bridges


@pytest.mark.parametrize("rule", [BinanceLinear(), BinanceInverse()])
def test_a_snapshot_older_than_the_deltas_is_too_old(rule: BinanceLinear | BinanceInverse) -> None:
    book = loaded_book(rule)
    fault = book.apply(Change(first_id=103, last_id=105, previous_id=102))
    assert fault is not None
    assert fault.kind == "too_old"
    assert book.last_id is None


def test_deltas_wait_for_the_snapshot_and_follow_on_it() -> None:
    book = waiting_book()
    for first, last, previous, quantity in ((90, 95, 89, 7.0), (96, 101, 95, 8.0), (102, 103, 101, 9.0)):
        change = Change(first_id=first, last_id=last, previous_id=previous, bids=((99.97, quantity),))
        assert book.apply(change) is None
    assert book.wants_snapshot
    assert book.load(100, [(99.99, 1.0)], [(100.01, 1.0)]) is None
    assert book.is_running
    assert book.last_id == 103
    assert book.bids.top() == [(99.99, 1.0), (99.97, 9.0)]


def test_a_gap_in_pu_wipes_the_book() -> None:
    book = running_book()
    fault = book.apply(Change(first_id=107, last_id=108, previous_id=106))
    assert fault is not None
    assert fault.kind == "gap"
    assert str(fault) == "ETH: a delta after 105 expected, found one after 106"
    assert not book.is_running
    assert book.bids.top() == []


def test_an_overlap_is_no_better_than_a_gap_once_running() -> None:
    book = running_book()
    fault = book.apply(Change(first_id=98, last_id=110, previous_id=97))
    assert fault is not None
    assert fault.kind == "gap"


def test_a_duplicate_is_a_gap_too() -> None:
    book = running_book()
    change = Change(first_id=106, last_id=107, previous_id=105, bids=((99.9, 1.0),))
    assert book.apply(change) is None
    fault = book.apply(change)
    assert fault is not None
    assert fault.kind == "gap"


def test_a_wiped_book_starts_again_from_the_next_snapshot() -> None:
    book = running_book()
    book.wipe()
    assert book.bids.best is None
    assert book.apply(Change(first_id=201, last_id=210, previous_id=200, bids=((99.9, 3.0),))) is None
    assert book.load(205, [(99.8, 1.0)], [(100.0, 1.0)]) is None
    assert book.is_running
    assert book.bids.top() == [(99.9, 3.0), (99.8, 1.0)]


def test_too_many_waiting_deltas_are_a_fault_and_are_forgotten() -> None:
    book = waiting_book(waiting_max=2)
    faults = [book.apply(Change(first_id=i, last_id=i, previous_id=i - 1)) for i in (1, 2, 3)]
    assert [fault and fault.kind for fault in faults] == [None, None, "buffer_full"]
    assert not book.wants_snapshot


@pytest.mark.parametrize(
    ("bids", "asks", "kind"),
    [
        (((100.01, 1.0),), (), "crossed"),
        ((), ((99.99, 1.0),), "crossed"),
        (((99.99, 0.0), (99.98, 0.0)), (), "empty"),
        (((99.985, 1.0),), (), "off_tick"),
        ((), ((100.015, 1.0),), "off_tick"),
    ],
)
def test_what_cannot_be_wipes_the_book(bids: tuple[Level, ...], asks: tuple[Level, ...], kind: str) -> None:
    book = running_book()
    fault = book.apply(Change(first_id=106, last_id=107, previous_id=105, bids=bids, asks=asks))
    assert fault is not None
    assert fault.kind == kind
    assert not book.is_running
    assert book.asks.top() == []


@pytest.mark.parametrize(
    ("bids", "asks", "kind"),
    [
        ([(100.0, 1.0)], [(100.0, 1.0)], "crossed"),
        ([], [(100.0, 1.0)], "empty"),
        ([(100.0, 0.0)], [(100.01, 1.0)], "empty"),
        ([(100.001, 1.0)], [(100.01, 1.0)], "off_tick"),
    ],
)
def test_a_snapshot_that_cannot_be_is_refused(bids: list[Level], asks: list[Level], kind: str) -> None:
    book = waiting_book()
    fault = book.load(100, bids, asks)
    assert fault is not None
    assert fault.kind == kind
    assert book.last_id is None


def test_more_levels_than_allowed_are_a_fault() -> None:
    book = loaded_book(levels_max=10)
    bids = tuple((round(99.9 - i * 0.01, 2), 1.0) for i in range(10))
    fault = book.apply(Change(first_id=98, last_id=105, previous_id=97, bids=bids))
    assert fault is not None
    assert fault.kind == "too_many_levels"


def test_removed_levels_take_no_memory_for_ever() -> None:
    book = loaded_book(levels_max=100)
    last = 100
    for i in range(2_000):
        price = round(90 - (i % 500) * 0.01, 2)
        for quantity in (1.0, 0.0):
            change = Change(first_id=last + 1, last_id=last + 1, previous_id=last, bids=((price, quantity),))
            assert book.apply(change) is None
            last += 1
    assert len(book.bids.levels) <= 200
    assert book.bids.top() == [(99.99, 1.0), (99.98, 2.0)]


def test_depth_is_the_quantity_at_a_price_or_better() -> None:
    book = running_book()
    assert book.bids.depth(99.98) == 3.0
    assert book.asks.depth(100.01) == 1.0
    assert book.asks.depth(100.0) == 0


def test_the_top_is_as_long_as_asked() -> None:
    book = running_book()
    assert book.asks.top(1) == [(100.01, 1.0)]


# Bids are tried below 100.00 and asks above it, so that no generated book is crossed.
def _changes(low: int, high: int) -> st.SearchStrategy[tuple[Level, ...]]:
    level = st.tuples(
        st.integers(low, high).map(lambda ticks: round(ticks * 0.01, 2)), st.sampled_from((0.0, 1.0, 2.5))
    )
    return st.lists(level, max_size=12).map(tuple)


@given(st.lists(st.tuples(_changes(9_000, 9_997), _changes(10_003, 11_000)), max_size=40))
def test_a_book_equals_its_deltas_applied_to_plain_dicts(
    rows: list[tuple[tuple[Level, ...], tuple[Level, ...]]],
) -> None:
    book = waiting_book(levels_max=1_200)
    assert book.load(100, [(99.98, 9.0)], [(100.02, 9.0)]) is None
    sides: tuple[dict[float, float], dict[float, float]] = ({99.98: 9.0}, {100.02: 9.0})
    for number, row in enumerate(rows, start=100):
        change = Change(first_id=number + 1, last_id=number + 1, previous_id=number, bids=row[0], asks=row[1])
        assert book.apply(change) is None
        for side, changes in zip(sides, row, strict=True):
            side.update(changes)
        bids, asks = ({price: size for price, size in side.items() if size} for side in sides)
        assert book.bids.best == max(bids)
        assert book.asks.best == min(asks)
        assert book.bids.top() == sorted(bids.items(), reverse=True)
        assert book.asks.top() == sorted(asks.items())


@given(st.lists(st.sampled_from(("next", "skip", "repeat", "old")), max_size=30), st.data())
def test_a_running_book_has_seen_every_delta_exactly_once(steps: list[str], data: st.DataObject) -> None:
    book, last = running_book(), 105
    for step in steps:
        following = Change(first_id=last + 1, last_id=last + 2, previous_id=last, bids=((99.9, float(last)),))
        change = {
            "next": following,
            "skip": replace(following, first_id=last + 3, last_id=last + 4, previous_id=last + 2),
            "repeat": replace(following, last_id=last, previous_id=last - 2),
            "old": replace(following, first_id=last - 4, last_id=last - 3, previous_id=last - 5),
        }[step]
        fault = book.apply(change)
        assert (fault is None) is (step == "next")
        assert book.is_running is (fault is None)
        if fault:
            return
        last += 2
        assert book.last_id == last
        assert book.bids.levels[99.9] == float(last - 2)


@given(
    st.dictionaries(st.integers(1, 400), st.floats(0.5, 9), min_size=1, max_size=60),
    st.sampled_from([1, 5, 20]),
)
def test_the_best_levels_are_the_first_of_all(ticks: dict[int, float], count: int) -> None:
    bids, asks = Side(1, TICK, 1_000), Side(-1, TICK, 1_000)
    levels = [(round(price * 0.01, 2), quantity) for price, quantity in ticks.items()]
    for side in (bids, asks):
        assert side.update(levels, "ETH") is None
        assert side.top(count) == side.top()[:count]


@given(
    st.sampled_from(["0.01", "0.05", "0.5", "10", "0.00001", "0.125"]),
    st.integers(1, 2_000_000),
    st.lists(st.integers(1, 300), min_size=1, max_size=20, unique=True),
)
def test_when_the_best_is_gone_the_next_is_found_whatever_the_tick(tick: str, best: int, away: list[int]) -> None:
    size = Decimal(tick)
    for inward in (1, -1):
        side = Side(-1 if inward < 0 else 1, size, 1_000)
        prices = [float(size * (best + 300 - inward * ticks)) for ticks in (0, *away)]
        assert side.update([(price, 1.0) for price in prices], "ETH") is None
        assert side.update([(prices[0], 0.0)], "ETH") is None
        assert side.touch == prices[1 + away.index(min(away))]


def test_best_levels_far_from_each_other_are_found_too() -> None:
    bids = Side(1, TICK, 1_000)
    assert bids.update([(100.0, 1.0), (50.0, 2.0), (10.0, 3.0)], "ETH") is None
    assert bids.top(2) == [(100.0, 1.0), (50.0, 2.0)]
