"""Views of backing: what stands behind the synthetic dollar, cell by cell, now or as of a moment."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio import screen
from portfolio.core.frames import Frame
from portfolio.queries.past_frames import past_frame
from portfolio.screen import backing_export
from portfolio.screen.backing import sections
from portfolio.views.moments import moment_of, with_past


@require_safe
@never_cache
@with_past
def backing(request: HttpRequest) -> HttpResponse:
    """Show the balance sheet of the latest frame, or of a moment."""
    return render(request, "portfolio/backing.html", _context(request))


@require_safe
@never_cache
@with_past
def listed(request: HttpRequest) -> HttpResponse:
    """Return the numbers of the page as they are now, to take the place of those in it."""
    return render(request, "portfolio/_backing_live.html", _context(request))


@require_safe
@never_cache
@with_past
def export(request: HttpRequest) -> HttpResponse:
    """Return the balance sheet as CSV with all digits."""
    frame = _frame(request)
    if frame is None:
        said = "no frame has been shown yet: the engine shows one as soon as it holds its lease"
        return HttpResponse(said, status=503, content_type="text/plain; charset=utf-8")
    tell_export(request)
    answer = HttpResponse(backing_export.sheet(frame), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="backing-{frame.at:%Y%m%dT%H%M%SZ}.csv"'
    return answer


def _frame(request: HttpRequest) -> Frame | None:
    then = moment_of(request)
    return past_frame(then) if then else screen.latest()


def _context(request: HttpRequest) -> dict[str, Any]:
    frame, then = _frame(request), moment_of(request)
    if frame is None:
        return {"frame": None}
    return {"frame": frame, "now": then.at if then else datetime.now(UTC), **sections(frame)}
