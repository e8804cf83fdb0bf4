"""Read: events in log order, hashes verified on request, in batches."""

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.rows import tuple_row

from hedgeapp.core.events import Recorded
from hedgeapp.core.records import record
from hedgeapp.eventlog import chain
from hedgeapp.eventlog.unpack import ChainIsBroken as ChainIsBroken
from hedgeapp.eventlog.unpack import Unpack

BATCH_ROWS: Final = 300  # per round trip, some 120 KiB: with its events, what a processor's cache holds

# Many rows travel as one value: per-row work of the driver would cost more than the hashing. The hash before the first
# row comes with it, so that any range can be verified.
_BATCH = f"""
SELECT string_agg({chain.MATERIAL_SQL} || hash, ''::bytea ORDER BY seq),
       (SELECT hash FROM eventlog_event WHERE seq = %(after)s),
       max(seq)
  FROM (SELECT * FROM eventlog_event
         WHERE seq > %(after)s AND seq <= %(until)s {{only}}
         ORDER BY seq LIMIT %(rows)s) AS part
"""
BATCH_SQL: Final = _BATCH.format(only="")
_PLACES: Final = {"after": "$1", "until": "$2", "rows": "$3", "kinds": "$4"}
_NUMBERED: Final = (BATCH_SQL % _PLACES).encode()
_NUMBERED_OF_KINDS: Final = (_BATCH.format(only="AND kind = ANY (%(kinds)s)") % _PLACES).encode()
END: Final = 2**63 - 1


@record
class Head:
    """The last row of the log."""

    seq: int
    hash: bytes
    recorded_at: datetime | None


def head(connection: psycopg.Connection[Any]) -> Head:
    """Return the last seq and its hash; seq 0 and the genesis hash when the log is empty."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    cursor.execute("SELECT seq, hash, recorded_at FROM eventlog_event ORDER BY seq DESC LIMIT 1", binary=True)
    row = cursor.fetchone()
    return (
        Head(seq=row[0], hash=row[1], recorded_at=row[2]) if row else Head(seq=0, hash=chain.GENESIS, recorded_at=None)
    )


@contextmanager
def rebuilding() -> Iterator[None]:
    """Keep the garbage collector out of a fold of many events: it frees nothing there and costs a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read(
    connection: psycopg.Connection[Any],
    after: int = 0,
    until: int | None = None,
    kinds: Collection[str] | None = None,
    *,
    verify: bool = False,
) -> Iterator[Recorded]:
    """Yield the events after a seq, up to and with another, of some kinds or all.

    `verify` recomputes every hash, refuses with ChainIsBroken, and cannot be had for some kinds only. The next batch is
    fetched while the last one is used.
    """
    for batch in read_batches(connection, after, until, kinds, verify=verify):
        yield from batch


def read_batches(
    connection: psycopg.Connection[Any],
    after: int = 0,
    until: int | None = None,
    kinds: Collection[str] | None = None,
    *,
    verify: bool = False,
) -> Iterator[list[Recorded]]:
    """Yield what `read` yields, in lists of up to BATCH_ROWS; the connection is busy until the last one or a close.

    A list is emptied when the next is asked for: so a rebuild works in memory that is still in the processor's cache.
    """
    if kinds is not None and verify:
        raise ValueError("all kinds expected where hashes are verified, found a choice: verify reads every row")
    unpack, pgconn, until = Unpack(verify=verify), connection.pgconn, END if until is None else until
    with connection.lock:
        try:
            if after < until:
                _ask(pgconn, after, until, kinds)
            while after < until and (batch := _answer(pgconn)).blob:
                if batch.last < until:  # the server works on the next batch while we use this one
                    _ask(pgconn, batch.last, until, kinds)
                events = unpack(batch.blob, batch.before, after)
                yield events
                events.clear()
                after = batch.last
        finally:
            while pgconn.get_result():
                pass


@record
class _Batch:
    """The rows of a round trip, the hash before the first one, and the seq of the last one."""

    blob: bytes | None
    before: bytes | None
    last: int


def _ask(pgconn: pq.abc.PGconn, after: int, until: int, kinds: Collection[str] | None) -> None:
    given = [b"%d" % after, b"%d" % until, b"%d" % BATCH_ROWS]
    if kinds is not None:
        given.append(b"{%b}" % ",".join(kinds).encode())
    statement = _NUMBERED if kinds is None else _NUMBERED_OF_KINDS
    pgconn.send_query_params(statement, given, result_format=pq.Format.BINARY)


def _answer(pgconn: pq.abc.PGconn) -> _Batch:
    """Wait for a batch in libpq: the driver's own way would take the interpreter's lock for each packet."""
    result = pgconn.get_result()
    if result is None or result.status != pq.ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result) if result else psycopg.OperationalError("no answer")
    pgconn.get_result()  # None: the answer is whole
    blob, before, last = (result.get_value(0, column) for column in range(3))
    return _Batch(blob=blob, before=before, last=int.from_bytes(last, "big") if last else 0)
