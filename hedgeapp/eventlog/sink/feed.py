"""Feed: the log's rows into the second store, from where that store ends; it alone says how far it is."""

from typing import Any, Final

import psycopg
import structlog
from psycopg.rows import tuple_row

from hedgeapp.eventlog import chain
from hedgeapp.eventlog.read import BATCH_ROWS, BATCH_SQL, END, ChainIsBroken
from hedgeapp.eventlog.sink import lag
from hedgeapp.eventlog.sink.held import GENESIS, Held, SegmentsDoNotFit, end, held, is_torn_at_the_end, read
from hedgeapp.eventlog.sink.places import Entry, NameIsTaken, Place, tail_name, whole_name
from hedgeapp.eventlog.sink.segments import Segment, SegmentIsCorrupt, SegmentIsTorn, hash_at, hashes, packed, segment

SEGMENT_BYTES_MAX: Final = 4 * 2**20  # a segment is closed when it has so many bytes of rows, or a little more
WHOLE_BYTES: Final = 16 * 2**20  # segments as they came are made one when together they have so many bytes
TAIL_MAX: Final = 900  # or when they are so many
CONNECT_S_MAX: Final = 3
STATEMENT_MS_MAX: Final = 10_000

log = structlog.get_logger()


class LogIsForked(RuntimeError):
    """Log and second store say different things of the same event: there are two histories."""

    def __init__(self, seq: int, ours: bytes, theirs: bytes) -> None:
        self.seq = seq
        super().__init__(
            f"the hash {theirs.hex()} that the second store has of event {seq} expected in the log, found {ours.hex()}:"
            " two histories. Nothing is written to the second store; 'manage.py eventlog verify --sink' says where they"
            " part, docs/recovery.md what to do"
        )


class LogIsBehind(RuntimeError):
    """The second store holds events that the log has lost."""

    def __init__(self, seq: int, head: int) -> None:
        self.seq = seq
        super().__init__(
            f"a log that has event {seq}, as the second store does, expected, found one that ends at {head}: "
            "the database has lost events. Stop everything and follow docs/recovery.md"
        )


class AnotherWriter(RuntimeError):
    """Another writer wrote to the second store meanwhile: begin again where it ended."""

    def __init__(self, name: str) -> None:
        super().__init__(f"to be the only writer of the second store expected, found {name} written by another")


class EpochIsOlder(RuntimeError):
    """The second store was written under a later epoch than ours."""

    def __init__(self, ours: int, theirs: int) -> None:
        super().__init__(
            f"epoch {theirs} or later expected, as the second store was written under, found {ours}: another took over"
        )


class Feed:
    """Writes to a place whatever the log has after the place's end; used by one thread at a time."""

    def __init__(self, place: Place, conninfo: str, epoch: int) -> None:
        self.place, self.epoch = place, epoch
        self.seq, self.hash = 0, chain.GENESIS
        self.has_begun = False
        self._conninfo = conninfo
        self._connection: psycopg.Connection[Any] | None = None
        self._tail: list[Entry] = []

    def begin(self) -> None:
        """Find where the place ends, cut a torn end, and make sure that the log goes on from there.

        Refuses with LogIsForked, LogIsBehind, EpochIsOlder, SegmentIsCorrupt, SegmentsDoNotFit, PlaceIsAway,
        PlaceIsFull, PlaceOverwrites.
        """
        self.place.prepare()
        found, last = self._end()
        if last.epoch > self.epoch:
            raise EpochIsOlder(self.epoch, last.epoch)
        self.seq, self.hash, self._tail = last.last, last.hash, list(found.tail)
        self.has_begun = True
        self._read(1)
        self._remove_covered(found)
        lag.say(self._open(), self.place.url, self.seq)
        log.info("sink.begun", place=self.place.url, seq=self.seq, epoch=self.epoch)

    def step(self) -> bool:
        """Write the next segment, if the log has grown, and return whether more waits.

        Refuses as `begin` does, and with ChainIsBroken, AnotherWriter.
        """
        rows, is_more = self._rows()
        if rows:
            self._write(self._made(rows))
            lag.say(self._open(), self.place.url, self.seq)
            self._join()
        return is_more

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _end(self) -> tuple[Held, Segment]:
        found = held(self.place)
        try:
            return found, end(self.place, found)
        except SegmentIsTorn as torn:
            if not is_torn_at_the_end(found, torn):
                raise
            log.error("sink.torn_end_set_aside", reason=str(torn), name=self.place.set_aside(torn.name))
            return self._end()

    def _made(self, rows: bytes) -> Segment:
        try:
            return segment(self.seq + 1, self.hash, self.epoch, rows)
        except SegmentIsCorrupt as error:
            raise ChainIsBroken(error.seq, error.expected, error.found) from error

    def _write(self, made: Segment) -> None:
        name, content = tail_name(made.first), packed(made)
        try:
            self.place.create(name, content)
        except NameIsTaken as taken:
            # It is ours if a store's answer was lost and its client asked again.
            if self.place.read(name) != content:
                raise AnotherWriter(name) from taken
        self.seq, self.hash = made.last, made.hash
        self._tail.append(Entry(name=name, first=made.first, last=0, size_bytes=len(content)))

    def _join(self) -> None:
        """Make one segment of those that came, when they are many, and then remove them."""
        tail = self._tail
        if len(tail) < TAIL_MAX and sum(entry.size_bytes for entry in tail) < WHOLE_BYTES:
            return
        parts = [read(self.place, entry) for entry in tail]
        made = segment(parts[0].first, parts[0].previous, self.epoch, b"".join(part.rows for part in parts))
        name = whole_name(made.first, made.last)
        try:
            self.place.create(name, packed(made))
        except NameIsTaken as taken:
            if self.place.read(name) != packed(made):
                raise AnotherWriter(name) from taken
        for entry in tail:
            self.place.remove(entry.name)
        self._tail = []
        log.info("sink.joined", segments=len(tail), name=name)

    def _remove_covered(self, found: Held) -> None:
        """Remove what an interrupted join or a late writer left behind, if it says the same as what covers it."""
        over, theirs = GENESIS, list[bytes]()
        for entry in found.covered:
            made = read(self.place, entry)
            if made.first > over.last:  # whole segments are long: each is read once
                over = read(self.place, next(one for one in found.entries if one.first <= made.first <= one.last))
                theirs = hashes(over)
            common = min(made.last, over.last)
            if theirs[common - over.first] != hash_at(made, common):
                raise SegmentsDoNotFit(entry.name, made.first, f"as {over.first} to {over.last} do", "two histories")
            if made.last > over.last:
                log.warning("sink.late_segment_set_aside", name=self.place.set_aside(entry.name))
            else:
                self.place.remove(entry.name)

    def _rows(self) -> tuple[bytes, bool]:
        """Read what comes next, about a segment of it, and say whether there is more."""
        parts: list[bytes] = []
        after = self.seq
        size = 0
        while size < SEGMENT_BYTES_MAX:
            blob, last = self._read(BATCH_ROWS, after)
            if blob is None:
                return b"".join(parts), False
            parts.append(blob)
            size, after = size + len(blob), last
        return b"".join(parts), True

    def _read(self, rows: int, after: int | None = None) -> tuple[bytes | None, int]:
        """Read rows after a seq; at our own, make sure that the log's hash there is the place's."""
        place = self.seq if after is None else after
        cursor = self._open().cursor(row_factory=tuple_row)
        cursor.execute(BATCH_SQL, {"after": place, "until": END, "rows": rows}, binary=True)
        blob, before, last = cursor.fetchone() or (None, None, None)
        if place == self.seq and place:
            if before is None:
                raise LogIsBehind(self.seq, self._head())
            if before != self.hash:
                raise LogIsForked(self.seq, before, self.hash)
        return blob, last or place

    def _head(self) -> int:
        row = self._open().execute("SELECT coalesce(max(seq), 0) FROM eventlog_event").fetchone()
        return int(row[0]) if row else 0

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                connect_timeout=CONNECT_S_MAX,
                application_name="sink",
                options=f"-c statement_timeout={STATEMENT_MS_MAX}",
                tcp_user_timeout=STATEMENT_MS_MAX,
            )
        return self._connection
