"""Views of instruments: all of them with their latest quotes, and one with its book, marks and funding as charts."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from marketdata.models import Instrument, Venue
from portfolio.queries import instruments as queries
from portfolio.queries.budgets import data_budgets_ms
from portfolio.queries.instruments import SORTS, SPANS, Asked
from portfolio.queries.suspensions import suspended_now
from portfolio.screen.instruments import InstrumentLine, instrument_line

PAGE: Final = 100  # instruments on a page
TEXT_MAX: Final = 100  # characters of each thing asked for
STATES: Final = {"": "all", "trading": "trading", "not": "not trading"}


@require_safe
@never_cache
def instruments(request: HttpRequest) -> HttpResponse:
    """Show the instruments that were asked for, with their latest quotes."""
    asked = Asked(
        **{name: request.GET.get(name, "").strip()[:TEXT_MAX] for name in ("words", "venue", "status", "sort")}
    )
    page = Paginator(queries.found(asked), PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    context: dict[str, Any] = {
        "asked": asked,
        "page": page,
        "lines": _lines(page.object_list),
        "venues": Venue.objects.values_list("name", flat=True),
        "states": STATES,
        "sorts": SORTS,
        "query": kept.urlencode(),
    }
    return render(request, "portfolio/instruments.html", context)


@require_safe
@never_cache
def instrument(request: HttpRequest, instrument_id: str) -> HttpResponse:
    """Show one instrument: what the venue says it is, its latest quote, and its charts."""
    row = _one(instrument_id)
    (line,) = _lines([row])
    context = {"row": row, "line": line, "tiers": row.tiers.all(), "spans": tuple(SPANS), "span": _span(request)}
    return render(request, "portfolio/instrument.html", context)


@require_safe
@never_cache
def charts(request: HttpRequest, instrument_id: str) -> HttpResponse:
    """Return what the charts of an instrument draw."""
    return JsonResponse(queries.charts(_one(instrument_id), _span(request), datetime.now(UTC)))


def _one(instrument_id: str) -> Instrument:
    row = Instrument.objects.filter(pk=instrument_id).first()
    if row is None:
        raise Http404(f"Reference data has no instrument {instrument_id[:TEXT_MAX]}.")
    return row


def _span(request: HttpRequest) -> str:
    given = request.GET.get("span", "")
    return given if given in SPANS else "1h"


def _lines(rows: Any) -> list[InstrumentLine]:
    marks = queries.latest([row.id for row in rows])
    budget_ms = data_budgets_ms().get("quote")
    budget = timedelta(milliseconds=budget_ms) if budget_ms else None
    now = datetime.now(UTC)
    suspended = suspended_now()
    return [instrument_line(row, marks[row.id], budget, now, suspended.get(row.id, ())) for row in rows]
