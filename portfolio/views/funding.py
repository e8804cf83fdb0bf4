"""Views of funding: what positions are paid next and were paid of late, now or as of a moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio import screen
from portfolio.core.frames import Frame
from portfolio.core.funding_facts import Paid
from portfolio.queries.funding import paid_of_late, term_changes
from portfolio.queries.past_frames import past_frame
from portfolio.screen import funding_export
from portfolio.screen.funding import DAYS_PAID, sections
from portfolio.views.moments import moment_of, with_past


@require_safe
@never_cache
@with_past
def funding(request: HttpRequest) -> HttpResponse:
    """Show the calendar of the latest frame, or of a moment."""
    return render(request, "portfolio/funding.html", _context(request))


@require_safe
@never_cache
@with_past
def listed(request: HttpRequest) -> HttpResponse:
    """Return the numbers of the page as they are now, to take the place of those in it."""
    return render(request, "portfolio/_funding_live.html", _context(request))


@require_safe
@never_cache
@with_past
def export(request: HttpRequest) -> HttpResponse:
    """Return the calendar as CSV with all digits."""
    frame = _frame(request)
    if frame is None:
        said = "no frame has been shown yet: the engine shows one as soon as it holds its lease"
        return HttpResponse(said, status=503, content_type="text/plain; charset=utf-8")
    tell_export(request)
    body = funding_export.calendar(frame, _paid(request))
    answer = HttpResponse(body, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="funding-{frame.at:%Y%m%dT%H%M%SZ}.csv"'
    return answer


def _frame(request: HttpRequest) -> Frame | None:
    then = moment_of(request)
    return past_frame(then) if then else screen.latest()


def _paid(request: HttpRequest) -> tuple[Paid, ...]:
    then = moment_of(request)
    return paid_of_late((then.at if then else datetime.now(UTC)) - timedelta(days=DAYS_PAID), then)


def _context(request: HttpRequest) -> dict[str, Any]:
    frame, then = _frame(request), moment_of(request)
    if frame is None:
        return {"frame": None}
    now = then.at if then else datetime.now(UTC)
    return {"frame": frame, "now": now, **sections(frame, _paid(request), term_changes(then))}
