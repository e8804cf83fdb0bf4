"""The forge: forks warm processes that die when told to (tests.builders.dying), and hears what becomes of them."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
from django.db import Error

from tests.builders.accounts import ROOT

WAIT_S: Final = 90.0  # on a busy machine
LOOK_S: Final = 0.02
Found = TypeVar("Found")


class Forge:
    """The process that forks the others; it has loaded the project."""

    def __init__(self, log: Path, database_url: str) -> None:
        self._log = log
        self._asked = 0
        self._said: dict[tuple[int, str], dict[str, Any]] = {}
        self._forked: queue.Queue[int] = queue.Queue()
        self._loaded = threading.Event()
        self._errors = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.builders.dying"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "hedgeapp.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            match told["said"]:
                case "forked":
                    self._forked.put(told["forked"])
                case "loaded":
                    self._loaded.set()
                case said:
                    self._said[told["pid"], said] = told

    def fork(self, role: str, given: str = "", **how: Any) -> int:
        """Fork a process and return its id; see tests.builders.dying."""
        assert self._loaded.wait(WAIT_S), "the forge did not load the project"
        assert self.process.stdin is not None
        self._asked += 1
        asked = {"number": self._asked, "role": role, "given": given, "log": str(self._log), **how}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self._forked.get(timeout=WAIT_S)

    def told(self, pid: int, said: str) -> dict[str, Any]:
        """Wait until a process said something."""
        return until(lambda: self._said.get((pid, said)), f"process {pid} to say {said!r}")

    def gone(self, pid: int) -> None:
        """Wait until a process is no more."""
        until(lambda: None if Path(f"/proc/{pid}").exists() else True, f"process {pid} to be gone")

    def kill(self, pid: int) -> None:
        """Kill a process of ours and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.gone(pid)

    def close(self) -> None:
        """End all processes."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(WAIT_S)
        self._errors.close()


def until(look: Callable[[], Found | None], what: str, found_instead: Callable[[], str] = str) -> Found:
    """Wait until a look finds something; a database that is coming back is waited for."""
    end = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(psycopg.Error, Error, OSError):
            found = look()
            if found is not None:
                return found
        if time.monotonic() > end:
            raise AssertionError(f"Expected {what} within {WAIT_S:g} s, found {found_instead() or 'nothing'}")
        time.sleep(LOOK_S)
