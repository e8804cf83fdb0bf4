"""Held: what a place holds, in the order of the log, each segment fitting the one before it."""

from collections.abc import Iterator, Sequence
from typing import Final

from hedgeapp.core.records import record
from hedgeapp.eventlog import chain
from hedgeapp.eventlog.sink.places import Entry, Place
from hedgeapp.eventlog.sink.segments import Segment, SegmentIsCorrupt, SegmentIsTorn, unpacked

GENESIS: Final = Segment(first=0, last=0, epoch=0, previous=b"", hash=chain.GENESIS, rows=b"")  # before the first event


class SegmentsDoNotFit(ValueError):
    """Two segments that follow each other do not: rows are missing between them, or they are of two logs."""

    def __init__(self, name: str, seq: int, expected: str, found: str) -> None:
        self.name, self.seq = name, seq
        super().__init__(f"segment {name} expected to go on at seq {seq} {expected}, found {found}")


@record
class Held:
    """The segments that make the log, and those whose rows stand in a longer one too."""

    entries: Sequence[Entry]
    covered: Sequence[Entry]

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)

    @property
    def tail(self) -> Sequence[Entry]:
        """The segments that are not yet part of a longer one."""
        return [entry for entry in self.entries if not entry.last]


def held(place: Place) -> Held:
    """Return what a place holds by name, without reading it; refuse with PlaceIsAway."""
    entries: list[Entry] = []
    covered: list[Entry] = []
    until = 0  # the last seq that stands in a segment whose name says so
    for entry in sorted(place.entries(), key=lambda one: (one.first, -one.last)):
        (covered if entry.first <= until else entries).append(entry)
        until = max(until, entry.last)
    return Held(entries=entries, covered=covered)


def walk(place: Place, found: Held, after: int = 0) -> Iterator[tuple[Entry, Segment]]:
    """Yield the segments that hold what comes after a seq, verified, each fitting the one before it.

    Refuses with SegmentsDoNotFit, SegmentIsCorrupt, SegmentIsTorn, PlaceIsAway.
    """
    start = sum(entry.first <= after + 1 for entry in found.entries) - 1
    before = GENESIS if start <= 0 else None
    for entry in found.entries[max(0, start) :]:
        made = read(place, entry)
        if before is not None:
            _require_fit(entry, made, before)
        before = made
        if made.last > after:
            yield entry, made


def end(place: Place, found: Held) -> Segment:
    """Return the last segment, verified, GENESIS if there is none; refuse as `walk` does."""
    return read(place, found.entries[-1]) if found.entries else GENESIS


def is_torn_at_the_end(found: Held, torn: SegmentIsTorn) -> bool:
    """Tell whether only the last write was never finished, so that nothing after it is in doubt."""
    return bool(found.entries) and found.entries[-1].name == torn.name


def read(place: Place, entry: Entry) -> Segment:
    """Return a segment, verified, and refuse one that is not what its name says."""
    made = unpacked(entry.name, place.read(entry.name))
    if made.first != entry.first or (entry.last and made.last != entry.last):
        raise SegmentIsCorrupt(entry.name, 0, "the events that its name says", f"events {made.first} to {made.last}")
    return made


def _require_fit(entry: Entry, made: Segment, before: Segment) -> None:
    if made.first != before.last + 1:
        raise SegmentsDoNotFit(entry.name, before.last + 1, "after the segment before it", f"events from {made.first}")
    if made.previous != before.hash:
        raise SegmentsDoNotFit(
            entry.name, made.first, f"after the hash {before.hash.hex()}", f"{made.previous.hex()}: two logs"
        )
