"""Snapshot: a dumped state as of a seq, so that a rebuild reads only the log's tail.

A snapshot is never trusted further than the log: one of another log (hash), of other code (version) or of a seq that
the log does not have is passed over, and the fold begins at the first event.
"""

from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from hedgeapp.core.records import record

KEPT: Final = 5  # snapshots of one name

_STORE = """
INSERT INTO eventlog_snapshot (name, seq, hash, version, state, taken_at)
SELECT %s, seq, hash, %s, %s, %s FROM eventlog_event WHERE seq = %s
ON CONFLICT (name, seq) DO UPDATE
   SET hash = excluded.hash, version = excluded.version, state = excluded.state, taken_at = excluded.taken_at
"""
_PRUNE = """
DELETE FROM eventlog_snapshot WHERE name = %s AND seq NOT IN
       (SELECT seq FROM eventlog_snapshot WHERE name = %s ORDER BY seq DESC LIMIT %s)
"""
_SEQS = """
SELECT kept.seq FROM eventlog_snapshot AS kept JOIN eventlog_event AS log USING (seq, hash)
 WHERE kept.name = %s AND kept.version = %s
"""
_LOAD = """
SELECT kept.seq, kept.state FROM eventlog_snapshot AS kept JOIN eventlog_event AS log USING (seq, hash)
 WHERE kept.name = %s AND kept.version = %s AND kept.seq <= %s ORDER BY kept.seq DESC LIMIT 1
"""


class SeqIsUnknown(ValueError):
    """A state was dumped as of a seq that the log does not have."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"a state as of a seq in the log expected, found {seq}")


@record
class Snapshot:
    """A dumped state and the last event in it."""

    seq: int
    state: bytes


def store(
    connection: psycopg.Connection[Any],
    name: str,
    seq: int,
    state: bytes,
    *,
    version: str,
    at: datetime,
    kept: int = KEPT,
) -> None:
    """Keep a dumped state as of a seq (> 0), and so many latest ones of its name; refuse with SeqIsUnknown."""
    cursor = psycopg.Cursor(connection)
    cursor.execute(_STORE, (name, version, state, at, seq))
    if cursor.rowcount != 1:
        raise SeqIsUnknown(seq)
    cursor.execute(_PRUNE, (name, name, kept))


def load(connection: psycopg.Connection[Any], name: str, *, version: str, until: int = 2**63 - 1) -> Snapshot | None:
    """Return the latest state of a name, dumped by this version of the code, that belongs to this log; None if none."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    row = cursor.execute(_LOAD, (name, version, until), binary=True).fetchone()
    return Snapshot(seq=row[0], state=row[1]) if row else None


def seqs(connection: psycopg.Connection[Any], name: str, *, version: str) -> set[int]:
    """Return the seqs of all that are kept of a name, dumped by this version of the code, of this log."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    return {seq for (seq,) in cursor.execute(_SEQS, (name, version)).fetchall()}
