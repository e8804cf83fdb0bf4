"""Due: which subjects are to be compared now, and why."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max

from hedgeapp.core.events.breaks import Trigger
from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.models import LoggedEvent
from marketdata import models as reference
from marketdata.core.admission import ACCOUNT_PROTOCOLS
from reconciliation.models import BreakRow, Run
from reconciliation.projections import break_of

EVERY: Final = timedelta(seconds=settings.ENVIRONMENT.hedgeapp_reconcile_every_s)
RESTS: Final = timedelta(seconds=10)  # and no sooner after its last run, however often its feed reconnects


def subjects() -> list[str]:
    """Return whose statements can be read: the feeds' names of what is enabled, the venues' marks, and the engine."""
    accounts = reference.Account.objects.filter(is_enabled=True, venue__is_enabled=True)
    custodians = reference.Custodian.objects.filter(is_enabled=True)
    chains = reference.Chain.objects.filter(is_enabled=True)
    venues = reference.Venue.objects.filter(is_enabled=True, protocol__in=ACCOUNT_PROTOCOLS)
    return [
        "engine",
        *(f"account:{name}" for name in accounts.order_by("name").values_list("name", flat=True)),
        *(f"custodian:{name}" for name in custodians.order_by("name").values_list("name", flat=True)),
        *(f"chain:{name}" for name in chains.order_by("name").values_list("name", flat=True)),
        *(f"marks:{name}" for name in venues.order_by("name").values_list("name", flat=True)),
    ]


def due(at: datetime) -> Iterator[tuple[str, Trigger]]:
    """Yield the subjects whose last run is long ago, where a difference is a break by now, or whose feed came back."""
    outlived = _outlived(at)
    begun = dict(Run.objects.values_list("subject").annotate(last=Max("begun_at")))
    for subject in subjects():
        last = begun.get(subject)
        if last is None or at - last >= EVERY:
            yield subject, "schedule"
            continue
        if at - last < RESTS:
            continue
        if outlived.get(subject, last) > last:
            yield subject, "schedule"
        elif (live := live_since(feed_of(subject))) is not None and live > last:
            yield subject, "reconnect"


def _outlived(at: datetime) -> dict[str, datetime]:
    """Return, by subject, when the last of its differences that are only seen outlived its grace."""
    seen = [break_of(row) for row in BreakRow.objects.filter(to_seq=None, is_watched=True, state="seen")]
    found: dict[str, datetime] = {}
    for one in seen:
        if one.due_at <= at:
            subject = one.difference.subject
            found[subject] = max(one.due_at, found.get(subject, one.due_at))
    return found


def feed_of(subject: str) -> str:
    """Return the name of the feed that tells of a subject: marks come by the venue's public one."""
    kind, _, name = subject.partition(":")
    return f"feed:{name}" if kind == "marks" else subject


def live_since(feed: str) -> datetime | None:
    """Return when a feed last became live, by the log."""
    row = LoggedEvent.objects.filter(key__startswith=f"feed:{feed}:live:").order_by("-seq").first()
    event = codec.decode(row.kind, bytes(row.body)) if row else None
    return event.at if isinstance(event, FeedStateChanged) else None
