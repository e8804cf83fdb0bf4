"""Places: where segments are kept, a folder or a bucket; what is written there is never written again."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from hedgeapp.core.records import record

_NAME: Final = re.compile(r"(\d{19})(?:-(\d{19})\.segment|\.tail)")
README: Final = "README.txt"
ABOUT: Final = """\
The event log of a hedgeapp installation, second store. Nothing here is ever changed.

FIRST.tail          a segment as it came, from event FIRST on
FIRST-LAST.segment  many of them in one, after which they are removed
*.torn              a segment whose writing was interrupted, set aside; its rows were written again after it

A segment is: "hedgeapp eventlog segment 1\\n"; first seq, last seq, epoch of the writer and length of the rows (8-byte
big-endian integers each); the SHA-256 hash before the first row and that of the last one; CRC-32 of these 96 bytes
(4 bytes big-endian); the rows; SHA-256 of everything before it.

A row is: material, then hash = SHA-256(hash of the row before, material); before event 1 stand 32 zero bytes.
material = field(seq) field(recorded_at) field(kind) field(key) field(body), where field(x) is the length of x in bytes
(4-byte big-endian integer) and x. seq is an 8-byte big-endian integer, recorded_at too: microseconds since
2000-01-01T00:00:00Z. kind and key are UTF-8, body is JSON.

To build a database from it: manage.py eventlog restore --from URL-OF-THIS-PLACE
"""


class UrlIsUnknown(ValueError):
    """A place was named in a way that is not understood."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"file:///folder or s3://bucket/prefix expected as the place of the second store, found {url!r}"
        )


class NameIsTaken(FileExistsError):
    """A segment was to be created where one is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no {name} expected in the second store, found one: another writer was here")


class PlaceIsFull(OSError):
    """There is no room for a segment."""

    def __init__(self, url: str, size_bytes: int, reason: str) -> None:
        super().__init__(f"room for {size_bytes} bytes expected at {url}, found none ({reason}): free some")


class PlaceIsAway(OSError):
    """A place does not answer, or refuses us."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"the second store at {url} expected to answer, found: {reason}")


class PlaceOverwrites(OSError):
    """A place does not refuse a second object of the same name, so that two writers could harm each other."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"a place that refuses to create the same object twice (If-None-Match) expected, found {url} accepting it: "
            "choose another"
        )


@record
class Entry:
    """A segment by its name; `last` is 0 where the name does not say it."""

    name: str
    first: int
    last: int
    size_bytes: int


class Place(Protocol):
    """Where segments are kept; all refuse with PlaceIsAway."""

    url: str

    def prepare(self) -> None:
        """Make the place fit to be written to, and remove what a killed writer left half written.

        Refuses with PlaceOverwrites, PlaceIsFull.
        """

    def entries(self) -> list[Entry]:
        """Return all segments by first seq; none where nothing was ever written."""

    def read(self, name: str) -> bytes:
        """Return a segment's bytes."""

    def create(self, name: str, content: bytes) -> None:
        """Write a segment durably, or nothing at all; refuse with NameIsTaken, PlaceIsFull."""

    def set_aside(self, name: str) -> str:
        """Give a segment a name under which nobody looks for it, and return that."""

    def remove(self, name: str) -> None:
        """Remove a segment whose rows stand in another one."""


def tail_name(first: int) -> str:
    """Return the name of a segment as it came: only one can ever begin at a seq."""
    return f"{first:019d}.tail"


def whole_name(first: int, last: int) -> str:
    """Return the name of a segment that was made of many."""
    return f"{first:019d}-{last:019d}.segment"


def entry(name: str, size_bytes: int) -> Entry | None:
    """Return what a name says, None if it is not a segment's."""
    found = _NAME.fullmatch(name)
    return found and Entry(name=name, first=int(found[1]), last=int(found[2] or 0), size_bytes=size_bytes)


def open_place(url: str) -> Place:
    """Return the place that a URL names, without looking at it; refuse with UrlIsUnknown."""
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.hostname and not parts.username and not parts.query:
        # The client of object stores is loaded only where there is one.
        bucket: Callable[[str], Place] = import_module("hedgeapp.eventlog.sink.bucket").Bucket
        return bucket(url.rstrip("/"))
    path = Path(unquote(parts.path))
    if parts.scheme == "file" and not parts.netloc and path.is_absolute():
        from hedgeapp.eventlog.sink.folder import Folder

        return Folder(path)
    raise UrlIsUnknown(url)
