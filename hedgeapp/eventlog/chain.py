"""Chain: what is hashed, byte by byte, and how each row of the log holds the one before it.

    hash(n) = SHA-256( hash(n − 1) ‖ material(n) ),   hash(0) = 32 zero bytes

    material = field(seq) ‖ field(recorded_at) ‖ field(kind) ‖ field(key) ‖ field(body)
    field(x) = length of x in bytes, as a 4-byte big-endian integer ‖ x
    seq          8-byte big-endian integer
    recorded_at  8-byte big-endian integer: microseconds since 2000-01-01T00:00:00Z
    kind, key    UTF-8
    body         the stored bytes as they are

This is also the form in which PostgreSQL's binary COPY carries these columns, so that the bytes that are hashed are the
bytes that are sent. The database computes the same in `eventlog_check_chain` and refuses a row that does not fit.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from struct import Struct

GENESIS = bytes(32)
HASH_BYTES = 32

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLACE = Struct(">iqiq")  # length and seq, length and recorded_at
_FIXED = Struct(">iqiqi")  # the same, and the length of kind
_LENGTH = Struct(">i")

# The material of a row and its hash, in SQL; read with `rows`.
MATERIAL_SQL = (
    r"'\x00000008'::bytea || int8send(seq) || '\x00000008'::bytea || timestamptz_send(recorded_at)"
    r" || int4send(octet_length(kind)) || textsend(kind) || int4send(octet_length(key)) || textsend(key)"
    r" || int4send(octet_length(body)) || body"
)


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 2000-01-01 UTC, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def moment(taken_us: int) -> datetime:
    """Return the time of so many microseconds since 2000-01-01 UTC."""
    return _EPOCH + timedelta(microseconds=taken_us)


def words(kind: bytes, key: bytes, body: bytes) -> bytes:
    """Return what a row's hash covers and what is known before the row has its place."""
    length = _LENGTH.pack
    return b"".join((length(len(kind)), kind, length(len(key)), key, length(len(body)), body))


def material(seq: int, taken_us: int, words: bytes) -> bytes:
    """Return the bytes of one row that its hash covers."""
    return _PLACE.pack(8, seq, 8, taken_us) + words


def link(previous: bytes, row: bytes) -> bytes:
    """Return the hash of a row's material after the previous row's hash."""
    return hashlib.sha256(previous + row).digest()


def rows(blob: bytes) -> Iterator[tuple[int, int, bytes, bytes, bytes, bytes, bytes]]:
    """Take apart many rows' (material ‖ hash): seq, recorded_at in µs, kind, key, body, material, hash of each."""
    fixed, length = _FIXED.unpack_from, _LENGTH.unpack_from
    start, end = 0, len(blob)
    while start < end:
        _, seq, _, taken_us, size = fixed(blob, start)
        at = start + 28 + size
        kind = blob[start + 28 : at]
        size = length(blob, at)[0]
        key = blob[at + 4 : at + 4 + size]
        at += 4 + size
        size = length(blob, at)[0]
        at += 4
        stop = at + size
        yield seq, taken_us, kind, key, blob[at:stop], blob[start:stop], blob[stop : stop + HASH_BYTES]
        start = stop + HASH_BYTES
