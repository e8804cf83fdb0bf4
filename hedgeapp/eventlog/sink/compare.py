"""Compare: every segment verified, and every row of it byte for byte the one that the log has."""

from typing import Any

import psycopg
from psycopg.rows import tuple_row

from hedgeapp.core.records import record
from hedgeapp.eventlog.chain import HASH_BYTES
from hedgeapp.eventlog.read import BATCH_ROWS, BATCH_SQL
from hedgeapp.eventlog.sink.held import GENESIS, held, walk
from hedgeapp.eventlog.sink.places import Entry, Place
from hedgeapp.eventlog.sink.segments import Segment, bounds


class LogAndStorePart(ValueError):
    """Log and second store differ: it names the first event of which they do not say the same."""

    def __init__(self, name: str, seq: int, ours: str, theirs: str) -> None:
        self.name, self.seq = name, seq
        super().__init__(
            f"log and second store expected to say the same, found that they part at seq {seq}: "
            f"hash {theirs} in segment {name}, {ours} in the log"
        )


@record
class Compared:
    """What the second store holds and the log says too, up to `seq` with `hash`."""

    segments: int
    size_bytes: int
    seq: int
    hash: bytes


def compare(connection: psycopg.Connection[Any], place: Place) -> Compared:
    """Verify the whole second store and compare it with the log.

    Refuses with LogAndStorePart, SegmentIsCorrupt, SegmentIsTorn, SegmentsDoNotFit, PlaceIsAway.
    """
    found, last = held(place), GENESIS
    for entry, made in walk(place, found):
        _require_same(connection, entry, made)
        last = made
    return Compared(segments=len(found.entries), size_bytes=found.size_bytes, seq=last.last, hash=last.hash)


def _require_same(connection: psycopg.Connection[Any], entry: Entry, made: Segment) -> None:
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    after, at = made.first - 1, 0
    while after < made.last:
        cursor.execute(BATCH_SQL, {"after": after, "until": made.last, "rows": BATCH_ROWS}, binary=True)
        blob, _, last = cursor.fetchone() or (None, None, None)
        ours, theirs = blob or b"", made.rows[at : at + len(blob or b"")]
        if not ours or ours != theirs:
            _part(entry, after, ours, made.rows[at:])
        after, at = last, at + len(ours)


def _part(entry: Entry, after: int, ours: bytes, theirs: bytes) -> None:
    """Refuse with the first row that differs."""
    rows = (ours[start:stop] for start, stop in bounds(ours))
    for seq, (start, stop) in enumerate(bounds(theirs), after + 1):
        row, hash_ = next(rows, b""), theirs[stop - HASH_BYTES : stop]
        if row != theirs[start:stop]:
            raise LogAndStorePart(entry.name, seq, _described(row, hash_), hash_.hex())


def _described(row: bytes, theirs: bytes) -> str:
    if not row:
        return "no such event"
    return "another row under that hash" if row[-HASH_BYTES:] == theirs else row[-HASH_BYTES:].hex()
