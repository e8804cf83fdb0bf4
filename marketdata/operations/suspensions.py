"""Suspensions for a specification: ours stays, and nobody takes new risk on it, until a person decides."""

from datetime import datetime

from django.db import connection, transaction

from hedgeapp.core.events.suspensions import InstrumentSuspended
from hedgeapp.core.instruments import Instrument
from hedgeapp.eventlog.append import append, lock
from marketdata.queries.suspensions import standing


def quarantine(offered: Instrument, said: str, *, by: str, at: datetime) -> InstrumentSuspended | None:
    """Suspend an instrument because of a specification offered for it; None when this one stands already."""
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        lock(connection.connection)
        known = standing(offered.id, "specification")
        if known is not None and known.offered == offered:
            return None
        event = InstrumentSuspended(
            at=at, instrument=offered.id, cause="specification", by=by, reason=said, offered=offered
        )
        append(connection.connection, [event], at=at)
    return event
