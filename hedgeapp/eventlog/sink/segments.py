"""Segments: runs of the log's rows as immutable files that verify themselves.

    segment = magic ‖ head ‖ CRC-32 of the head ‖ rows ‖ SHA-256 of everything before it
    magic   = "hedgeapp eventlog segment 1\n"
    head    = first seq, last seq, epoch of the writer, length of rows: 8-byte big-endian integers each
              ‖ hash of the row before the first ‖ hash of the last row
    rows    = (material ‖ hash) of each row, exactly as `eventlog/chain.py` documents them

The head says how long a segment is, so that one whose end is missing is told from one whose bytes have changed.
"""

import hashlib
import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Final

from hedgeapp.core.records import record
from hedgeapp.eventlog import chain

MAGIC: Final = b"hedgeapp eventlog segment 1\n"
_HEAD: Final = Struct(">qqqq32s32s")
_CRC: Final = Struct(">I")
_FIXED: Final = Struct(">iqiqi")  # length and seq, length and recorded_at, length of kind
_LENGTH: Final = Struct(">i")
ROWS_AT: Final = len(MAGIC) + _HEAD.size + _CRC.size
DIGEST_BYTES: Final = 32
_LEAST_BYTES: Final = ROWS_AT + DIGEST_BYTES


class SegmentIsTorn(ValueError):
    """A segment ends before its end: a write that was never finished."""

    def __init__(self, name: str, expected: int, found: int) -> None:
        self.name = name
        super().__init__(f"{expected} bytes expected in segment {name}, found {found}: its end was never written")


class SegmentIsCorrupt(ValueError):
    """A segment is not what was written: it names the first bad row, or 0 where the rows are sound."""

    def __init__(self, name: str, seq: int, expected: str, found: str) -> None:
        self.name, self.seq, self.expected, self.found = name, seq, expected, found
        where = f"segment {name} at seq {seq}" if seq else f"segment {name}"
        super().__init__(f"{where} is not as it was written: {expected} expected, found {found}")


@record
class Segment:
    """A verified run of rows: `previous` is the hash before the first one, `hash` that of the last one."""

    first: int
    last: int
    epoch: int
    previous: bytes
    hash: bytes
    rows: bytes

    @property
    def events(self) -> int:
        return self.last - self.first + 1


def segment(first: int, previous: bytes, epoch: int, rows: bytes) -> Segment:
    """Make a segment of rows (material ‖ hash each) that follow a hash; refuse with SegmentIsCorrupt at the first bad.

    `first` is the seq that the first row must have. There is at least one row.
    """
    return _verified("to be written", first, previous, epoch, rows)


def packed(made: Segment) -> bytes:
    """Return the bytes of a segment."""
    head = _HEAD.pack(made.first, made.last, made.epoch, len(made.rows), made.previous, made.hash)
    content = b"".join((MAGIC, head, _CRC.pack(zlib.crc32(head)), made.rows))
    return content + hashlib.sha256(content).digest()


def unpacked(name: str, content: bytes) -> Segment:
    """Return the segment of some bytes, every hash verified; refuse with SegmentIsTorn, SegmentIsCorrupt."""
    if content[: len(MAGIC)] != MAGIC[: len(content)]:
        raise SegmentIsCorrupt(name, 0, f"its first line {MAGIC.decode().strip()!r}", repr(content[: len(MAGIC)]))
    if len(content) < _LEAST_BYTES:
        raise SegmentIsTorn(name, _LEAST_BYTES, len(content))
    head = content[len(MAGIC) : ROWS_AT - _CRC.size]
    if _CRC.unpack_from(content, ROWS_AT - _CRC.size)[0] != zlib.crc32(head):
        raise SegmentIsCorrupt(name, 0, "a head that fits its checksum", "another head")
    first, last, epoch, length, previous, hash_ = _HEAD.unpack(head)
    if len(content) < _LEAST_BYTES + length:
        raise SegmentIsTorn(name, _LEAST_BYTES + length, len(content))
    if len(content) > _LEAST_BYTES + length:
        raise SegmentIsCorrupt(name, 0, f"{_LEAST_BYTES + length} bytes", f"{len(content)}")
    found = _verified(name, first, previous, epoch, content[ROWS_AT:-DIGEST_BYTES])
    if (found.last, found.hash) != (last, hash_):
        raise SegmentIsCorrupt(name, 0, f"its last row at seq {last} as its head says", f"seq {found.last}")
    digest = hashlib.sha256(content[:-DIGEST_BYTES]).digest()
    if digest != content[-DIGEST_BYTES:]:
        raise SegmentIsCorrupt(name, 0, f"the digest {digest.hex()}", content[-DIGEST_BYTES:].hex())
    return found


def bounds(rows: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each row's material begins and where its hash ends, in rows that were verified."""
    at, end = 0, len(rows)
    while at < end:
        start = at
        at += _FIXED.size + _FIXED.unpack_from(rows, at)[4]
        at += _LENGTH.size + _LENGTH.unpack_from(rows, at)[0]
        at += _LENGTH.size + _LENGTH.unpack_from(rows, at)[0] + chain.HASH_BYTES
        yield start, at


def hashes(made: Segment) -> list[bytes]:
    """Return the hash of each row of the segment."""
    return [made.rows[stop - chain.HASH_BYTES : stop] for _, stop in bounds(made.rows)]


def hash_at(made: Segment, seq: int) -> bytes:
    """Return the hash of a row of the segment, or of the one before its first; refuse with LookupError."""
    if seq == made.first - 1:
        return made.previous
    for number, (_, stop) in enumerate(bounds(made.rows), made.first):
        if number == seq:
            return made.rows[stop - chain.HASH_BYTES : stop]
    raise LookupError(f"a seq from {made.first - 1} to {made.last} expected, found {seq}")


def after(made: Segment, seq: int) -> bytes:
    """Return the rows of the segment that come after a seq."""
    if seq < made.first:
        return made.rows
    for number, (_, stop) in enumerate(bounds(made.rows), made.first):
        if number == seq:
            return made.rows[stop:]
    return b""


def _verified(name: str, first: int, previous: bytes, epoch: int, rows: bytes) -> Segment:
    """Walk the rows, trusting no length, and refuse the first one that is not what its hash says."""
    at, seq, hash_ = 0, first - 1, previous
    while at < len(rows) or seq < first:
        seq += 1
        stop = _end_of_row(rows, at)
        if stop is None:
            raise SegmentIsCorrupt(name, seq, "a whole row", "lengths that do not fit")
        number = _FIXED.unpack_from(rows, at)[1]
        if number != seq:
            raise SegmentIsCorrupt(name, seq, f"a row with seq {seq}", f"one with seq {number}")
        expected = chain.link(hash_, rows[at : stop - chain.HASH_BYTES])
        hash_ = rows[stop - chain.HASH_BYTES : stop]
        if hash_ != expected:
            raise SegmentIsCorrupt(name, seq, f"hash {expected.hex()} of its content", hash_.hex())
        at = stop
    return Segment(first=first, last=seq, epoch=epoch, previous=previous, hash=hash_, rows=rows)


def _end_of_row(rows: bytes, start: int) -> int | None:
    """Return where the row that begins here ends, hash included; None if it cannot be one."""
    at = start + _FIXED.size
    if at > len(rows):
        return None
    of_seq, _, of_time, _, size = _FIXED.unpack_from(rows, start)
    if (of_seq, of_time) != (8, 8):
        return None
    for has_more in (True, True, False):
        if size < 0 or at + size > len(rows):
            return None
        at += size
        if has_more:
            if at + _LENGTH.size > len(rows):
                return None
            (size,) = _LENGTH.unpack_from(rows, at)
            at += _LENGTH.size
    at += chain.HASH_BYTES
    return at if at <= len(rows) else None
