"""Writing: events of reconciliation and their rows, in the caller's transaction, under the log's lock."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from hedgeapp.core.events import Event
from hedgeapp.core.events.breaks import BreakEvent, VenueBlocked, VenueFreed
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.append import append, lock
from hedgeapp.eventlog.models import LoggedEvent
from reconciliation.core.breaks import Breaks
from reconciliation.core.runs import blocking
from reconciliation.models import BreakRow
from reconciliation.projections import break_of, project


def locked() -> None:
    """Take the log's lock until the transaction ends. Refuses with LogIsBusy."""
    connection.ensure_connection()
    lock(connection.connection)


def written(events: Sequence[Event], at: datetime) -> int:
    """Append events and write their rows; return how many were new."""
    recorded = append(connection.connection, events, at=at)
    project(recorded)
    return len(recorded)


def watched(names: Iterable[str] = ()) -> Breaks:
    """Return the breaks that runs still look after, and those of some ids whatever became of them."""
    now = BreakRow.objects.filter(to_seq=None)
    rows = [*now.filter(is_watched=True), *now.filter(is_watched=False, break_id__in=list(names))]
    return Breaks(break_of(row) for row in rows)


def with_blocking(events: Sequence[BreakEvent], breaks: Breaks, at: datetime) -> list[Event]:
    """Return events with those that block or free venues by them; `breaks` take the events."""
    venues = {one.difference.venue for one in breaks}
    for event in events:
        breaks.apply(event, 0)
    venues |= {one.difference.venue for one in breaks}
    known = {venue: found.break_ids for venue in sorted(venues) if (found := _blocked(venue))}
    return [*events, *blocking(breaks, known, at)]


def _blocked(venue: str) -> VenueBlocked | None:
    """Return how a venue is blocked by the log's last word."""
    last: VenueBlocked | VenueFreed | None = None
    seq = 0
    for word in ("blocked", "freed"):
        row = LoggedEvent.objects.filter(key__startswith=f"venue-{word}:{venue}:").order_by("-seq").first()
        if row is not None and row.seq > seq:
            event = codec.decode(row.kind, bytes(row.body))
            if isinstance(event, VenueBlocked | VenueFreed):
                last, seq = event, row.seq
    return last if isinstance(last, VenueBlocked) else None
