"""Threads for blocking database work keep their connections while they are busy, and give back what failed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from django.db import connection

from hedgeapp import database
from hedgeapp.database import DatabaseThreads


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def is_connected() -> bool:
    return connection.connection is not None


@pytest.fixture
async def threads(log_url: str) -> AsyncIterator[DatabaseThreads]:
    made = DatabaseThreads("test", 2)
    yield made
    made.close()


async def test_a_busy_thread_keeps_its_connection(threads: DatabaseThreads) -> None:
    first = await threads.run(backend)
    assert await threads.run(is_connected)
    assert await threads.run(backend) == first


async def test_a_connection_that_rested_goes_back_first(
    threads: DatabaseThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    await threads.run(backend)
    monkeypatch.setattr(database, "KEPT_S", 0.0)
    assert not await threads.run(is_connected)


async def test_what_failed_leaves_no_connection_behind(threads: DatabaseThreads) -> None:
    def fail() -> None:
        backend()
        raise LookupError

    with pytest.raises(LookupError):
        await threads.run(fail)
    assert not await threads.run(is_connected)


async def test_no_more_work_runs_at_once_than_there_are_threads(threads: DatabaseThreads) -> None:
    at_once, most = 0, 0

    def counted() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.02)
        at_once -= 1

    work: Callable[[], None] = counted
    await asyncio.gather(*(threads.run(work) for _ in range(6)))
    assert most == 2
