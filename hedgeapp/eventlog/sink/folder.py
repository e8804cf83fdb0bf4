"""Folder: segments as files, each written beside, flushed, given its name if nobody has it, and the folder flushed."""

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from hedgeapp.eventlog.sink.places import ABOUT, README, Entry, NameIsTaken, PlaceIsAway, PlaceIsFull, entry

_PART: Final = ".part"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

log = structlog.get_logger()


class Folder:
    """A place on a file system that has hard links: POSIX, NFS."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = path.as_uri()

    def prepare(self) -> None:
        """Make the folder, and remove what a killed writer left half written."""
        with self._asked():
            if not self.path.is_dir():
                self.path.mkdir(mode=0o700, parents=True)
                _flushed(self.path.parent)
            for left in self.path.glob(f"*{_PART}"):
                log.warning("sink.half_written_removed", file=left.name)
                left.unlink(missing_ok=True)
        if not (self.path / README).exists():
            with contextlib.suppress(NameIsTaken):
                self.create(README, ABOUT.encode())

    def entries(self) -> list[Entry]:
        """Return all segments by first seq."""
        with self._asked():
            if not self.path.exists():
                return []
            with os.scandir(self.path) as files:
                found = [entry(file.name, file.stat().st_size) for file in files]
        return sorted((one for one in found if one), key=lambda one: one.name)

    def read(self, name: str) -> bytes:
        """Return a segment's bytes."""
        with self._asked():
            return (self.path / name).read_bytes()

    def create(self, name: str, content: bytes) -> None:
        """Write a segment durably, or nothing at all."""
        part = self.path / f"{name}.{os.getpid()}.{os.urandom(4).hex()}{_PART}"
        with self._asked(len(content)):
            try:
                _written(part, content)
                # Unlike a rename, a link never takes the place of another file.
                os.link(part, self.path / name)
            except FileExistsError as error:
                raise NameIsTaken(name) from error
            finally:
                part.unlink(missing_ok=True)
            _flushed(self.path)

    def set_aside(self, name: str) -> str:
        """Give a segment a name under which nobody looks for it."""
        to = f"{name}.{os.urandom(4).hex()}.torn"
        with self._asked():
            os.rename(self.path / name, self.path / to)
            _flushed(self.path)
        return to

    def remove(self, name: str) -> None:
        """Remove a segment whose rows stand in another one."""
        with self._asked():
            (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def _asked(self, size_bytes: int = 0) -> Iterator[None]:
        try:
            yield
        except (NameIsTaken, PlaceIsAway, PlaceIsFull):
            raise
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            if error.errno in _NO_ROOM:
                raise PlaceIsFull(self.url, size_bytes, reason) from error
            raise PlaceIsAway(self.url, reason) from error


def _written(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flushed(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
