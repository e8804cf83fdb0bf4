"""Voice: what the supervisor and its children say, line by line, on one terminal."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

COLORS = (36, 33, 32, 35, 34, 96, 93, 92)  # ANSI foregrounds, by order of appearance
NAME_WIDTH = 9
OWN_NAME = "up"
DEAF = (errno.EPIPE, errno.EIO)  # the reader of a pipe has ended, the terminal is gone


class Voice:
    """Writes lines to one stream, each after the name of who says it, in that name's color on a terminal."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._colors: dict[str, int] = {}
        self._is_terminal = stream.isatty()

    def say(self, text: str, name: str = OWN_NAME) -> None:
        """Write one line."""
        label = f"{name:<{NAME_WIDTH}} |"
        if self._is_terminal:
            color = self._colors.setdefault(name, COLORS[len(self._colors) % len(COLORS)])
            label = f"\x1b[{color}m{label}\x1b[0m"
        try:
            print(f"{label} {text}", file=self._stream, flush=True)
        except OSError as error:
            # What runs goes on and ends in order, heard or not; a disk that is full for now costs lines, no more.
            if error.errno in DEAF:
                with open(os.devnull, "w") as nowhere:
                    os.dup2(nowhere.fileno(), self._stream.fileno())

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Say when a step is done and how many seconds it took."""
        started = time.monotonic()
        yield
        self.say(f"{label}: {time.monotonic() - started:.1f} s")
