"""Epochs: one holder at a time, and a stale one can do no harm."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from hedgeapp.eventlog import epochs, read
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.eventlog.epochs import EpochIsOver, Fence
from tests.builders.log import fill

Connection = psycopg.AsyncConnection[Any]


@pytest.fixture
async def ours(app_url: str) -> AsyncIterator[Connection]:
    """The lock connection of one worker."""
    async with await psycopg.AsyncConnection.connect(app_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def theirs(app_url: str) -> AsyncIterator[Connection]:
    """The lock connection of another worker."""
    async with await psycopg.AsyncConnection.connect(app_url, autocommit=True) as connection:
        yield connection


async def successor(connection: Connection) -> int:
    """Take the engine from a holder whose connection is just closing."""
    for _ in range(500):
        epoch = await epochs.take(connection, "engine", "them")
        if epoch is not None:
            return epoch
        await asyncio.sleep(0.01)
    raise TimeoutError("the engine expected to be free within 5 s of its holder's end, found it held")


def fence(epoch: int) -> Fence:
    return Fence(service="engine", epoch=epoch)


async def test_a_held_service_cannot_be_taken(ours: Connection, theirs: Connection) -> None:
    assert await epochs.take(ours, "engine", "us") == 1
    assert await epochs.take(theirs, "engine", "them") is None
    assert await epochs.take(theirs, "feed:binance-usdm", "them") == 1


async def test_each_takeover_raises_the_epoch_and_is_an_event(
    ours: Connection, theirs: Connection, app_url: str
) -> None:
    await epochs.take(ours, "engine", "us")
    await ours.close()
    assert await successor(theirs) == 2
    with psycopg.connect(app_url) as reader:
        assert [one.event.key for one in read.read(reader)] == ["service:engine:1", "service:engine:2"]


async def test_an_append_under_an_older_epoch_is_refused(ours: Connection, theirs: Connection, app_url: str) -> None:
    await epochs.take(ours, "engine", "us")
    async with AsyncLog(app_url, fence=fence(1)) as log:
        assert len(await log.append([fill(1)])) == 1
        await ours.close()
        await successor(theirs)
        with pytest.raises(EpochIsOver, match=r"epoch 1 of engine .* found 2"):
            await log.append([fill(2)])
        assert len(await log.append([fill(2)], fence=fence(2))) == 1


async def test_an_append_for_a_service_that_nobody_ever_took_is_refused(app_url: str) -> None:
    async with AsyncLog(app_url) as log:
        with pytest.raises(EpochIsOver):
            await log.append([fill(1)], fence=fence(1))


async def test_a_heartbeat_under_an_older_epoch_is_refused(ours: Connection, theirs: Connection) -> None:
    await epochs.take(ours, "engine", "us")
    with pytest.raises(EpochIsOver):
        await epochs.heartbeat(theirs, fence(0))


async def test_a_heartbeat_tells_who_wants_the_service(ours: Connection, theirs: Connection) -> None:
    await epochs.take(ours, "engine", "us")
    assert await epochs.heartbeat(ours, fence(1)) == ""
    await epochs.ask_for(theirs, "engine", "them")
    assert await epochs.heartbeat(ours, fence(1)) == "them"


async def test_a_silent_holder_is_put_out_and_its_service_can_be_taken(ours: Connection, theirs: Connection) -> None:
    await epochs.take(ours, "engine", "us")
    (held,) = await epochs.holders(theirs)
    assert (held.service, held.holder, held.epoch, held.is_held) == ("engine", "us", 1, True)
    assert held.silent_for < timedelta(seconds=60)
    await epochs.put_out(theirs, held)
    assert await successor(theirs) == 2


async def test_putting_out_a_former_holder_does_not_hit_its_successor(ours: Connection, theirs: Connection) -> None:
    await epochs.take(ours, "engine", "us")
    (held,) = await epochs.holders(theirs)
    await ours.close()
    await successor(theirs)
    await epochs.put_out(theirs, held)
    assert await epochs.heartbeat(theirs, fence(2)) == ""
