"""Views of suspensions: what takes no new risk and why, stopped and let go on by a person."""

from datetime import UTC, datetime
from typing import Any, Final, get_args

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from hedgeapp.core.events.suspensions import SuspensionCause
from portfolio.core.suspensions import WHY
from portfolio.operations.suspensions import (
    REASON_LENGTH_MAX,
    BookIsBusy,
    InstrumentIsUnknown,
    LogIsBusy,
    RowRefused,
    SuspensionEndsByItself,
    SuspensionIsNotInForce,
    SuspensionReasonIsMalformed,
    release_instrument,
    suspend_instrument,
)
from portfolio.queries.suspensions import standing
from portfolio.views.moments import moment_of, with_past

MAY_SUSPEND: Final = "portfolio.declare_halt"
MAY_RELEASE: Final = "portfolio.lift_halt"
CAUSES: Final[dict[str, SuspensionCause]] = {cause: cause for cause in get_args(SuspensionCause)}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@with_past
def suspensions(request: HttpRequest) -> HttpResponse:
    """Show what is suspended and suspend, by one form; or what was suspended at a moment."""
    return _suspend(request) if request.method == "POST" else _page(request)


@permission_required(MAY_SUSPEND, raise_exception=True)
def _suspend(request: HttpRequest) -> HttpResponse:
    instrument, reason = request.POST.get("instrument", ""), request.POST.get("reason", "")
    try:
        suspend_instrument(instrument, by=request.user.get_username(), reason=reason, at=datetime.now(UTC))
    except (InstrumentIsUnknown, SuspensionReasonIsMalformed) as refusal:
        return _page(request, str(refusal), status=400)
    except (LogIsBusy, BookIsBusy) as busy:
        return _page(request, str(busy), status=503)
    messages.warning(request, f"Suspended: {instrument}. New risk on it is refused from now on.")
    return redirect("portfolio:suspensions")


@require_POST
@permission_required(MAY_RELEASE, raise_exception=True)
def release(request: HttpRequest) -> HttpResponse:
    """End the suspension that the page showed, keeping our specification or taking the venue's over."""
    given = request.POST
    cause, shown_at = CAUSES.get(given.get("cause", "")), _time(given.get("suspended_at", ""))
    instrument = given.get("instrument", "")
    if cause is None or shown_at is None:
        return _page(request, "a suspension as the page showed it expected, found none: look again", status=400)
    try:
        release_instrument(
            instrument,
            cause,
            suspended_at=shown_at,
            takes_over=given.get("specification") == "theirs",
            by=request.user.get_username(),
            reason=given.get("reason", ""),
            at=datetime.now(UTC),
        )
    except SuspensionReasonIsMalformed as refusal:
        return _page(request, str(refusal), status=400)
    except (SuspensionIsNotInForce, SuspensionEndsByItself, RowRefused) as refusal:
        return _page(request, str(refusal), status=409)
    except (LogIsBusy, BookIsBusy) as busy:
        return _page(request, str(busy), status=503)
    messages.success(request, f"Released: {instrument}, which was suspended {WHY[cause]}.")
    return redirect("portfolio:suspensions")


def _time(given: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    then = moment_of(request)
    context: dict[str, Any] = {
        "standing": standing(then),
        "refusal": refusal,
        "reason_length_max": REASON_LENGTH_MAX,
        "may_suspend": then is None and request.user.has_perm(MAY_SUSPEND),
        "may_release": then is None and request.user.has_perm(MAY_RELEASE),
    }
    return render(request, "portfolio/suspensions.html", context, status=status)
