"""Kinds of events: those of the log whose keys begin alike, found by the index of keys among millions of others."""

from typing import Any, Final

from django.db import connection, transaction

from hedgeapp.core.events import Event
from hedgeapp.eventlog import codec
from portfolio.queries.past import Moment

READ_MS_MAX: Final = 5_000

_OF_KIND: Final = """
SELECT seq, kind, body FROM eventlog_event
 WHERE key >= %s AND key < %s COLLATE "C" AND seq > %s AND (%s::bigint IS NULL OR seq <= %s)
 ORDER BY seq
"""


def events_of(beginning: str, after: int, then: Moment | None) -> list[tuple[int, Event]]:
    """Return the events whose keys begin so, with a colon at the end, after an event and until now or a moment."""
    until = then.seq if then else None
    given: list[Any] = [beginning, f"{beginning[:-1]};", after, until, until]  # a semicolon follows the colon
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {READ_MS_MAX}")
        cursor.execute(_OF_KIND, given)
        return [(seq, codec.decode(kind, bytes(body))) for seq, kind, body in cursor.fetchall()]
