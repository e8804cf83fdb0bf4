"""Read: events in log order, hashes verified on request, in batches that leave the connection free in between."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from hedgeapp.core.events import Recorded
from hedgeapp.core.records import record
from hedgeapp.eventlog import chain
from hedgeapp.eventlog.codec import DECODERS, UnknownKind

BATCH_ROWS: Final = 2_000  # rows per round trip, some 800 KiB

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
_BATCH_OF_KINDS: Final = _BATCH.format(only="AND kind = ANY (%(kinds)s)")
END: Final = 2**63 - 1


class ChainIsBroken(ValueError):
    """A row of the log is not what was appended: it names the first bad one."""

    def __init__(self, seq: int, expected: str, found: str) -> None:
        self.seq, self.expected, self.found = seq, expected, found
        super().__init__(f"the log is not as it was written at seq {seq}: {expected} expected, found {found}")


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
    """Yield what `read` yields, in lists of up to BATCH_ROWS."""
    if kinds is not None and verify:
        raise ValueError("all kinds expected where hashes are verified, found a choice: verify reads every row")
    unpack = Unpack(verify=verify)

    def fetch(after: int) -> tuple[bytes | None, bytes | None, int]:
        cursor = psycopg.Cursor(connection, row_factory=tuple_row)
        asked = {
            "after": after,
            "until": END if until is None else until,
            "rows": BATCH_ROWS,
            "kinds": list(kinds or ()),
        }
        cursor.execute(BATCH_SQL if kinds is None else _BATCH_OF_KINDS, asked, binary=True)
        return cursor.fetchone() or (None, None, after)

    with ThreadPoolExecutor(1, thread_name_prefix="log-read") as ahead:
        blob, before, last = fetch(after)
        while blob:
            pending = ahead.submit(fetch, last)
            yield unpack(blob, before, after)
            after, (blob, before, last) = last, pending.result()


class Unpack:
    """Turns the bytes of many rows into recorded events; remembers the last time, which whole batches share."""

    def __init__(self, *, verify: bool) -> None:
        self._verify = verify
        self._taken_us = 0
        self._recorded_at = chain.moment(0)

    def __call__(self, blob: bytes, before: bytes | None, after: int) -> list[Recorded]:
        """Return the events of a batch that follows seq `after`, whose hash is `before` (None at the beginning)."""
        verify, previous, place = self._verify, before if after else chain.GENESIS, after
        link, found = chain.link, []
        if verify and previous is None:
            raise ChainIsBroken(after, "a row", "none")
        for seq, taken_us, kind, _key, body, row, hash_ in chain.rows(blob):
            if verify:
                place += 1
                if seq != place:
                    raise ChainIsBroken(place, "a row", f"a gap: the next is {seq}")
                if link(previous, row) != hash_:  # type: ignore[arg-type]
                    raise ChainIsBroken(seq, link(previous, row).hex(), hash_.hex())  # type: ignore[arg-type]
                previous = hash_
            if taken_us != self._taken_us:
                self._taken_us, self._recorded_at = taken_us, chain.moment(taken_us)
            try:
                decode = _DECODERS[kind]
            except KeyError:
                raise UnknownKind(kind.decode()) from None
            found.append(Recorded(seq=seq, recorded_at=self._recorded_at, event=decode(body)))
        return found


_DECODERS = {kind.encode(): decoder for kind, decoder in DECODERS.items()}
