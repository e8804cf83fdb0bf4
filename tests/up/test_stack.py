"""The command: one stack a folder, nothing left behind, whichever way it ends."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hedgeapp.up.bootstrap import ROOT
from tests.stack import Stack

PATIENCE_S = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stack]:
    """The smallest stack: the outside world alone."""
    stack = Stack(tmp_path, "--only", "sandbox")
    try:
        stack.pid("sandbox")
        yield stack
    finally:
        stack.stop()


def gone(pids: list[int]) -> Callable[[], bool | None]:
    return lambda: None if any(Path(f"/proc/{pid}").exists() for pid in pids) else True


def test_ctrl_c_leaves_nothing(world: Stack) -> None:
    pids = world.pids()
    assert pids
    assert world.stop() == 0
    assert gone(pids)()
    assert "nothing is left running" in world.lines[-1]


def test_sigterm_leaves_nothing(world: Stack) -> None:
    pids = world.pids()
    assert world.stop(signal.SIGTERM) == 0
    assert gone(pids)()


def test_a_killed_supervisor_leaves_nothing_and_can_be_started_again(world: Stack, tmp_path: Path) -> None:
    pids = world.pids()
    world.stop(signal.SIGKILL)
    again = Stack(tmp_path, "--only", "sandbox")
    try:
        assert again.until(gone(pids), PATIENCE_S, "the children to end")
        assert again.pid("sandbox") not in pids
    finally:
        again.stop()


def test_a_second_one_names_the_first(world: Stack) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "hedgeapp.up", "--only", "sandbox"],
        cwd=ROOT,
        env=world.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"already up at {world.url}, run by process {world.process.pid} (" in second.stderr


def test_a_killed_process_comes_back_and_is_reported(world: Stack) -> None:
    first = world.pid("sandbox")
    os.kill(first, signal.SIGKILL)
    assert world.said(r"sandbox \(process \d+\) was ended by SIGKILL; restart 1", PATIENCE_S)
    world.pid("sandbox", other_than=first)


def test_it_runs_on_and_ends_in_order_when_nobody_listens_any_more(world: Stack) -> None:
    environment = world.environment
    world.stop()
    mute = subprocess.Popen(
        [sys.executable, "-m", "hedgeapp.up", "--only", "sandbox"], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    )
    assert mute.stdout

    def answering(other_than: int = 0) -> int | None:
        with suppress(OSError, ValueError):
            with urllib.request.urlopen(f"{world.sandbox_url}/", timeout=30):
                pass
            (pid,) = [int(one) for one in Path(f"/proc/{mute.pid}/task/{mute.pid}/children").read_text().split()]
            return pid if pid != other_than else None
        return None

    try:
        first = _until(answering)
        mute.stdout.close()
        os.kill(first, signal.SIGKILL)
        again = _until(lambda: answering(other_than=first))
        mute.send_signal(signal.SIGINT)
        assert mute.wait(PATIENCE_S) == 0
        assert gone([again])()
    finally:
        mute.kill()


def _until(look: Callable[[], int | None]) -> int:
    until = time.monotonic() + 3 * PATIENCE_S
    while (found := look()) is None:
        assert time.monotonic() < until, "a sandbox that answers expected, found none"
        time.sleep(0.1)
    return found


def test_an_unknown_process_is_named(tmp_path: Path) -> None:
    stack = Stack(tmp_path, "--only", "nothing")
    assert stack.process.wait(PATIENCE_S) == 1
    assert "--only takes names of the Procfile (web, " in stack.lines[-1]
