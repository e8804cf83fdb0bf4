"""Second stores in tests: fed, looked at, and damaged."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.sink.feed import Feed
from hedgeapp.eventlog.sink.places import Place
from tests.builders.log import AT, fills

# A process that replaces, in its own memory, one call to the system by one that kills it.
_DYING: Final = """
import os, signal, sys
from hedgeapp.eventlog.sink import feed
from hedgeapp.eventlog.sink.places import open_place

conninfo, url, call, when, number = sys.argv[1:]
asked, left = getattr(os, call), int(number)

def dying(*given, **named):
    global left
    left -= 1
    if not left and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = asked(*given, **named)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

feed.SEGMENT_BYTES_MAX, feed.BATCH_ROWS, feed.TAIL_MAX = 1, 2, 3
writer = feed.Feed(open_place(url), conninfo, 1)
writer.begin()
setattr(os, call, dying)
while writer.step():
    pass
"""


def grown(connection: psycopg.Connection[Any], count: int, first: int = 1) -> None:
    """Append fills, numbered from `first`."""
    with connection.transaction():
        append(connection, fills(count, first=first), at=AT)


@contextmanager
def begun(place: Place, conninfo: str, epoch: int = 1) -> Iterator[Feed]:
    """Give a feed that has found the place's end."""
    feed = Feed(place, conninfo, epoch)
    try:
        feed.begin()
        yield feed
    finally:
        feed.close()


def fed(place: Place, conninfo: str, epoch: int = 1) -> int:
    """Write everything that the log has to a place, and return the last seq."""
    with begun(place, conninfo, epoch) as feed:
        while feed.step():
            pass
        return feed.seq


def killed(conninfo: str, url: str, call: str, when: str, number: int) -> int:
    """Run a feed that dies before or after one of its calls to the system; return how the process ended."""
    given = [sys.executable, "-c", _DYING, conninfo, url, call, when, str(number)]
    root = Path(__file__).resolve().parent.parent.parent
    return subprocess.run(given, cwd=root, check=False, timeout=60).returncode


def flipped(file: Path, at: int) -> None:
    """Change one bit of a file's byte."""
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
