"""Funding in the log: what venues paid of late, and how they changed their terms."""

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.positions import FundingPaid
from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.eventlog import codec
from portfolio.core.funding_facts import Paid, TermChanged, changes, paid_since
from portfolio.queries.past import Moment, seq_at

READ_MS_MAX: Final = 5_000
CHANGES_MAX: Final = 100  # on the page; the log has all

# An event's key begins with what it is of: the index of keys finds one kind among millions.
_OF_KIND: Final = """
SELECT seq, kind, body FROM eventlog_event
 WHERE key >= %s AND key < %s COLLATE "C" AND seq > %s AND (%s::bigint IS NULL OR seq <= %s)
 ORDER BY seq
"""


def paid_of_late(since: datetime, then: Moment | None) -> tuple[Paid, ...]:
    """Return what was paid from `since` on, until now or a moment.

    A fact of after `since` was recorded after it, so that the log is not read from its beginning.
    """
    found = _events("funding:", seq_at(since), then)
    return paid_since((event for _, event in found if isinstance(event, FundingPaid)), since)


def term_changes(then: Moment | None) -> tuple[TermChanged, ...]:
    """Return the latest changes of instruments' terms of funding."""
    found = _events("instrument:", 0, then)
    return changes((seq, event) for seq, event in found if isinstance(event, InstrumentChanged))[:CHANGES_MAX]


def _events(beginning: str, after: int, then: Moment | None) -> list[tuple[int, Event]]:
    until = then.seq if then else None
    given: list[Any] = [beginning, f"{beginning[:-1]};", after, until, until]  # a semicolon follows the colon
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {READ_MS_MAX}")
        cursor.execute(_OF_KIND, given)
        return [(seq, codec.decode(kind, bytes(body))) for seq, kind, body in cursor.fetchall()]
