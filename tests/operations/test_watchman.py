"""The watchman on a real log: opens an alert, ends it, and says nothing twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from hedgeapp.core.events.alerts import AlertOpened, AlertResolved
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.eventlog.read import read
from portfolio.core.alert_watch import OPEN_AFTER, RESOLVE_AFTER
from portfolio.core.book import Book
from portfolio.core.frames import frame
from portfolio.core.upkeep import SinkState, Upkeep
from portfolio.watchman import Watchman
from tests.builders.books import AT, COINM, USDM, balance, common, health, reference, supply
from tests.builders.desk import HEARD
from tests.builders.desks import written

SECOND = timedelta(seconds=1)
SOURCES = (
    f"account:{USDM}",
    f"account:{COINM}",
    "feed:binance-usdm",
    "feed:binance-coinm",
    "custodian:ceffu",
    "chain:ethereum",
)


class Watched:
    """A watchman on the log, told the time."""

    def __init__(self, watchman: Watchman, owner: psycopg.Connection[Any]) -> None:
        self._watchman, self._owner = watchman, owner
        self.feeds: tuple[str, ...] = SOURCES
        self.book = Book()

    async def step(self, at: datetime) -> list[AlertOpened | AlertResolved]:
        """Look as of a time at which the feeds that are there were just heard; return all that was told."""
        self.book.fold(read(self._owner, after=self.book.seq))
        marks = {key: replace(mark, at=at, received_at=at) for key, mark in common("3000").items()}
        shown = frame(self.book, marks, tuple(health(name, at) for name in self.feeds), number=1, at=at)
        await self._watchman.step(self.book, shown, at)
        self.book.fold(read(self._owner, after=self.book.seq))
        found = [one.event for one in read(self._owner, kinds={"AlertOpened", "AlertResolved"})]
        return [one for one in found if isinstance(one, AlertOpened | AlertResolved)]


async def look() -> Upkeep:
    """Return that every service runs, whatever the time."""
    return Upkeep(
        at=AT + timedelta(days=1),
        services=(),
        sink=SinkState(url="file:///b", events=0, seconds=0.0, stored_at=AT, because=""),
    )


@pytest.fixture
async def watched(owner: psycopg.Connection[Any], log_url: str) -> AsyncIterator[Watched]:
    async with AsyncLog(log_url) as events:
        yield Watched(Watchman(events, look), owner)


@pytest.fixture(autouse=True)
def _desk(log_url: str) -> None:
    written(*reference(), *HEARD, balance(USDM, "USDT", "1000"), supply("1"))


async def test_a_feed_that_is_away_is_one_alert_until_it_has_been_back_for_long(watched: Watched) -> None:
    assert await watched.step(AT) == []
    watched.feeds = SOURCES[1:]
    await watched.step(AT + SECOND)
    at = AT + SECOND + OPEN_AFTER["warning"]
    told = await watched.step(at)
    assert [(one.rule, one.subject) for one in told if isinstance(one, AlertOpened)] == [("feed", SOURCES[0])]
    for second in range(1, 4):
        assert len(await watched.step(at + second * SECOND)) == 1
    watched.feeds = SOURCES
    assert len(await watched.step(at + 5 * SECOND)) == 1
    told = await watched.step(at + 5 * SECOND + RESOLVE_AFTER)
    assert isinstance(told[-1], AlertResolved)
    assert len(watched.book.alerts) == 0
    assert len(list(watched.book.faults)) == 0
