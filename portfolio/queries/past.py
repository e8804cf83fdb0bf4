"""Past: which event was the log's last at a time."""

from datetime import datetime

from hedgeapp.eventlog.models import LoggedEvent


def seq_at(at: datetime) -> int:
    """Return the last event that the log had taken by a time, 0 when there was none: found by halving the log."""
    newest = LoggedEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    known, beyond = 0, newest + 1  # the log is gapless, and its times grow with it
    while beyond - known > 1:
        middle = (known + beyond) // 2
        if LoggedEvent.objects.values_list("recorded_at", flat=True).get(seq=middle) <= at:
            known = middle
        else:
            beyond = middle
    return known


def behind_since(projected_seq: int) -> datetime | None:
    """Return when the log took the first event that is not in the rows yet; None when all are."""
    return LoggedEvent.objects.filter(seq=projected_seq + 1).values_list("recorded_at", flat=True).first()
