"""Fixtures: one shared sandbox, sandboxes of one's own, and clients that are closed after the test."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.running import REQUEST_S, Sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for every test that leaves it as it was; its hand rests, and nobody mints."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox"), "--hand-every", "0", "--mint-every", "0")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes of one's own."""
    running: list[Sandbox] = []

    def begin(*options: str) -> Sandbox:
        running.append(Sandbox(tmp_path, *options))
        return running[-1]

    yield begin
    for each in running:
        if each.process.poll() is None:
            os.kill(each.process.pid, signal.SIGKILL)
            each.process.wait(REQUEST_S)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Callable[..., Any]]:
    """Make ccxt clients of the shared sandbox; they are closed after the test."""
    made: list[Any] = []

    def make(account: str, **options: Any) -> Any:
        made.append(sandbox.client(account, **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()
