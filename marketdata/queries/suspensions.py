"""Suspensions, as the log has them: the word that stands on an instrument for one cause."""

from typing import Final

from django.db import connection

from hedgeapp.core.events.suspensions import InstrumentSuspended, SuspensionCause
from hedgeapp.eventlog import codec

# Both kinds of key end in their time, so that the last in their order is the latest.
_LATEST: Final = """
SELECT kind, body, split_part(key, %(subject)s, 2) AS at
  FROM ((SELECT kind, body, key FROM eventlog_event
          WHERE key >= %(suspended)s AND key < %(suspended)s || '~' ORDER BY key DESC LIMIT 1)
        UNION ALL
        (SELECT kind, body, key FROM eventlog_event
          WHERE key >= %(released)s AND key < %(released)s || '~' ORDER BY key DESC LIMIT 1)) AS found
 ORDER BY at DESC, kind LIMIT 1
"""


def standing(instrument: str, cause: SuspensionCause) -> InstrumentSuspended | None:
    """Return what an instrument is suspended by for a cause, or None."""
    subject = f"{instrument}:{cause}:"
    given = {
        "subject": subject,
        "suspended": f"instrument-suspended:{subject}",
        "released": f"instrument-released:{subject}",
    }
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, given)
        row = cursor.fetchone()
    if row is None or row[0] != InstrumentSuspended.__name__:
        return None
    event = codec.decode(row[0], bytes(row[1]))
    assert isinstance(event, InstrumentSuspended)
    return event
