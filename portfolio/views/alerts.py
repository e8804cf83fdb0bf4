"""Views of alerts: a list that follows by itself, and the two words that a person has for each."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portfolio.operations.alerts import (
    AlertIsOver,
    BookIsBusy,
    LogIsBusy,
    NoteIsMalformed,
    SnoozeIsTooLong,
    acknowledge_alert,
    snooze_alert,
)
from portfolio.queries.alerts import AlertList, alert_list

MAY_TAKE: Final = "portfolio.declare_halt"  # every role takes alerts
MINUTES_DIGITS_MAX: Final = 6
SEEN_LENGTH: Final = 16  # hexadecimal digits by which a page tells what it shows


@require_safe
@never_cache
def alerts(request: HttpRequest) -> HttpResponse:
    """Show the alerts that stand, and the latest that are over."""
    return _page(request)


@require_safe
@never_cache
def listed(request: HttpRequest) -> HttpResponse:
    """Return the list, to take the place of the one in the page; nothing when that is the same."""
    found = alert_list(datetime.now(UTC))
    if request.GET.get("seen") == _seen(found):
        return HttpResponse(status=204)
    return _page(request, template="portfolio/_alerts.html")


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
    found = alert_list(datetime.now(UTC))
    context = {
        "refusal": refusal,
        "list": found,
        "seen": _seen(found),
        "may_take": request.user.has_perm(MAY_TAKE),
    }
    return render(request, template, context, status=status)


def _seen(found: AlertList) -> str:
    shown = [(line.alert, line.state) for line in (*found.standing, *found.over)]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:SEEN_LENGTH]
