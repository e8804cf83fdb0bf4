"""A whole stack for a test: `python -m hedgeapp.up` in a folder of its own, on ports of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.environment import for_children, kept_secrets
from hedgeapp.up.ports import free_port, noted_port
from hedgeapp.up.servers import missing

READY_S_MAX = 240.0  # on a busy machine
STOP_S_MAX = 60.0
LOOK_S = 0.05

Found = TypeVar("Found")

# How the command line of each process can be told from the others'.
MARKS = {
    "web": "uvicorn",
    "tasks": "tasks@",
    "feeds": "feeds@",
    "accounts": "accounts@",
    "engine": "engine@",
    "screen": "screen@",
    "orders": "orders@",
    "urgent": "urgent@",
    "moves": "moves@",
    "reconciliation": "reconciliation@",
    "sandbox": "-m sandbox run",
    "postgres": "postgres -D",
    "valkey": "valkey-server",
}
OWN_SERVERS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_MOVES_URL",
    "REDIS_URL",
    "HEDGEAPP_SECRET_KEY",
    "HEDGEAPP_FIELD_KEYS",
)


class Stack:
    """A running stack: where it is, what it says, and its processes."""

    def __init__(self, var: Path, *options: str, **environment: str) -> None:
        """Start it; `environment` adds to a bare one, with free ports unless it gives `PORT` and `SANDBOX_PORT`."""
        self.var = var
        bare = {name: value for name, value in os.environ.items() if name not in OWN_SERVERS}
        ports = {"HEDGEAPP_VAR": str(var), "PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
        self._given = bare | ports | environment
        self.port, self.sandbox_port = int(self._given["PORT"]), int(self._given["SANDBOX_PORT"])
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hedgeapp.up", *options],
            cwd=ROOT,
            env=self._given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip() for line in self.process.stdout)

    @property
    def url(self) -> str:
        """The address of the pages."""
        return f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        """The address of the outside world."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def login(self) -> str:
        """The link that logs in once."""
        return self.said(r"log in, once: (http\S+)")

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its processes have, for a command or a client beside them."""
        urls = missing(self.var, noted_port, given=self._given).urls
        own = for_children(self.var, kept_secrets(self.var), urls)
        return own | self._given | urls | kept_secrets(self.var)

    def said(self, pattern: str, within_s: float = READY_S_MAX) -> str:
        """Wait until a line matches; return its first group, or the line."""

        def found() -> str | None:
            for line in list(self.lines):
                if match := re.search(pattern, line):
                    return match.group(1) if match.re.groups else line
            return None

        return self.until(found, within_s, f"a line like {pattern!r}")

    def until(self, look: Callable[[], Found | None], within_s: float, what: str) -> Found:
        """Wait until a look finds something."""
        until = time.monotonic() + within_s
        while (found := look()) is None:
            if time.monotonic() > until or self.process.poll() is not None:
                last = "\n".join(self.lines[-60:])
                raise AssertionError(f"Expected {what} within {within_s:g} s; the stack said:\n{last}")
            time.sleep(LOOK_S)
        return found

    def pid(self, name: str, other_than: int | None = None) -> int:
        """Wait for the process of that name and return its id."""

        def found() -> int | None:
            return next((pid for pid in self.pids() if MARKS[name] in _command(pid) and pid != other_than), None)

        return self.until(found, READY_S_MAX, f"a process {name}")

    def pids(self) -> list[int]:
        """Return the ids of all its processes."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError):
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    found.append(int(folder.name))
        return found

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            code = self.process.wait(STOP_S_MAX)
        finally:
            self.process.kill()
        self._ear.join(5)
        return code


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


@contextmanager
def running_stack(var: Path, *options: str, **environment: str) -> Iterator[Stack]:
    """Run a stack, ready, while the block lasts."""
    stack = Stack(var, *options, **environment)
    try:
        stack.said(r"\| ready after")
        yield stack
    finally:
        stack.stop()
