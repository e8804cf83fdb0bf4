"""The whole stack, as a newcomer starts it: ready, supervised, and gone without a trace."""

import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import MARKS, Stack

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is ready."""
    running = Stack(tmp_path_factory.mktemp("whole"))
    try:
        running.said(r"\| ready after")
        yield running
    finally:
        running.stop()


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return int(answer.status)


def test_it_is_ready_and_offers_a_login(stack: Stack) -> None:
    assert status(f"{stack.url}/readyz") == 200
    assert stack.login.startswith(stack.url)
    assert status(stack.login) == 200


@pytest.mark.parametrize("name", ["feeds", "web"])
def test_what_is_killed_comes_back_and_is_reported(name: str, stack: Stack) -> None:
    first = stack.pid(name)
    os.kill(first, signal.SIGKILL)
    stack.said(rf"{name} \(process {first}\) was ended by SIGKILL; restart")
    assert stack.pid(name, other_than=first) != first

    def is_ready() -> bool | None:
        try:
            return status(f"{stack.url}/readyz") == 200
        except OSError:
            return None

    assert stack.until(is_ready, PATIENCE_S, "readiness")


def test_all_processes_run_and_end_with_it(stack: Stack) -> None:
    pids = [stack.pid(name) for name in MARKS]
    assert stack.stop() == 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
