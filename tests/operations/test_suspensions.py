"""Suspensions on a real log: a specification that turned into another's is quarantined until a person decides."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from hedgeapp.core.events.suspensions import InstrumentSuspended
from hedgeapp.database import conninfo
from hedgeapp.eventlog.append import AsyncLog, append
from hedgeapp.eventlog.read import read
from marketdata.core.catalogue import is_reference
from marketdata.operations.suspensions import quarantine
from marketdata.projections import project
from marketdata.queries.catalogue import reference
from marketdata.queries.suspensions import standing
from portfolio.core.book import Book
from portfolio.core.inspection import RELEASE_AFTER, SUSPEND_AFTER
from portfolio.inspector import Inspector
from portfolio.operations.orders import OrderIsRefused, intend_order
from portfolio.operations.suspensions import (
    InstrumentIsUnknown,
    SuspensionEndsByItself,
    SuspensionIsNotInForce,
    SuspensionReasonIsMalformed,
    release_instrument,
    suspend_instrument,
)
from portfolio.queries.books import current_book
from tests.builders.books import AT, LINEAR, common, limit
from tests.builders.desks import PRICE, history, ticket, written

SECOND = timedelta(seconds=1)


@pytest.fixture
def desk(log_url: str) -> None:
    events = history()
    written(*events)
    for event in events:
        if is_reference(event):
            project(event)


def offered(size: str, at: datetime = AT) -> InstrumentSuspended | None:
    """Have the venue say that the contract is of another size."""
    known = current_book().catalogue.instruments[LINEAR]
    return quarantine(replace(known, contract_size=Decimal(size)), f"found {size}", by="account:x", at=at)


@pytest.mark.usefixtures("desk")
def test_a_contract_size_that_changed_overnight_stops_new_risk_and_changes_nothing() -> None:
    before = current_book().catalogue.instruments[LINEAR]
    assert offered("10") is not None
    assert offered("10") is None  # the same word again says nothing new
    book = current_book()
    assert book.catalogue.instruments[LINEAR] == before
    with pytest.raises(OrderIsRefused, match="suspended for its specification"):
        intend_order(ticket(), by="ann", at=AT)


@pytest.mark.usefixtures("desk")
def test_another_word_of_the_venue_takes_the_place_of_the_first() -> None:
    offered("10")
    assert offered("100", AT + SECOND) is not None
    found = standing(LINEAR, "specification")
    assert found is not None
    assert found.offered is not None
    assert found.offered.contract_size == 100


@pytest.mark.usefixtures("desk")
def test_a_person_keeps_ours_and_the_venues_word_is_quarantined_again_when_it_is_said_again() -> None:
    event = offered("10")
    assert event is not None
    release_instrument(
        LINEAR, "specification", suspended_at=event.at, takes_over=False, by="ann", reason="a mistake", at=AT + SECOND
    )
    assert standing(LINEAR, "specification") is None
    assert current_book().suspensions.of(LINEAR) == ()
    assert offered("10", AT + 2 * SECOND) is not None


@pytest.mark.usefixtures("desk")
def test_a_person_takes_the_venues_word_over_in_the_same_step() -> None:
    event = offered("10")
    assert event is not None
    release_instrument(
        LINEAR, "specification", suspended_at=event.at, takes_over=True, by="ann", reason="announced", at=AT + SECOND
    )
    assert current_book().catalogue.instruments[LINEAR].contract_size == 10
    assert reference().instruments[LINEAR].contract_size == 10
    assert len(current_book().suspensions) == 0


@pytest.mark.usefixtures("desk")
def test_what_is_released_is_what_was_shown() -> None:
    first = offered("10")
    assert first is not None
    assert offered("5", AT + SECOND)
    with pytest.raises(SuspensionIsNotInForce, match="look again"):
        release_instrument(
            LINEAR, "specification", suspended_at=first.at, takes_over=True, by="ann", reason="seen", at=AT + SECOND
        )


@pytest.mark.usefixtures("desk")
def test_a_person_suspends_and_releases_with_a_reason() -> None:
    event = suspend_instrument(LINEAR, by="ann", reason="odd prints", at=AT)
    assert suspend_instrument(LINEAR, by="bob", reason="I think so, too", at=AT + SECOND) == event
    with pytest.raises(OrderIsRefused, match="odd prints"):
        intend_order(ticket(), by="ann", at=AT)
    release_instrument(
        LINEAR, "person", suspended_at=event.at, takes_over=False, by="bob", reason="calm", at=AT + SECOND
    )
    assert intend_order(ticket(), by="ann", at=AT + SECOND).state == "intended"


@pytest.mark.usefixtures("desk")
def test_what_cannot_be_suspended_or_released_is_refused_in_a_sentence() -> None:
    with pytest.raises(InstrumentIsUnknown, match="known instrument expected"):
        suspend_instrument("nowhere:X", by="ann", reason="odd", at=AT)
    with pytest.raises(SuspensionReasonIsMalformed, match="found 0"):
        suspend_instrument(LINEAR, by="ann", reason=" ", at=AT)
    with pytest.raises(SuspensionIsNotInForce):
        release_instrument(LINEAR, "person", suspended_at=AT, takes_over=False, by="ann", reason="x", at=AT)
    written(InstrumentSuspended(at=AT, instrument=LINEAR, cause="divergence", by="engine", reason="300 bp away"))
    with pytest.raises(SuspensionEndsByItself):
        release_instrument(LINEAR, "divergence", suspended_at=AT, takes_over=False, by="ann", reason="x", at=AT)


class Inspected:
    """The engine's inspector on a real log, told the time and how far one mark is off."""

    def __init__(self, inspector: Inspector, owner: psycopg.Connection[Any]) -> None:
        self._inspector, self._owner = inspector, owner
        self._book = Book()

    async def step(self, at: datetime, factor: str = "1") -> list[str]:
        """Inspect, and return the kinds of all that was told of suspensions."""
        self._book.fold(read(self._owner, after=self._book.seq))
        marks = {key: replace(mark, at=at, received_at=at) for key, mark in common(PRICE).items()}
        mark = marks[LINEAR, "mark"]
        marks[LINEAR, "mark"] = replace(mark, value=mark.value * Decimal(factor))
        await self._inspector.step(self._book, marks, (), at)
        kinds = {"InstrumentSuspended", "InstrumentReleased"}
        return [type(one.event).__name__ for one in read(self._owner, kinds=kinds)]


@pytest.fixture
async def inspected(owner: psycopg.Connection[Any], desk: None) -> AsyncIterator[Inspected]:
    with owner.transaction():
        append(owner, [limit("price_divergence_max", "ETH", "150")], at=AT)
    async with AsyncLog(conninfo()) as log:
        yield Inspected(Inspector(log), owner)


async def test_a_mark_that_stays_off_is_suspended_once_and_released_when_it_is_well(inspected: Inspected) -> None:
    seconds = int(SUSPEND_AFTER.total_seconds())
    for second in range(seconds):
        assert await inspected.step(AT + second * SECOND, "1.05") == []
    for second in range(seconds, seconds + 4):
        assert await inspected.step(AT + second * SECOND, "1.05") == ["InstrumentSuspended"]
    began = AT + (seconds + 4) * SECOND
    for second in range(int(RELEASE_AFTER.total_seconds())):
        assert await inspected.step(began + second * SECOND) == ["InstrumentSuspended"]
    assert await inspected.step(began + RELEASE_AFTER) == ["InstrumentSuspended", "InstrumentReleased"]
