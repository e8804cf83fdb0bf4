"""Replay: built again beside the live rows, proved equal, swapped; refused where they differ."""

from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from hedgeapp.database import conninfo
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.read import read
from marketdata.projections import project
from portfolio.core.book import Book
from portfolio.operations import read_models, tables
from portfolio.operations.replay import RowsDiffer, replay
from portfolio.projections import rows_of
from portfolio.queries import rows
from tests.builders.examples import REFERENCE, TRADING
from tests.builders.histories import catalogue
from tests.builders.log import AT, fills
from tests.builders.orders import DESK

Connection = psycopg.Connection[Any]


@pytest.fixture
def live(owner: Connection) -> Connection:
    """A log with reference data, trading, an order of ours, and its rows."""
    known = {event.key for event in catalogue()}
    more = [event for event in REFERENCE if event.key not in known]
    with owner.transaction():
        append(owner, [*catalogue(), *fills(40), *more, *TRADING, *DESK], at=AT)
    for one in read(owner):
        event: Any = one.event
        if type(event).__module__ == "hedgeapp.core.events.reference":
            project(event)
    read_models.advance(Book(), list(read(owner)))
    return owner


def indexes(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
    ).fetchall()


def everything(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT from_seq, to_seq, account, instrument, quantity, entry_value FROM portfolio_position ORDER BY 1"
    ).fetchall()


def test_rows_built_again_equal_the_live_ones_and_take_their_place(live: Connection) -> None:
    before, had = everything(live), indexes(live)
    assert len(before) > 40
    done = replay(conninfo())
    assert done.differing == {}
    assert done.rows["portfolio_fill"] == 41
    assert done.rows["portfolio_hedgeorder"] == 8
    assert done.rows["marketdata_instrument"] == 3
    assert everything(live) == before
    assert indexes(live) == had
    assert live.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'replay%'").fetchone() == (0,)


def test_after_the_swap_the_projector_goes_on_and_the_app_may_still_read_and_write(
    live: Connection, app: Connection
) -> None:
    replay(conninfo())
    seq = rows.projected_seq()
    with live.transaction():
        append(live, fills(3, first=500), at=AT)
    book = Book()
    for one in read(live, until=seq):
        book.apply(one)
    with app.transaction():
        read_models.write(app, book, list(read(app, after=seq)))
    (linear,) = [values for (_, key), values in rows_of(book).items() if key[0:1] == ("binance-usdm:main",)][:1]
    assert rows.positions().get(account="binance-usdm:main").quantity == linear[0]
    replay(conninfo())


@pytest.mark.spoils
def test_a_row_that_was_changed_by_hand_is_found_and_nothing_is_swapped(live: Connection) -> None:
    live.execute("UPDATE portfolio_position SET quantity = quantity + 1 WHERE to_seq IS NULL")
    with pytest.raises(RowsDiffer) as refused:
        replay(conninfo())
    assert refused.value.differing == {"portfolio_position": 2}
    with pytest.raises(CommandError, match="2 rows of portfolio_position"):
        call_command("replay")


def test_differences_can_be_accepted(live: Connection) -> None:
    before = everything(live)
    live.execute("UPDATE portfolio_position SET quantity = quantity + 1 WHERE to_seq IS NULL")
    live.execute("DELETE FROM marketdata_instrument")
    told = StringIO()
    call_command("replay", accept_differences=True, stdout=told)
    assert everything(live) == before
    assert "portfolio_position: " in told.getvalue()
    assert "3 differed" in told.getvalue()
    replay(conninfo())


def test_an_empty_log_can_be_replayed(owner: Connection) -> None:
    assert replay(conninfo()).seq == 0


def test_events_that_come_during_the_build_are_caught_up_with(
    live: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_as = tables.index_as

    def index_while_events_come(*given: Any) -> None:
        index_as(*given)
        with live.transaction():
            append(live, fills(7, first=900), at=AT)
        book = Book()
        for one in read(live, until=rows.projected_seq()):
            book.apply(one)
        read_models.advance(book, list(read(live, after=book.seq)))

    monkeypatch.setattr(tables, "index_as", index_while_events_come)
    done = replay(conninfo())
    assert done.differing == {}
    assert done.rows["portfolio_fill"] == 48
