"""Move blotter: collateral moves, newest first: those that are open, those that are over, and what happened to one."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db.models import Q, QuerySet

from hedgeapp.core.events import Recorded
from hedgeapp.core.records import record
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.move_states import FINAL, Move, MoveEvent, State
from portfolio.core.moves import Moves
from portfolio.models import CollateralMove
from portfolio.queries.books import FOLLOWING
from portfolio.queries.pages import Page, bounded, page_of
from portfolio.queries.rows import as_of

OPEN_SHOWN: Final = 200  # moves that are not over, the newest ones
HISTORY_MAX: Final = 500  # events of one move that are read

GROUPS: Final[dict[str, frozenset[State]]] = {
    "awaiting": frozenset({"proposed", "awaiting_approval"}),
    "under way": frozenset({"approved", "intended", "submitted", "accepted", "confirmed", "seen_at_venue"}),
    "unknown": frozenset({"outcome_unknown"}),
    "done": frozenset({"done"}),
    "called off": frozenset({"refused", "rejected", "withdrawn", "expired"}),
    "failed": frozenset({"failed", "never_arrived"}),
}


@record
class MoveFilter:
    """Which moves are wanted, as of which event: an empty text or None asks for nothing; the days are in UTC."""

    state: str = ""
    kind: str = ""
    asset: str = ""
    place: str = ""
    by: str = ""
    since: date | None = None
    until: date | None = None
    text: str = ""
    seq: int | None = None


def matching(wanted: MoveFilter) -> "QuerySet[CollateralMove]":
    """Return the rows of the moves that match, newest first."""
    rows = as_of(CollateralMove, wanted.seq)
    for field in ("kind", "asset", "by"):
        if value := getattr(wanted, field):
            rows = rows.filter(**{field: value})
    if wanted.state:
        rows = rows.filter(state__in=GROUPS[wanted.state])
    if wanted.place:
        place = Q(source=wanted.place) | Q(destination=wanted.place)
        rows = rows.filter(place | Q(venue=wanted.place) | Q(custodian=wanted.place))
    if wanted.text:
        named = Q(move_id__startswith=wanted.text) | Q(custodian_order_id__startswith=wanted.text)
        rows = rows.filter(named | Q(request_id__startswith=wanted.text))
    if wanted.since:
        rows = rows.filter(proposed_at__gte=_midnight(wanted.since))
    if wanted.until and wanted.until < date.max:
        rows = rows.filter(proposed_at__lt=_midnight(wanted.until) + timedelta(days=1))
    return rows.order_by("-proposed_seq")


def page(wanted: MoveFilter, *, before: int | None = None, after: int | None = None) -> Page[CollateralMove]:
    """Return a page, before or after the move proposed by an event; open moves only when asked for by state."""
    rows = matching(wanted) if wanted.state else matching(wanted).filter(state__in=FINAL)
    return page_of(rows, "proposed_seq", before=before, after=after)


def open_moves(since: int) -> list[Move]:
    """Return the moves that are not over as of the log's head, and those that an event after `since` touched."""
    with FOLLOWING.held() as book:
        found = [one for one in book.moves if not one.is_final or one.seq > since]
    return sorted(found, key=lambda one: -one.proposed_seq)


def were_open(seq: int) -> list[CollateralMove]:
    """Return the rows of the moves that were not over as of an event; at most one more than `OPEN_SHOWN`."""
    with bounded():
        rows = as_of(CollateralMove, seq).exclude(state__in=FINAL)
        return list(rows.order_by("-proposed_seq")[: OPEN_SHOWN + 1])


def has_any() -> bool:
    """Tell whether anybody ever proposed a move."""
    return CollateralMove.objects.exists()


def one_move(move_id: str) -> tuple[Move, tuple[Recorded, ...]] | None:
    """Return a move as of the log's head and the events that made it so, the first one first; None when it is not ours.

    One that the book has let go, because it ended long ago, is folded again from its events.
    """
    with FOLLOWING.held() as book:
        move = book.moves.get(move_id)
    told = history(move_id)
    if move is None:
        move = folded(move_id, told)
    return None if move is None else (move, told)


def folded(move_id: str, told: Iterable[Recorded]) -> Move | None:
    """Return the move that its events make."""
    moves = Moves()
    for one in told:
        if isinstance(one.event, MoveEvent):
            moves.apply(one.event, one.seq, one.recorded_at)
    return moves.get(move_id)


def history(move_id: str, seq: int | None = None) -> tuple[Recorded, ...]:
    """Return the events of a move, up to one or all, the first one first: each version of its row is one event."""
    versions = CollateralMove.objects.filter(move_id=move_id).order_by("from_seq")
    if seq is not None:
        versions = versions.filter(from_seq__lte=seq)
    seqs = list(versions.values_list("from_seq", flat=True)[:HISTORY_MAX])
    return tuple(
        Recorded(seq=row.seq, recorded_at=row.recorded_at, event=codec.decode(row.kind, bytes(row.body)))
        for row in LoggedEvent.objects.filter(seq__in=seqs).order_by("seq")
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
