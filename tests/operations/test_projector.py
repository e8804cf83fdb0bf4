"""The projector: rows follow the log through kills and takeovers, nothing lost and nothing twice."""

import asyncio
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.ending import end
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.read import read
from hedgeapp.services import Lease, Service
from portfolio import models, projector
from portfolio.core.book import Book
from portfolio.operations import read_models
from portfolio.operations.books import keep_book, restored_book
from portfolio.operations.read_models import CheckpointMoved
from portfolio.projections import TABLES, rows_of
from portfolio.queries import rows
from tests.builders.histories import LINEAR, catalogue, histories, instrument, unique
from tests.builders.log import AT, emptied, fill, fills

Connection = psycopg.Connection[Any]


def written(owner: Connection, events: list[Event]) -> None:
    with owner.transaction():
        append(owner, events, at=AT)


def cleared(owner: Connection) -> None:
    emptied(owner)
    owner.execute("TRUNCATE portfolio_checkpoint, eventlog_snapshot")
    for table in TABLES:
        owner.execute(f"TRUNCATE {table.name}")


def stored(owner: Connection) -> dict[tuple[str, tuple[str, ...]], tuple[Any, ...]]:
    """Return the current rows, fills not among them, as `rows_of` gives them."""
    found = {}
    for table in TABLES:
        if table.name == "portfolio_fill":
            continue
        width = len(table.key)
        columns = ", ".join(f"{name}::text" if name in ("fees", "funding") else name for name in table.columns[2:])
        select = f"SELECT {columns} FROM {table.name} WHERE to_seq IS NULL"
        for row in owner.execute(select).fetchall():
            said = zip(table.columns[2 + width :], row[width:], strict=True)
            values = [value.replace(" ", "") if name in ("fees", "funding") else value for name, value in said]
            found[table.name, row[:width]] = tuple(values)
    return found


def advanced(owner: Connection, cuts: list[int]) -> None:
    """Project the log, ended and begun again after each of the cuts."""
    log = list(read(owner))
    for start, stop in zip([0, *cuts], [*cuts, len(log)], strict=True):
        if log[start:stop]:
            read_models.advance(restored_book(rows.projected_seq()), log[start:stop])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=histories(max_size=40), cuts=st.lists(st.integers(0, 50), max_size=3))
def test_stored_rows_are_what_the_book_holds(owner: Connection, events: list[Event], cuts: list[int]) -> None:
    cleared(owner)
    log = unique(events)
    written(owner, log)
    advanced(owner, sorted(min(cut, len(log)) for cut in cuts))
    assert stored(owner) == rows_of(restored_book())
    trades = [event.trade_id for event in log if type(event).__name__ == "FillRecorded"]  # type: ignore[union-attr]
    assert list(rows.fills().values_list("trade_id", flat=True)) == trades


def test_a_contract_size_changed_in_mid_log_counts_from_there_on(owner: Connection) -> None:
    doubled = InstrumentChanged(at=AT, instrument=instrument(LINEAR, Decimal(2)), version=2, by="venue")
    one: list[Event] = [fill(1, quantity=Decimal(3)), doubled, fill(2, quantity=Decimal(3))]
    written(owner, [*catalogue(), *one])
    advanced(owner, [])
    sizes = models.Position.objects.order_by("from_seq").values_list("size", flat=True)
    assert [*sizes] == [Decimal(-3), Decimal(-9)]
    seq = rows.projected_seq()
    assert rows.positions(seq - 1).get().size == Decimal(-3)
    assert rows.positions(seq).get().size == rows.positions().get().size == Decimal(-9)


def test_a_batch_that_was_killed_before_its_commit_is_projected_again(owner: Connection) -> None:
    written(owner, [*catalogue(), *fills(10)])
    log = list(read(owner))
    read_models.advance(restored_book(0), log[:12])
    with psycopg.connect(owner.info.dsn, password=owner.info.password) as killed:
        read_models.write(killed, restored_book(12), log[12:15])
        owner.execute("SELECT pg_terminate_backend(%s)", (killed.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            killed.commit()
    assert rows.projected_seq() == 12
    read_models.advance(restored_book(12), log[12:])
    assert rows.fills().count() == 10
    assert stored(owner) == rows_of(restored_book())


def test_a_stopped_projector_that_wakes_up_writes_nothing(owner: Connection) -> None:
    written(owner, [*catalogue(), *fills(10)])
    log = list(read(owner))
    stale, fresh = Book(), Book()
    read_models.advance(fresh, log[:5])
    for one in log[:3]:
        stale.apply(one)
    with pytest.raises(CheckpointMoved):
        read_models.advance(stale, log[3:6])
    assert rows.projected_seq() == 5


def test_two_projectors_that_begin_at_once_do_not_write_twice(owner: Connection) -> None:
    written(owner, [*catalogue(), *fills(3)])
    log = list(read(owner))
    read_models.advance(Book(), log)
    with pytest.raises(CheckpointMoved):
        read_models.advance(Book(), log)


def test_a_projector_begins_at_its_checkpoint_though_the_books_snapshot_is_ahead(owner: Connection) -> None:
    written(owner, [*catalogue(), *fills(10)])
    log = list(read(owner))
    read_models.advance(restored_book(0), log[:13])
    keep_book(restored_book(), AT)
    book = restored_book(13)
    assert book.seq == 13
    read_models.advance(book, log[13:])
    assert stored(owner) == rows_of(restored_book())


@pytest.mark.parametrize(
    "text",
    ["", "null", "None", "\\N", "\\.", "a,b", '"', '\\"', "\\\\n", "]\n[", "a\tb\r\n\x01\x1f\x7f", "\u2028 ē 𝔢", " x "],
)
def test_any_text_is_stored_as_it_is(owner: Connection, text: str) -> None:
    written(owner, [*catalogue(), fill(1, venue_order_id=text), fill(2)])
    advanced(owner, [])
    assert list(rows.fills().values_list("venue_order_id", flat=True)) == [text, "9001"]


@pytest.mark.parametrize("amount", ["0", "-0.00", "1E-18", "1E+3", "123456789012345678901234567890.000000000000000001"])
def test_any_amount_is_stored_to_its_last_digit(owner: Connection, amount: str) -> None:
    written(owner, [*catalogue(), fill(1, fee=Decimal(amount))])
    advanced(owner, [])
    assert rows.fills().get().fee == Decimal(amount)


async def test_the_service_follows_the_log(log_url: str, owner: Connection) -> None:
    written(owner, [*catalogue(), *fills(5)])
    lease = Lease(Service(name="projector", runner="portfolio.projector.run"), 1)
    running = asyncio.create_task(projector.run(lease))
    try:
        written(owner, list(fills(5, first=6)))
        head = len(list(read(owner)))
        for _ in range(200):
            if await lease.in_database(rows.projected_seq) == head:
                break
            await asyncio.sleep(0.05)
        assert await lease.in_database(lambda: models.Fill.objects.count()) == 10
    finally:
        await end([running])
        lease.close()
