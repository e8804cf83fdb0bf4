"""Views of halting: one form halts at once, two people resume."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portfolio.operations.halts import (
    REASON_LENGTH_MAX,
    ApproverIsAsker,
    HaltIsNotInForce,
    LogIsBusy,
    ReasonIsMalformed,
    ResumeIsAsked,
    ResumeIsNotAsked,
    ScopeIsUnknown,
    approve_resume,
    ask_resume,
    declare_halt,
)
from portfolio.queries.halts import in_force, in_force_at, past, past_at, scopes, where
from portfolio.views.moments import moment_of, with_past

REASON: Final = "Something looks wrong"  # so that one press halts
SEEN_LENGTH: Final = 16  # hexadecimal digits by which a page tells what it shows


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@with_past
def halt(request: HttpRequest) -> HttpResponse:
    """Show what is halted and halt, by one form; or what was halted at a moment."""
    if request.method == "POST":
        return _declare(request)
    return _page(request)


@permission_required("portfolio.declare_halt", raise_exception=True)
def _declare(request: HttpRequest) -> HttpResponse:
    reason = request.POST.get("reason", "").strip() or REASON
    try:
        made = declare_halt(
            request.POST.get("scope", ""), by=request.user.get_username(), reason=reason, at=datetime.now(UTC)
        )
    except (ScopeIsUnknown, ReasonIsMalformed) as refusal:
        return _page(request, str(refusal), status=400)
    except LogIsBusy as busy:
        return _page(request, str(busy), status=503)
    messages.warning(request, f"Halted: {where(made.scope)}. New risk is refused from now on.")
    return redirect("portfolio:halt")


@require_POST
@permission_required("portfolio.lift_halt", raise_exception=True)
def ask(request: HttpRequest, halt_id: str) -> HttpResponse:
    """Be the first of two people to lift a halt."""
    reason = request.POST.get("reason", "")
    try:
        ask_resume(halt_id, by=request.user.get_username(), reason=reason, at=datetime.now(UTC))
    except ReasonIsMalformed as refusal:
        return _page(request, str(refusal), status=400)
    except (HaltIsNotInForce, ResumeIsAsked) as refusal:
        return _page(request, str(refusal), status=409)
    except LogIsBusy as busy:
        return _page(request, str(busy), status=503)
    return redirect("portfolio:halt")


@require_POST
@permission_required("portfolio.lift_halt", raise_exception=True)
def approve(request: HttpRequest, halt_id: str) -> HttpResponse:
    """Be the second of two people, and lift a halt."""
    try:
        lifted = approve_resume(halt_id, by=request.user.get_username(), at=datetime.now(UTC))
    except ApproverIsAsker as refusal:
        return _page(request, str(refusal), status=403)
    except (HaltIsNotInForce, ResumeIsNotAsked) as refusal:
        return _page(request, str(refusal), status=409)
    except LogIsBusy as busy:
        return _page(request, str(busy), status=503)
    messages.success(request, f"Resumed: {where(lifted.scope)}. New risk is admitted again.")
    return redirect("portfolio:halt")


@login_not_required  # an open page of a session that ended must not be sent to the login from here
@never_cache
@require_safe
def notice(request: HttpRequest) -> HttpResponse:
    """Return the notice of the halts in force; nothing when the page shows it already."""
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    text = render_to_string("portfolio/_halts.html", {"halts": in_force()})
    seen = hashlib.sha256(text.encode()).hexdigest()[:SEEN_LENGTH]
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return HttpResponse(text, headers={"X-Seen": seen})


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    then = moment_of(request)
    context: dict[str, Any] = {
        "shown": in_force_at(then.at) if then else in_force(),
        "past": past_at(then.at) if then else past(),
        "scopes": scopes(),
        "reason": request.POST.get("reason", "") or REASON,
        "reason_length_max": REASON_LENGTH_MAX,
        "refusal": refusal,
        "may_lift": then is None and request.user.has_perm("portfolio.lift_halt"),
    }
    return render(request, "portfolio/halt.html", context, status=status)
