"""Views of funding: what positions are paid next and were paid of late, now or as of a moment."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio import screen
from portfolio.core.frames import Frame
from portfolio.core.funding_facts import Paid
from portfolio.core.reserve_days import Stress
from portfolio.queries.funding import paid_of_late, term_changes
from portfolio.queries.past_frames import past_frame
from portfolio.screen import funding_export
from portfolio.screen.funding import DAYS_PAID, sections
from portfolio.screen.reserve_days import TEXT_MAX, RateIsRefused, reserve_rows, stress_in
from portfolio.views.moments import moment_of, with_past


@require_safe
@never_cache
@with_past
def funding(request: HttpRequest) -> HttpResponse:
    """Show the calendar of the latest frame, or of a moment."""
    return _answer(request, "portfolio/funding.html")


@require_safe
@never_cache
@with_past
def listed(request: HttpRequest) -> HttpResponse:
    """Return the numbers of the page as they are now, to take the place of those in it."""
    return _answer(request, "portfolio/_funding_live.html")


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


def _answer(request: HttpRequest, template: str) -> HttpResponse:
    """Return the page, or what is wrong with a rate that was typed in, beside all that needs none."""
    try:
        stress, refusal = stress_in(request.GET.dict()), ""
    except RateIsRefused as refused:
        stress, refusal = Stress(), str(refused)
    context = _context(request, stress) | {"refusal": refusal, "typed": _typed(request)}
    return render(request, template, context, status=400 if refusal else 200)


def _typed(request: HttpRequest) -> dict[str, str]:
    """Return the rates as they were typed in, and the address that asks for them again."""
    given = {name: request.GET.get(name, "")[:TEXT_MAX] for name in ("funding", "staking")}
    return {**given, "query": urlencode({name: value for name, value in given.items() if value})}


def _frame(request: HttpRequest) -> Frame | None:
    then = moment_of(request)
    return past_frame(then) if then else screen.latest()


def _paid(request: HttpRequest) -> tuple[Paid, ...]:
    then = moment_of(request)
    return paid_of_late((then.at if then else datetime.now(UTC)) - timedelta(days=DAYS_PAID), then)


def _context(request: HttpRequest, stress: Stress) -> dict[str, Any]:
    frame, then = _frame(request), moment_of(request)
    if frame is None:
        return {"frame": None}
    now = then.at if then else datetime.now(UTC)
    shown = sections(frame, _paid(request), term_changes(then))
    return {"frame": frame, "now": now, "reserve": reserve_rows(frame, stress), **shown}
