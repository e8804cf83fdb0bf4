"""Views of reconciliation: what is open, what was, one break with both sides, and what people do about it."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.eventlog.append import SameKeyOtherContent
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.queries.books import BookIsBusy
from portfolio.queries.pages import PAGE, SearchIsTooWide
from portfolio.queries.past import seq_at
from portfolio.views import errors
from portfolio.views.moments import moment_of, not_yet, with_past
from reconciliation import screen
from reconciliation.core.breaks import Break
from reconciliation.forms import BreakFilterForm
from reconciliation.operations import breaks as desk
from reconciliation.operations.healing import is_healable
from reconciliation.projections import break_of
from reconciliation.queries import breaks as found

SEEN_LENGTH: Final = 16  # hexadecimal digits by which a page tells what it shows
SEQ_DIGITS_MAX: Final = 19
WORK, CLOSE = "reconciliation.work_break", "reconciliation.close_break"
REFUSALS: Final = (desk.TextIsMalformed, desk.NothingHealsIt, desk.AnotherWasAsked, desk.AssigneeIsUnknown)

Did = Callable[[str, str, str, datetime, int], Break]
ACTIONS: Final[dict[str, tuple[str, Did]]] = {
    "assign": (WORK, lambda id_, by, text, at, _: desk.assign_break(id_, assignee=text.strip(), by=by, at=at)),
    "take": (WORK, lambda id_, by, text, at, _: desk.assign_break(id_, assignee=by, by=by, at=at)),
    "investigate": (WORK, lambda id_, by, text, at, _: desk.investigate_break(id_, by=by, note=text, at=at)),
    "explain": (WORK, lambda id_, by, text, at, _: desk.explain_break(id_, by=by, explanation=text, at=at)),
    "heal": (CLOSE, lambda id_, by, text, at, seen: desk.heal_break(id_, by=by, reason=text, at=at, seen=seen)),
    "accept": (CLOSE, lambda id_, by, text, at, seen: desk.accept_break(id_, by=by, reason=text, at=at, seen=seen)),
    "withdraw": (CLOSE, lambda id_, by, text, at, _: desk.withdraw_closing(id_, by=by, reason=text, at=at)),
}


@require_safe
@never_cache
@with_past
def breaks(request: HttpRequest) -> HttpResponse:
    """Show the last runs, the open breaks, and all breaks that match."""
    form = BreakFilterForm(request.GET)
    asked = {name: value for name, value in request.GET.items() if value and name in form.fields}
    query = request.GET.copy()
    for name in ("before", "after"):
        query.pop(name, None)
    now_query = query.copy()
    now_query.pop("at", None)
    context: dict[str, Any] = {
        "form": form,
        "asked": asked,
        "query": query.urlencode(),
        "now_query": now_query.urlencode(),
        "refusals": form.sentences() if form.errors else [],
        "groups": [*found.GROUPS],
        "kinds": found.KINDS,
        "severities": found.SEVERITIES,
        "venues": found.venues(),
        "page_size": PAGE,
    }
    if form.is_valid():
        at = form.cleaned_data["at"]
        seq = seq_at(at) if isinstance(at, datetime) else at
        try:
            context |= _open(request, seq) | _listed(form, seq)
        except SearchIsTooWide as refusal:
            context["refusals"] = [f"{refusal}."]
    return render(request, "reconciliation/breaks.html", context, status=400 if form.errors else 200)


@require_safe
@never_cache
def open_now(request: HttpRequest) -> HttpResponse:
    """Return the last runs and the open breaks; nothing when the page has them so."""
    context = _open(request, None)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "reconciliation/_open.html", context)


@require_safe
@never_cache
@with_past
def one_break(request: HttpRequest, break_id: str) -> HttpResponse:
    """Show a break: both sides, what happened, and what may be done; or how it stood at a moment."""
    return _shown(request, break_id, "reconciliation/break.html")


@require_safe
@never_cache
def progress(request: HttpRequest, break_id: str) -> HttpResponse:
    """Return how a break stands, to be put into its page; nothing when the page has it so."""
    known = found.one(break_id)
    if known is None:
        raise Http404(str(desk.BreakIsUnknown(break_id)))
    if request.GET.get("seq") == str(known.seq):
        return HttpResponse(status=204)
    return _shown(request, break_id, "reconciliation/_break.html")


@require_POST
def act(request: HttpRequest, break_id: str, action: str) -> HttpResponse:
    """Do something about a break, as far as the role allows it."""
    if action not in ACTIONS:
        raise Http404(f"One of {', '.join(ACTIONS)} expected, found {action}.")
    permission, did = ACTIONS[action]
    if not request.user.has_perm(permission):
        raise PermissionDenied
    try:
        text, seen = request.POST.get("text", ""), _seen(request)
        now = did(break_id, request.user.get_username(), text, datetime.now(UTC), seen)
    except desk.BreakIsUnknown as unknown:
        raise Http404(str(unknown)) from unknown
    except REFUSALS as refusal:
        return _shown(request, break_id, "reconciliation/break.html", str(refusal), 400)
    except desk.ApproverIsAsker as refusal:
        return _shown(request, break_id, "reconciliation/break.html", str(refusal), 403)
    except (desk.BreakIsNotOpen, desk.BreakChanged, SameKeyOtherContent) as refusal:
        return _shown(request, break_id, "reconciliation/break.html", str(refusal), 409)
    except (desk.LogIsBusy, BookIsBusy) as busy:
        return errors.busy(request, str(busy))
    messages.success(request, _said(action, now))
    return redirect("reconciliation:break", break_id)


def _seen(request: HttpRequest) -> int:
    """Return the event that made the break as the page showed it; none that there is, when the page did not say."""
    given = request.POST.get("seen", "")
    return int(given) if given.isdecimal() and len(given) < SEQ_DIGITS_MAX else -1


def _said(action: str, now: Break) -> str:
    if now.is_open and now.asked_by and action in ("heal", "accept"):
        return f"Asked. Another person has to approve: {now.needs_two}."
    return {
        "heal": "Healed: their facts are in the log. The next run verifies it.",
        "accept": "Accepted. It comes back when the difference changes.",
        "withdraw": "Withdrawn: nobody asks for anything.",
        "explain": "Explained. It stays open until it is healed, accepted or gone.",
        "investigate": "Noted.",
    }.get(action, f"{now.assignee or 'Nobody'} looks after it.")


def _open(request: HttpRequest, seq: int | None) -> dict[str, Any]:
    at = _time(seq)
    known = found.open_breaks(seq)
    shown = screen.lines(known[: found.OPEN_SHOWN], at)
    runs = screen.run_lines(found.last_runs(seq), at)
    context: dict[str, Any] = {"open": shown, "runs": runs, "is_cut": len(known) > len(shown), "seq": seq}
    text = render_to_string("reconciliation/_open.html", context)
    return context | {"seen": hashlib.sha256(text.encode()).hexdigest()[:SEEN_LENGTH]}


def _listed(form: BreakFilterForm, seq: int | None) -> dict[str, Any]:
    given = form.cleaned_data
    page = found.page(form.wanted(seq), before=given["before"], after=given["after"])
    return {"page": page, "lines": screen.lines(map(break_of, page.rows), _time(seq))}


def _shown(request: HttpRequest, break_id: str, template: str, refusal: str = "", status: int = 200) -> HttpResponse:
    then = moment_of(request)
    seq = then.seq if then else None
    known = found.one(break_id, seq)
    if known is None:
        raise Http404(not_yet(desk.BreakIsUnknown(break_id), then))
    at = then.at if then else datetime.now(UTC)
    may_close = then is None and request.user.has_perm(CLOSE)
    context: dict[str, Any] = {
        "line": screen.line(known, at),
        "found": known,
        "sides": screen.sides(known),
        "timeline": found.timeline(break_id, seq),
        "refusal": refusal,
        "text": request.POST.get("text", ""),
        "may_work": then is None and request.user.has_perm(WORK),
        "may_close": may_close,
        "may_heal": is_healable(known),
        "text_length_max": desk.TEXT_LENGTH_MAX,
        "is_asker": known.asked_by == request.user.get_username(),
    }
    if may_close and known.is_open:
        context |= {"two_to_heal": _why_two(known, "heal", at), "two_to_accept": _why_two(known, "accept", at)}
    return render(request, template, context, status=status)


def _why_two(known: Break, closing: Any, at: datetime) -> str:
    try:
        return desk.why_two(known, closing, at)
    except BookIsBusy as busy:
        return str(busy)


def _time(seq: int | None) -> datetime:
    """Return the time that ages count to: that of an event, or now."""
    if seq is not None:
        recorded = LoggedEvent.objects.filter(seq__lte=seq).order_by("-seq").first()
        if recorded is not None:
            return recorded.recorded_at
    return datetime.now(UTC)
