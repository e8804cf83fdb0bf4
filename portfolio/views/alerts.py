"""Views of alerts: a list that follows by itself, and the two words that a person has for each."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib.auth.decorators import login_not_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portfolio import screen
from portfolio.context import calling
from portfolio.operations.alerts import (
    AlertIsOver,
    BookIsBusy,
    LogIsBusy,
    NoteIsMalformed,
    SnoozeIsTooLong,
    acknowledge_alert,
    snooze_alert,
)
from portfolio.queries.alerts import AlertList, alert_list, past_alerts
from portfolio.views.moments import moment_of, with_past

MAY_TAKE: Final = "portfolio.declare_halt"  # every role takes alerts
MINUTES_DIGITS_MAX: Final = 6
SEEN_LENGTH: Final = 16  # hexadecimal digits by which a page tells what it shows


@require_safe
@never_cache
@with_past
def alerts(request: HttpRequest) -> HttpResponse:
    """Show the alerts that stand, and the latest that are over; now or at a moment."""
    return _page(request)


@require_safe
@never_cache
def listed(request: HttpRequest) -> HttpResponse:
    """Return the list, to take the place of the one in the page; nothing when that is the same."""
    found = alert_list(datetime.now(UTC))
    frame = screen.latest()
    if request.GET.get("seen") == _seen(found, frame.minting.starting if frame else ()):
        return HttpResponse(status=204)
    return _page(request, template="portfolio/_alerts.html")


@login_not_required  # an open page of a session that ended must not be sent to the login from here
@require_safe
@never_cache
def badge(request: HttpRequest) -> HttpResponse:
    """Return how many alerts wait, for the header of a page; nothing when the page shows it already."""
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    text = render_to_string("portfolio/_alert_badge.html", calling(request))
    seen = hashlib.sha256(text.encode()).hexdigest()[:SEEN_LENGTH]
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return HttpResponse(text, headers={"X-Seen": seen})


@require_POST
@permission_required(MAY_TAKE, raise_exception=True)
def acknowledge(request: HttpRequest, alert_id: str) -> HttpResponse:
    """Take an alert."""
    try:
        acknowledge_alert(alert_id, by=request.user.get_username(), at=datetime.now(UTC))
    except AlertIsOver as refusal:
        return _page(request, str(refusal), 409)
    except NoteIsMalformed as refusal:
        return _page(request, str(refusal), 400)
    except (LogIsBusy, BookIsBusy) as busy:
        return _page(request, str(busy), 503)
    return redirect("portfolio:alerts")


@require_POST
@permission_required(MAY_TAKE, raise_exception=True)
def snooze(request: HttpRequest, alert_id: str) -> HttpResponse:
    """Let an alert be quiet for some minutes."""
    minutes = request.POST.get("minutes", "")
    if not (minutes.isascii() and minutes.isdigit() and len(minutes) <= MINUTES_DIGITS_MAX):
        return _page(request, f"minutes: a whole number expected, found {minutes[:20]!r}", 400)
    try:
        span = timedelta(minutes=int(minutes))
        snooze_alert(alert_id, span, by=request.user.get_username(), at=datetime.now(UTC))
    except AlertIsOver as refusal:
        return _page(request, str(refusal), 409)
    except (SnoozeIsTooLong, NoteIsMalformed) as refusal:
        return _page(request, str(refusal), 400)
    except (LogIsBusy, BookIsBusy) as busy:
        return _page(request, str(busy), 503)
    return redirect("portfolio:alerts")


def _page(
    request: HttpRequest, refusal: str = "", status: int = 200, template: str = "portfolio/alerts.html"
) -> HttpResponse:
    then = moment_of(request)
    found = past_alerts(then) if then else alert_list(datetime.now(UTC))
    frame = None if then else screen.latest()
    starting = frame.minting.starting if frame else ()
    context = {
        "refusal": refusal,
        "list": found,
        "starting": starting,
        "seen": _seen(found, starting),
        "may_take": then is None and request.user.has_perm(MAY_TAKE),
    }
    return render(request, template, context, status=status)


def _seen(found: AlertList, starting: tuple[str, ...]) -> str:
    shown = [starting, *((line.alert, line.state) for line in (*found.standing, *found.over))]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:SEEN_LENGTH]
