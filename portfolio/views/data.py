"""Views of the data that the book rests on."""

from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from marketdata.core.look_back import look_back
from marketdata.queries import recorded
from portfolio import screen
from portfolio.core.frames import Frame
from portfolio.queries.budgets import data_budgets_ms
from portfolio.queries.market_health import market_health
from portfolio.queries.oracle_quotes import oracle_quotes
from portfolio.queries.past_frames import past_frame
from portfolio.queries.upkeep import upkeep_now
from portfolio.screen import market_health as health
from portfolio.screen import status
from portfolio.screen.data import datums
from portfolio.screen.oracle_lines import oracle_lines
from portfolio.views.moments import moment_of, with_past

DATA_PAGE: Final = 200  # data on a page
FEED_LENGTH_MAX: Final = 100  # characters of a feed's name


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
        context |= {"upkeep": upkeep_now()} | _channels(now)
    context |= _feeds(frame)
    return render(request, "portfolio/data.html", context)


@require_safe
@never_cache
def channels(request: HttpRequest) -> HttpResponse:
    """Return how feeds, the channels of public market data and the recorder do now."""
    context = _feeds(screen.latest()) | _channels(datetime.now(UTC))
    return render(request, "portfolio/_channels.html", context)


@require_safe
@never_cache
def refused(request: HttpRequest) -> HttpResponse:
    """Show the latest messages that feeds refused, with their bytes."""
    feed = request.GET.get("feed", "")[:FEED_LENGTH_MAX]
    context = {
        "feed": feed,
        "rows": recorded.refused(feed),
        "counts": recorded.refused_counts(),
        "shown_max": recorded.REFUSED_SHOWN,
    }
    return render(request, "portfolio/refused.html", context)


def _feeds(frame: Frame | None) -> dict[str, Any]:
    return {"feeds": status.feeds(frame.feeds, status.ALL_COUNTERS)} if frame else {}


def _channels(at: datetime) -> dict[str, Any]:
    feeds, recorder = market_health()
    of_oracles, quotes = oracle_quotes()
    return {
        "look_back": look_back(feeds),
        "channels": health.feed_lines(feeds, data_budgets_ms(), recorded.refused_counts(), at),
        "oracles": oracle_lines(of_oracles, quotes, at),
        "recorder": health.recorder_line(recorder, at),
        "days": settings.MARKET_DATA_DAYS,
    }
