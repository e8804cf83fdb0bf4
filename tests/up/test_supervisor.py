"""A child is started again when it ends, and nothing of it is left behind."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.supervisor import Child
from hedgeapp.up.voice import Voice

PATIENCE_S = 60.0


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def child(script: str, voice: Voice) -> Child:
    return Child("worker", ["/bin/sh", "-c", script], {"PATH": os.defpath}, voice)


async def test_a_child_that_ends_is_started_again_and_reported(voice: Voice, said: io.StringIO) -> None:
    worker = child("echo here; exit 3", voice)
    await worker.start()
    await until(lambda: worker.restarts >= 2)
    await worker.stop()
    assert "worker    | here" in said.getvalue()
    assert "ended with exit code 3; restart 1 in 0.1 s" in said.getvalue()
    assert "restart 2 in 0.5 s" in said.getvalue()


async def test_a_killed_child_is_started_again_under_another_id(voice: Voice, said: io.StringIO) -> None:
    worker = child("sleep 60", voice)
    await worker.start()
    first = worker.pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: worker.pid not in {None, first})
    await worker.stop()
    assert f"worker (process {first}) was ended by SIGKILL; restart 1" in said.getvalue()


async def test_a_stopped_child_leaves_no_grandchild(voice: Voice, said: io.StringIO) -> None:
    worker = child("sleep 60 & echo $!; wait", voice)
    await worker.start()
    await until(lambda: "|" in said.getvalue())
    grandchild = int(said.getvalue().split()[-1])
    assert lives(grandchild)
    await worker.stop()
    await until(lambda: not lives(grandchild))


async def test_a_child_that_does_not_listen_is_killed(voice: Voice, said: io.StringIO) -> None:
    worker = child("trap '' TERM; echo deaf; while :; do sleep 1; done", voice)
    await worker.start()
    await until(lambda: "deaf" in said.getvalue())
    pid = worker.pid
    assert pid
    await worker.stop(bound_s=0.2)
    assert not lives(pid)


async def test_a_child_that_is_stopped_is_not_started_again(voice: Voice) -> None:
    worker = child("exit 1", voice)
    await worker.start()
    await until(lambda: worker.restarts >= 2)
    await worker.stop()
    assert not worker.is_alive


async def test_a_program_that_vanished_is_reported(voice: Voice, said: io.StringIO, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    worker = Child("worker", [str(program)], {}, voice)
    await worker.start()
    program.unlink()
    await until(lambda: "cannot be started" in said.getvalue())
    await worker.stop()


async def test_an_endless_line_is_passed_on_in_pieces(voice: Voice, said: io.StringIO) -> None:
    worker = child("head -c 200000 /dev/zero | tr '\\0' x; sleep 60", voice)
    await worker.start()
    await until(lambda: said.getvalue().count("x") > 16_000)
    await worker.stop()


def test_children_of_a_killed_supervisor_end() -> None:
    script = """
import asyncio
from hedgeapp.up.supervisor import Child
from hedgeapp.up.voice import Voice

async def main():
    child = Child("worker", ["sleep", "60"], {"PATH": "/usr/bin:/bin"}, Voice())
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    assert lives(pid)
    supervisor.kill()
    supervisor.wait()

    async def gone() -> None:
        await until(lambda: not lives(pid))

    asyncio.run(gone())
