"""Views of the data that the book rests on."""

from datetime import UTC, datetime
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portfolio import screen
from portfolio.queries.budgets import data_budgets_ms
from portfolio.queries.past_frames import past_frame
from portfolio.queries.upkeep import upkeep_now
from portfolio.screen import status
from portfolio.screen.data import datums
from portfolio.views.moments import moment_of, with_past

DATA_PAGE: Final = 200  # data on a page


@require_safe
@never_cache
@with_past
def data(request: HttpRequest) -> HttpResponse:
    """Show every datum in use and how its feeds do, now or at a moment; who holds the services is known only of now."""
    then = moment_of(request)
    frame = past_frame(then) if then else screen.latest()
    words = request.GET.get("words", "").strip()
    now = then.at if then else datetime.now(UTC)
    found = datums(frame.marks, data_budgets_ms(), now, words) if frame else []
    page = Paginator(found, DATA_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {"frame": frame, "page": page, "words": words, "now": now}
    if not then:
        context["upkeep"] = upkeep_now()
    if frame:
        context["feeds"] = status.feeds(frame.feeds, status.ALL_COUNTERS)
    return render(request, "portfolio/data.html", context)
