"""Rows follow the fold: whatever the log says, the current rows are what the book holds."""

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.orders import OrderAcknowledged
from portfolio.core.book import Book
from portfolio.core.snapshots import dump, load
from portfolio.projections import HEDGE_ORDER, MOVE, Key, Values, Versions, changes, rows_of
from tests.builders.histories import histories, recorded
from tests.builders.moves import MOVES, reported, until_submitted, whole_life
from tests.builders.moves import NAME as NAME_OF_MOVE
from tests.builders.orders import AT, NAME, VENUE_ID, fill, intended, seen, sent


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


@settings(max_examples=60)
@given(events=histories(), cut=st.integers(0, 70))
def test_a_book_loaded_in_mid_log_folds_into_the_same_book_and_the_same_rows(events: list[Event], cut: int) -> None:
    log = recorded(events)
    whole, resumed = folded(log), folded(log[cut:], load(dump(folded(log[:cut]))))
    assert dump(resumed) == dump(whole)
    assert rows_of(resumed) == rows_of(whole) == current(log)


@settings(max_examples=40)
@given(events=histories(), cuts=st.tuples(st.integers(0, 70), st.integers(0, 70)))
def test_rows_written_across_restarts_are_those_written_in_one_go(events: list[Event], cuts: tuple[int, int]) -> None:
    log = recorded(events)
    assert rows(log, cuts) == rows(log)


@settings(max_examples=40)
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


def orders(*events: Event) -> list[dict[str, Any]]:
    """Return every version of the rows of our orders after these events, a second between each and the next."""
    log = [
        Recorded(seq=seq, recorded_at=AT + timedelta(seconds=seq), event=event) for seq, event in enumerate(events, 1)
    ]
    made = [row for table, row in rows(log) if table == HEDGE_ORDER.name]
    return [dict(zip(HEDGE_ORDER.columns, row, strict=True)) for row in made]


def test_an_order_of_ours_has_a_row_for_each_word_about_it() -> None:
    acknowledged = OrderAcknowledged(at=AT, client_order_id=NAME, venue_order_id=VENUE_ID)
    found = orders(intended(), sent(), acknowledged, seen(), fill("1", "5"), seen(status="filled", filled="5"))
    assert [(row["from_seq"], row["to_seq"], row["state"]) for row in found] == [
        (1, 2, "intended"),
        (2, 3, "sent"),
        (3, 4, "acknowledged"),
        (4, 5, "working"),
        (5, 6, "working"),
        (6, None, "filled"),
    ]
    last = found[-1]
    assert (last["intended_seq"], last["intended_at"]) == (1, AT + timedelta(seconds=1))
    assert (last["sent_at"], last["acknowledged_at"], last["filled_at"]) == (AT, AT, AT + timedelta(seconds=5))
    assert (last["filled"], last["logged"], last["venue_order_id"]) == (5, 5, VENUE_ID)
    assert (last["by"], last["reason"]) == ("ann", "net ETH is out of its band")


def test_a_fill_that_came_before_its_orders_word_is_in_the_row_of_that_word() -> None:
    found = orders(intended(), sent(), fill("1", "2"), seen(status="partially_filled", filled="2"))
    assert [(row["from_seq"], row["logged"]) for row in found] == [(1, 0), (2, 0), (4, 2)]


def test_what_others_order_and_fill_makes_no_row_of_ours() -> None:
    assert not orders(seen(name="web_1"), fill())
    assert len(orders(intended(), seen(name="web_1", venue_order_id="7"), fill(venue_order_id="7"))) == 1


@settings(max_examples=40)
@given(
    events=st.lists(st.sampled_from([*MOVES, *until_submitted(), reported("failed")]), max_size=30),
    cut=st.integers(0, 30),
)
def test_rows_of_moves_follow_the_fold_wherever_a_book_was_loaded(events: list[Event], cut: int) -> None:
    log = recorded(events)
    assert rows(log, (cut,)) == rows(log)
    assert rows_of(folded(log[cut:], load(dump(folded(log[:cut]))))) == rows_of(folded(log)) == current(log)


def test_a_moves_row_has_what_a_page_shows_of_it() -> None:
    log = recorded(whole_life())
    ((name, key), values), *others = rows_of(folded(log)).items()
    assert (name, others) == ("portfolio_collateralmove", [])
    row = dict(zip([one for one in MOVE.columns if one not in ("from_seq", "to_seq", *MOVE.key)], values, strict=True))
    assert key == (NAME_OF_MOVE,)
    assert (row["state"], row["by"], row["outcome"], row["quotas"]) == (
        "done",
        "ann",
        "ask",
        '[{"group":"approvers","needed":2}]',
    )
    assert [one["by"] for one in msgspec.json.decode(row["decisions"])] == ["bob", "cay"]
