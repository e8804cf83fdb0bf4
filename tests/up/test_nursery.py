"""A process that was forked is our child like any other, and when none can be forked it is started from nothing."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from hedgeapp.up.environment import for_children, kept_secrets
from hedgeapp.up.nursery import Nursery
from hedgeapp.up.ports import free_port
from hedgeapp.up.supervisor import Child
from hedgeapp.up.voice import Voice
from tests.up.test_supervisor import until

VERSION = ["python", "-m", "celery", "--version"]
NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the processes of a stack are given; nothing that is imported connects to anything."""
    return for_children(tmp_path, kept_secrets(tmp_path), NOWHERE) | NOWHERE


@pytest_asyncio.fixture
async def nursery(environment: dict[str, str], voice: Voice) -> AsyncIterator[Nursery]:
    """A nursery that is open."""
    async with Nursery(environment, voice) as opened:
        yield opened


def serving(environment: dict[str, str]) -> list[str]:
    """The command of a process that runs until it is stopped."""
    return ["python", "-m", "uvicorn", "hedgeapp.asgi:application", "--port", str(free_port())]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def called(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


async def test_a_forked_process_says_what_it_says_and_its_end_is_known(
    nursery: Nursery, environment: dict[str, str], voice: Voice, said: io.StringIO
) -> None:
    worker = Child("tasks", VERSION, environment, voice, nursery=nursery)
    await worker.start()
    await until(lambda: worker.restarts)
    await worker.stop()
    assert "tasks     | 5." in said.getvalue()
    assert "ended with exit code 0; restart 1" in said.getvalue()


async def test_a_forked_process_is_our_child_in_a_session_of_its_own_and_called_by_its_command(
    nursery: Nursery, environment: dict[str, str], voice: Voice
) -> None:
    web = Child("web", serving(environment), environment, voice, nursery=nursery)
    await web.start()
    assert web.pid
    assert parent_of(web.pid) == os.getpid()
    assert os.getsid(web.pid) == web.pid
    assert "uvicorn hedgeapp.asgi:application" in called(web.pid)
    await web.stop()
    assert not web.is_alive


async def test_a_forked_process_that_is_killed_is_forked_again(
    nursery: Nursery, environment: dict[str, str], voice: Voice, said: io.StringIO
) -> None:
    web = Child("web", serving(environment), environment, voice, nursery=nursery)
    await web.start()
    first = web.pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: web.pid not in {None, first})
    await web.stop()
    assert f"web (process {first}) was ended by SIGKILL; restart 1" in said.getvalue()


async def test_without_the_process_that_is_forked_one_is_started_from_nothing_and_the_next_forked_again(
    nursery: Nursery, environment: dict[str, str], voice: Voice, said: io.StringIO
) -> None:
    assert nursery.pid
    os.kill(nursery.pid, signal.SIGKILL)
    ear, mouth = os.pipe()
    assert await nursery.born(VERSION, environment, mouth) is None
    assert "celery --version could not be forked" in said.getvalue()
    born = await nursery.born(VERSION, environment, mouth)
    assert born
    assert await born.wait() == 0
    os.close(mouth)
    os.close(ear)


async def test_what_was_forked_lives_on_without_the_process_that_it_was_forked_from(
    nursery: Nursery, environment: dict[str, str], voice: Voice
) -> None:
    web = Child("web", serving(environment), environment, voice, nursery=nursery)
    await web.start()
    assert nursery.pid
    os.kill(nursery.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            await until(lambda: not web.is_alive)
    assert web.is_alive
    await web.stop()


async def test_a_worker_with_settings_of_its_own_is_not_forked(nursery: Nursery, environment: dict[str, str]) -> None:
    assert nursery.bears(VERSION, environment)
    assert nursery.bears(VERSION, environment | {"HEDGEAPP_DESK": "orders", "HEDGEAPP_SERVICES": "feed:*"})
    assert not nursery.bears(VERSION, environment | {"DATABASE_URL": "postgresql://moves@127.0.0.1:1/none"})
    assert not nursery.bears(["python", "-m", "sandbox", "run"], environment)
