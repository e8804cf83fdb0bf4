"""Reading and following: all of it, in order, once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from hedgeapp.core.events import Recorded
from hedgeapp.eventlog import read, stream
from hedgeapp.eventlog.append import AsyncLog, append
from hedgeapp.eventlog.stream import follow
from tests.builders.examples import EVERY_KIND
from tests.builders.log import AT, fills

Connection = psycopg.Connection[Any]


class Counted:
    """A coroutine function that counts its calls."""

    def __init__(self, asked: Callable[..., Awaitable[Any]]) -> None:
        self.count = 0
        self._asked = asked

    async def __call__(self, *given: Any) -> Any:
        self.count += 1
        return await self._asked(*given)


async def followed(url: str, after: int, until: int) -> list[Recorded]:
    found: list[Recorded] = []
    async for batch in follow(url, after, batch_rows=7, verify=True):
        found += batch
        if found[-1].seq >= until:
            break
    return found


def test_any_part_of_the_log_can_be_read(app: Connection) -> None:
    with app.transaction():
        append(app, fills(20), at=AT)
    assert [one.seq for one in read.read(app, after=5, until=9, verify=True)] == [6, 7, 8, 9]


def test_a_log_longer_than_a_batch_is_read_whole(app: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "BATCH_ROWS", 3)
    with app.transaction():
        append(app, fills(20), at=AT)
    assert [one.seq for one in read.read(app, verify=True)] == list(range(1, 21))


def test_some_kinds_can_be_read(app: Connection, owner: Connection) -> None:
    with owner.transaction():  # some of them are the sender's to write
        append(owner, EVERY_KIND.values(), at=AT)
    found = [type(one.event).__name__ for one in read.read(app, kinds={"FillRecorded", "MintSeen"})]
    assert found == ["FillRecorded", "MintSeen"]


def test_hashes_of_some_kinds_only_cannot_be_verified(app: Connection) -> None:
    with pytest.raises(ValueError, match="all kinds expected"):
        list(read.read(app, kinds={"FillRecorded"}, verify=True))


def test_an_empty_log_has_a_head_at_zero(app: Connection) -> None:
    assert (read.head(app).seq, list(read.read(app, verify=True))) == (0, [])


async def test_a_follower_reads_what_is_there_and_what_comes(app_url: str) -> None:
    async with AsyncLog(app_url) as log:
        await log.append(fills(10))
        following = asyncio.create_task(followed(app_url, after=3, until=30))
        for first in range(11, 31, 4):
            await log.append(fills(4, first=first))
            await asyncio.sleep(0.01)
        found = await asyncio.wait_for(following, 60)
    assert [one.seq for one in found] == list(range(4, 31))


async def test_a_follower_that_loses_its_connection_misses_and_repeats_nothing(app_url: str, owner: Connection) -> None:
    async with AsyncLog(app_url) as log:
        following = asyncio.create_task(followed(app_url, after=0, until=60))
        for first in range(1, 61, 3):
            await log.append(fills(3, first=first))
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'log-stream'"
            )
            await asyncio.sleep(0.02)
        found = await asyncio.wait_for(following, 60)
    assert [one.seq for one in found] == list(range(1, 61))


async def test_a_follower_asks_no_more_than_once_for_what_was_announced(
    app_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL_S", 60.0)
    monkeypatch.setattr(stream, "_batch", asked := Counted(stream._batch))
    async with AsyncLog(app_url) as log:
        following = asyncio.create_task(followed(app_url, after=0, until=5))
        for first in range(1, 6):
            await log.append(fills(1, first=first))
            await asyncio.sleep(0.05)
        await asyncio.wait_for(following, 60)
    assert asked.count <= 1 + 5  # at the begin, and for each event


async def test_an_announcement_that_says_no_seq_makes_a_follower_look(app_url: str, owner: Connection) -> None:
    async with AsyncLog(app_url) as log:
        following = asyncio.create_task(followed(app_url, after=0, until=2))
        await log.append(fills(1))
        owner.execute("NOTIFY eventlog, 'somebody looks'")
        await log.append(fills(1, first=2))
        assert [one.seq for one in await asyncio.wait_for(following, 60)] == [1, 2]
