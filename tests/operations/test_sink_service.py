"""The sink as a service: it follows by itself, says how far it is, and comes back from whatever hindered it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.test import Client

from hedgeapp.eventlog import read
from hedgeapp.eventlog.sink import service
from hedgeapp.eventlog.sink.compare import compare
from hedgeapp.eventlog.sink.folder import Folder
from hedgeapp.eventlog.sink.lag import LAG_MAX, Lag, lag, say
from hedgeapp.services import Lease, Service
from tests.builders.log import AT, emptied
from tests.builders.sinks import fed, grown

Connection = psycopg.Connection[Any]


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> Folder:
    """Where the service keeps its segments in these tests."""
    place = Folder(tmp_path / "sink")
    settings.SINK_URL = place.url
    return place


@pytest.fixture
async def running(
    owner: Connection, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator["asyncio.Task[None]"]:
    """The service, in no mood to wait."""
    for pause in ("SEGMENT_S_MAX", "PAUSE_S", "LOOK_AGAIN_S"):
        monkeypatch.setattr(service, pause, 0.02)
    lease = Lease(Service(name="sink", runner="hedgeapp.eventlog.sink.service.run"), 1)
    task = asyncio.create_task(service.run(lease))
    yield task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    lease.close()


async def until(connection: Connection, wanted: Callable[[Lag], bool]) -> Lag:
    async with asyncio.timeout(60):
        for _ in range(100_000):
            found = await asyncio.to_thread(lag, connection, AT)
            if wanted(found):
                return found
            await asyncio.sleep(0.02)
    raise TimeoutError


@pytest.mark.usefixtures("running")
async def test_the_service_follows_the_log(owner: Connection, place: Folder) -> None:
    for first in (1, 31, 61):
        grown(owner, 30, first=first)
        found = await until(owner, lambda found: found.seq == found.head)
        assert (found.head, found.events, found.seconds, found.trouble) == (first + 29, 0, 0.0, "")
    assert compare(owner, place).hash == read.head(owner).hash


@pytest.mark.usefixtures("running")
async def test_what_hinders_it_is_said_and_it_goes_on_by_itself(owner: Connection, place: Folder) -> None:
    grown(owner, 3)
    await until(owner, lambda found: found.seq == 3)
    hidden = place.path.rename(place.path.with_name("elsewhere"))
    place.path.write_text("no folder")
    grown(owner, 3, first=4)
    found = await until(owner, lambda found: bool(found.trouble))
    assert "second store at file://" in found.trouble
    assert "expected to answer, found: Not a directory" in found.trouble
    assert (found.seq, found.events) == (3, 3)
    place.path.unlink()
    hidden.rename(place.path)
    found = await until(owner, lambda found: found.seq == 6)
    assert found.trouble == ""
    assert compare(owner, place).seq == 6


@pytest.mark.usefixtures("running")
async def test_a_fork_is_said_for_as_long_as_it_lasts(owner: Connection, place: Folder) -> None:
    grown(owner, 3)
    await until(owner, lambda found: found.seq == 3)
    emptied(owner)
    grown(owner, 5, first=40)
    found = await until(owner, lambda found: bool(found.trouble))
    assert "two histories" in found.trouble
    assert len(place.entries()) == 1


async def test_a_service_that_ends_gives_its_connection_back(
    running: "asyncio.Task[None]", owner: Connection, place: Folder
) -> None:
    grown(owner, 3)
    await until(owner, lambda found: found.seq == 3)
    running.cancel()
    connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sink'"
    async with asyncio.timeout(30):
        while owner.execute(connected).fetchone() != (0,):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_the_lag_is_the_age_of_the_oldest_event_that_is_not_held(owner: Connection) -> None:
    later = AT + timedelta(seconds=70)
    assert lag(owner, later).events == 0
    grown(owner, 5)
    found = lag(owner, later)
    assert (found.events, found.seconds, found.stored_at, found.is_within_bounds) == (5, 70.0, None, False)
    assert "expected at most 30 s behind the log, found 70 s and 5 events behind" in found.said
    say(owner, "file:///x", 5)
    assert lag(owner, later).is_within_bounds
    grown(owner, 2, first=6)
    assert (lag(owner, AT + LAG_MAX).is_within_bounds, lag(owner, later).events) == (True, 2)
    say(owner, "file:///x", None, "the place is away")
    found = lag(owner, AT)
    assert (found.seq, found.trouble, found.is_within_bounds) == (5, "the place is away", False)


def test_readyz_tells_a_second_store_that_is_behind(owner: Connection, client: Client) -> None:
    grown(owner, 5)
    body = client.get("/readyz").content.decode()
    assert "second store: expected at most 30 s behind the log, found " in body
    assert " and 5 events behind: look whether the service sink runs" in body
    say(owner, "file:///x", 5)
    assert "second store" not in client.get("/readyz").content.decode()


def test_the_command_says_what_is_held_and_the_lag(owner: Connection, place: Folder, log_url: str) -> None:
    grown(owner, 4)
    fed(place, log_url, epoch=3)
    grown(owner, 2, first=5)
    told = StringIO()
    call_command("eventlog", "sink", stdout=told)
    assert "1 segments" in told.getvalue()
    assert "up to seq 4, hash" in told.getvalue()
    assert "written under epoch 3" in told.getvalue()
    assert "log: up to seq 6; the second store is 2 events behind" in told.getvalue()
