"""Verify: every row against its hash, every event against its key, the whole log against its signed heads."""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from hedgeapp.core.records import record
from hedgeapp.eventlog import chain, codec
from hedgeapp.eventlog.read import BATCH_ROWS, BATCH_SQL, END, ChainIsBroken


@record
class Verified:
    """What was verified: the rows after `after`, up to `seq` with `hash`, and how many signed heads agreed."""

    after: int
    seq: int
    hash: bytes
    heads: int


def verify(connection: psycopg.Connection[Any], signed: Iterable[tuple[int, bytes]] = (), after: int = 0) -> Verified:
    """Read every row after a seq and refuse with ChainIsBroken at the first that is not as it was written.

    Found are: a gap, a changed kind, key, time or body, a key that is not its event's, a tail that was cut (a signed
    head beyond the end), a log that was written anew (a signed head with another hash).
    """
    heads = dict(signed)
    previous = _hash_at(connection, after) if after else chain.GENESIS
    agreed, start = 0, after
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    while True:
        cursor.execute(BATCH_SQL, {"after": after, "until": END, "rows": BATCH_ROWS}, binary=True)
        row = cursor.fetchone()
        if row is None or row[0] is None:
            break
        previous, seen = _batch(row[0], after, previous, heads)
        after, agreed = row[2], agreed + seen
    _require_tail(heads, after)
    return Verified(after=start, seq=after, hash=previous, heads=agreed)


def _batch(blob: bytes, place: int, previous: bytes, heads: Mapping[int, bytes]) -> tuple[bytes, int]:
    """Verify a batch after a seq and its hash; return the last hash and how many signed heads agreed."""
    agreed = 0
    for seq, _taken_us, kind, key, body, row, hash_ in chain.rows(blob):
        place += 1
        if seq != place:
            raise ChainIsBroken(place, f"a row with seq {place}", f"a gap: the next row is {seq}")
        expected = chain.link(previous, row)
        if expected != hash_:
            raise ChainIsBroken(seq, f"hash {expected.hex()} of its content", hash_.hex())
        event = codec.decode(kind.decode(), body)
        if event.key.encode() != key:
            raise ChainIsBroken(seq, f"key {event.key}", key.decode())
        if seq in heads:
            if heads[seq] != hash_:
                raise ChainIsBroken(seq, f"the signed hash {heads[seq].hex()}", hash_.hex())
            agreed += 1
        previous = hash_
    return previous, agreed


def _require_tail(heads: Mapping[int, bytes], seq: int) -> None:
    beyond = sorted(signed for signed in heads if signed > seq)
    if beyond:
        raise ChainIsBroken(seq + 1, f"rows up to the signed head at seq {beyond[-1]}", f"the end at seq {seq}")


def _hash_at(connection: psycopg.Connection[Any], seq: int) -> bytes:
    row = connection.execute("SELECT hash FROM eventlog_event WHERE seq = %s", (seq,)).fetchone()
    if row is None:
        raise ChainIsBroken(seq, f"a row with seq {seq} to begin after", "none")
    return bytes(row[0])
