"""Views of all moves: those that are open, those that are over, and how many wait for whoever looks."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.move_states import FINAL
from portfolio.core.moves import Moves
from portfolio.move_forms import KINDS, MoveFilterForm
from portfolio.queries import move_blotter as found
from portfolio.queries.books import FOLLOWING
from portfolio.queries.break_glass import is_breakable
from portfolio.queries.move_waiting import MAY_DECIDE, mine, waiting_count
from portfolio.queries.pages import PAGE, SearchIsTooWide
from portfolio.queries.past import behind_since, seq_at
from portfolio.queries.past_frames import past_book
from portfolio.queries.rows import projected_seq
from portfolio.screen import moves as shown
from portfolio.views.blotter import BEHIND
from portfolio.views.moments import moment_of, with_past

MAY_PROPOSE: Final = "portfolio.propose_move"
SEEN_LENGTH: Final = 16  # hexadecimal digits by which a page tells what it shows
SEQ_DIGITS_MAX: Final = 19
ASSETS_MAX: Final = 200  # to choose from


@require_safe
@never_cache
@with_past
def moves(request: HttpRequest) -> HttpResponse:
    """Show the moves: those that are open, and those that are over."""
    form = MoveFilterForm(request.GET)
    context = _context(request, form)
    if form.is_valid():
        at = form.cleaned_data["at"]
        seq = seq_at(at) if isinstance(at, datetime) else at
        try:
            context |= _listed(request, form, seq)
        except SearchIsTooWide as refusal:
            context["refusals"] = [f"{refusal}."]
    return render(request, "portfolio/moves.html", context, status=400 if form.errors else 200)


@require_safe
@never_cache
def open_now(request: HttpRequest) -> HttpResponse:
    """Return the open moves, and those that ended since a page was made; nothing when the page has them so."""
    since = request.GET.get("since", "")
    context = _open(request, int(since) if since.isdecimal() and len(since) < SEQ_DIGITS_MAX else 0)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "portfolio/_moves_open.html", context)


@require_safe
@never_cache
def waiting(request: HttpRequest) -> HttpResponse:
    """Return how many moves wait for whoever looks; nothing when the page says so already."""
    count = waiting_count(request.user, datetime.now(UTC))
    if request.GET.get("seen") == str(count):
        return HttpResponse(status=204)
    return render(request, "portfolio/_moves_badge.html", {"moves_waiting": count})


def _listed(request: HttpRequest, form: MoveFilterForm, seq: int | None) -> dict[str, Any]:
    given, at = form.cleaned_data, _time(seq)
    page = found.page(form.wanted(seq), before=given["before"], after=given["after"])
    projected = projected_seq()
    behind = behind_since(projected) if seq is None or seq > projected else None
    context: dict[str, Any] = {
        "page": page,
        "lines": [shown.row_line(row, at) for row in page.rows],
        "seq": seq,
        "projected_seq": projected,
        "behind": behind if behind is not None and datetime.now(UTC) - behind > BEHIND else None,
    }
    if seq is None:
        context |= _open(request, projected)
    else:
        rows = found.were_open(seq)
        context |= _counted(request, [shown.row_line(row, at) for row in rows])
    is_empty = not page.rows and not context["open"] and given["before"] is None
    return context | {"is_first_run": is_empty and not found.has_any()}


def _open(request: HttpRequest, since: int) -> dict[str, Any]:
    at = datetime.now(UTC)
    lines = shown.lines(found.open_moves(since), at, mine(request.user, at))
    context = _counted(request, lines) | {"since": since}
    text = render_to_string("portfolio/_moves_open.html", context)
    return context | {"seen": hashlib.sha256(text.encode()).hexdigest()[:SEEN_LENGTH]}


def _counted(request: HttpRequest, lines: list[shown.MoveLine]) -> dict[str, Any]:
    then = moment_of(request)
    return {
        "open": lines[: found.OPEN_SHOWN],
        "more": max(0, len(lines) - found.OPEN_SHOWN),
        "open_shown": found.OPEN_SHOWN,
        "open_count": sum(one.state not in FINAL for one in lines),
        "mine_count": sum(one.is_mine for one in lines),
        "unknown_count": sum(one.state == "outcome_unknown" for one in lines),
        **(_stops(past_book(then).moves, then.at) if then else _stops_now()),
        "may_decide": request.user.has_perm(MAY_DECIDE),
        "may_propose": request.user.has_perm(MAY_PROPOSE),
    }


def _stops_now() -> dict[str, Any]:
    with FOLLOWING.held() as book:
        return _stops(book.moves, datetime.now(UTC))


def _stops(moves: Moves, at: datetime) -> dict[str, Any]:
    """Return what everybody who looks at moves must know: what stops them, and each glass that is or may be broken."""
    halves = [one for one in moves if one.glass and is_breakable(one, at)]
    return {"alarms": moves.alarms, "glasses": moves.unreviewed, "halves": halves}


def _context(request: HttpRequest, form: MoveFilterForm) -> dict[str, Any]:
    query = request.GET.copy()
    for edge in ("before", "after"):
        query.pop(edge, None)
    now_query = query.copy()
    now_query.pop("at", None)
    with FOLLOWING.held() as book:
        assets = sorted(book.catalogue.assets)
        has_ways = bool(book.gate.destinations(datetime.now(UTC)))
    return {
        "asked": {name: text for name, text in query.items() if text and name in form.fields},
        "query": query.urlencode(),
        "now_query": now_query.urlencode(),
        "refusals": form.sentences() if form.errors else [],
        "groups": [name for name, _ in form.fields["state"].choices],  # type: ignore[attr-defined]
        "kinds": KINDS,
        "assets": assets[:ASSETS_MAX],
        "page_size": PAGE,
        "has_ways": has_ways,
        "may_propose": request.user.has_perm(MAY_PROPOSE),
    }


def _time(seq: int | None) -> datetime:
    """Return the time that ages count to: that of an event, or now."""
    if seq is not None:
        recorded = LoggedEvent.objects.filter(seq__lte=seq).order_by("-seq").first()
        if recorded is not None:
            return recorded.recorded_at
    return datetime.now(UTC)
