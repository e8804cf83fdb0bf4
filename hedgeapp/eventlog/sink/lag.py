"""Lag: how far the second store is behind the log, by the log's own times; what the sink says is kept to show only."""

from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from hedgeapp.core.records import record

NAME: Final = "sink"
LAG_MAX: Final = timedelta(seconds=30)  # more is told by /readyz
TROUBLE_LENGTH_MAX: Final = 1_000  # characters
URL_LENGTH_MAX: Final = 500  # characters

# The commit does not wait for the disk: what is lost with it is said again with the next segment.
_SAY: Final = """
INSERT INTO eventlog_secondstore AS said (name, url, seq, stored_at, trouble)
SELECT %(name)s, %(url)s, coalesce(%(seq)s::bigint, 0), clock_timestamp(), %(trouble)s
  FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
ON CONFLICT (name) DO UPDATE
   SET url = excluded.url, seq = coalesce(%(seq)s::bigint, said.seq),
       stored_at = excluded.stored_at, trouble = excluded.trouble
"""
_MEASURE: Final = """
SELECT head.seq, said.url, said.seq, said.stored_at, said.trouble,
       (SELECT recorded_at FROM eventlog_event WHERE seq = coalesce(said.seq, 0) + 1)
  FROM (SELECT coalesce(max(seq), 0) AS seq FROM eventlog_event) AS head
  LEFT JOIN eventlog_secondstore AS said ON said.name = %s
"""


@record
class Lag:
    """How far the second store is behind: `seconds` is the age of the oldest event that it does not hold.

    `stored_at` is when the sink last said so, None if it never did; `trouble` is what hinders it, in a sentence.
    """

    head: int
    seq: int
    events: int
    seconds: float
    url: str
    stored_at: datetime | None
    trouble: str

    @property
    def is_within_bounds(self) -> bool:
        """Tell whether nothing hinders it and nothing older than LAG_MAX could be lost."""
        return not self.trouble and self.seconds <= LAG_MAX.total_seconds()

    @property
    def said(self) -> str:
        """Say it in a sentence for the desk: expected, found, what to do."""
        expected = f"expected at most {LAG_MAX.total_seconds():.0f} s behind the log"
        found = f"found {self.seconds:.0f} s and {self.events} events behind"
        return f"{expected}, {found}: {self.trouble or 'look whether the service sink runs'}"


def say(connection: psycopg.Connection[Any], url: str, seq: int | None, trouble: str = "") -> None:
    """Keep what the sink says, to be shown; without a seq, what it said of that before stays."""
    given = {"name": NAME, "url": url[:URL_LENGTH_MAX], "seq": seq, "trouble": trouble[:TROUBLE_LENGTH_MAX]}
    psycopg.Cursor(connection).execute(_SAY, given)


def measured(row: tuple[Any, ...] | None, at: datetime) -> Lag:
    """Return the lag that the database's answer to `_MEASURE` means at a time."""
    head, url, seq, stored_at, trouble, oldest = row or (0, None, None, None, None, None)
    seq = seq or 0
    return Lag(
        head=head,
        seq=seq,
        events=max(0, head - seq),
        seconds=max(0.0, (at - oldest).total_seconds()) if oldest else 0.0,
        url=url or "",
        stored_at=stored_at,
        trouble=trouble or "",
    )


def lag(connection: psycopg.Connection[Any], at: datetime) -> Lag:
    """Return how far the second store is behind the log."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    return measured(cursor.execute(_MEASURE, (NAME,)).fetchone(), at)


async def lag_async(connection: psycopg.AsyncConnection[Any], at: datetime) -> Lag:
    """Return how far the second store is behind the log, on an async connection."""
    cursor = psycopg.AsyncCursor(connection, row_factory=tuple_row)
    await cursor.execute(_MEASURE, (NAME,))
    return measured(await cursor.fetchone(), at)
