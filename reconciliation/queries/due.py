"""Due: which subjects are to be compared now, and why."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max

from hedgeapp.core.events.breaks import Trigger
from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.models import LoggedEvent
from marketdata import models as reference
from reconciliation.models import Run

EVERY: Final = timedelta(seconds=60)  # a subject is compared no less often
RESTS: Final = timedelta(seconds=10)  # and no sooner after its last run, however often its feed reconnects


def subjects() -> list[str]:
    """Return whose statements can be read: the feeds' names of what is enabled, and the engine."""
    accounts = reference.Account.objects.filter(is_enabled=True, venue__is_enabled=True)
    custodians = reference.Custodian.objects.filter(is_enabled=True)
    chains = reference.Chain.objects.filter(is_enabled=True)
    return [
        "engine",
        *(f"account:{name}" for name in accounts.order_by("name").values_list("name", flat=True)),
        *(f"custodian:{name}" for name in custodians.order_by("name").values_list("name", flat=True)),
        *(f"chain:{name}" for name in chains.order_by("name").values_list("name", flat=True)),
    ]


def due(at: datetime) -> Iterator[tuple[str, Trigger]]:
    """Yield the subjects whose last run is long ago, or whose feed came back since."""
    begun = dict(Run.objects.values_list("subject").annotate(last=Max("begun_at")))
    for subject in subjects():
        last = begun.get(subject)
        if last is None or at - last >= EVERY:
            yield subject, "schedule"
        elif at - last >= RESTS and (live := live_since(subject)) is not None and live > last:
            yield subject, "reconnect"


def live_since(feed: str) -> datetime | None:
    """Return when a feed last became live, by the log."""
    row = LoggedEvent.objects.filter(key__startswith=f"feed:{feed}:live:").order_by("-seq").first()
    event = codec.decode(row.kind, bytes(row.body)) if row else None
    return event.at if isinstance(event, FeedStateChanged) else None
