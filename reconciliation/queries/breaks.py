"""Breaks as the desk reads them: the open ones, all of them filtered and a page at a time, and one with its past."""

from datetime import datetime
from typing import Final

from django.db.models import Case, F, IntegerField, QuerySet, Value, When

from hedgeapp.core.events import Recorded
from hedgeapp.core.records import record
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.headlines import headline
from portfolio.core.rows import EventRow
from portfolio.queries.pages import Page, bounded, page_of
from portfolio.queries.rows import as_of
from reconciliation.core.breaks import Break
from reconciliation.core.compare import SHAPES
from reconciliation.models import BreakRow, Run
from reconciliation.projections import break_of

OPEN_SHOWN: Final = 200  # breaks that are open, the worst first
TIMELINE_SHOWN: Final = 200  # events of one break, the latest
KINDS: Final = tuple(SHAPES)
SEVERITIES: Final = ("critical", "major", "minor")
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "open": ("found", "investigated", "explained", "reopened"),
    "closed": ("healed", "accepted"),
    "verified": ("verified",),
}
_WORST: Final = Case(
    *(When(severity=severity, then=Value(place)) for place, severity in enumerate(SEVERITIES)),
    default=Value(len(SEVERITIES)),
    output_field=IntegerField(),
)


@record
class BreakFilter:
    """Which breaks are wanted, as of which event; an empty text or None asks for nothing."""

    state: str = ""
    venue: str = ""
    kind: str = ""
    severity: str = ""
    assignee: str = ""
    text: str = ""
    seq: int | None = None


def matching(wanted: BreakFilter) -> "QuerySet[BreakRow]":
    """Return the rows of the breaks that match, the last seen first; what went within its grace was none."""
    rows = as_of(BreakRow, wanted.seq).filter(was_found=True)
    if wanted.state:
        rows = rows.filter(state__in=GROUPS[wanted.state])
    for field in ("venue", "kind", "severity", "assignee"):
        if given := getattr(wanted, field):
            rows = rows.filter(**{field: given})
    if wanted.text:
        rows = rows.filter(item__contains=wanted.text) | rows.filter(break_id__startswith=wanted.text)
    return rows.order_by("-seen_seq")


def page(wanted: BreakFilter, *, before: int | None = None, after: int | None = None) -> Page[BreakRow]:
    """Return a page of the breaks that match; raises `SearchIsTooWide`."""
    return page_of(matching(wanted), "seen_seq", before=before, after=after)


def open_breaks(seq: int | None = None) -> list[Break]:
    """Return the breaks that are open, the worst and the largest first; at most one more than `OPEN_SHOWN`."""
    rows = as_of(BreakRow, seq).filter(is_open=True)
    worst = rows.order_by(_WORST, F("usd").desc(nulls_first=True), "seen_seq")
    with bounded():
        return [break_of(row) for row in worst[: OPEN_SHOWN + 1]]


def one(break_id: str, seq: int | None = None) -> Break | None:
    """Return a break as of an event, or now; None when there was none."""
    row = as_of(BreakRow, seq).filter(break_id=break_id).first()
    return break_of(row) if row is not None else None


def timeline(break_id: str, seq: int | None = None) -> list[EventRow]:
    """Return what happened to a break up to an event, the latest first: each version of its row is one event."""
    rows = BreakRow.objects.filter(break_id=break_id)
    if seq is not None:
        rows = rows.filter(from_seq__lte=seq)
    seqs = list(rows.order_by("-from_seq").values_list("from_seq", flat=True)[:TIMELINE_SHOWN])
    found = []
    for row in LoggedEvent.objects.filter(seq__in=seqs).order_by("-seq"):
        event = codec.decode(row.kind, bytes(row.body))
        found.append(headline(Recorded(seq=row.seq, recorded_at=row.recorded_at, event=event)))
    return found


@record
class LastRun:
    """The last run of a subject that ended, and the last that could compare anything."""

    subject: str
    run: Run
    compared_at: datetime | None


def last_runs(seq: int | None = None) -> list[LastRun]:
    """Return the last run of each subject as of an event, or now, by subject."""
    ended = Run.objects.filter(ended_seq__isnull=False)
    if seq is not None:
        ended = ended.filter(ended_seq__lte=seq)
    with bounded():
        runs = list(ended.order_by("subject", "-begun_seq").distinct("subject"))
        good = dict(
            ended.exclude(outcome="failed")
            .order_by("subject", "-begun_seq")
            .distinct("subject")
            .values_list("subject", "ended_at")
        )
    return [LastRun(subject=run.subject, run=run, compared_at=good.get(run.subject)) for run in runs]


def venues() -> list[str]:
    """Return the venues and holders that ever had a break."""
    return list(BreakRow.objects.filter(was_found=True).order_by("venue").values_list("venue", flat=True).distinct())
