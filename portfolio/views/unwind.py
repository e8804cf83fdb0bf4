"""Views of the unwind run: a part of the supply redeemed in hours, as a page whose link holds it, and as a file."""

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio.core.scenarios.asked import ScenarioIsRefused
from portfolio.core.scenarios.unwind import HOURS_AFTER, unwind
from portfolio.core.scenarios.unwind_asked import UNWIND_BOUNDS, UnwindAsked, unwind_asked
from portfolio.core.scenarios.unwind_table import unwind_columns
from portfolio.queries.books import BookIsBusy
from portfolio.queries.unwind import unwind_book
from portfolio.screen.scenario_export import as_csv
from portfolio.screen.unwind import unwind_shown

SHARES: Final = (10, 25, 50)  # % of the supply, by one click
# Fields: name, title, unit.
FIELDS: Final = (
    ("unwind", "redeemed", "% of the supply"),
    ("hours", "within", "hours"),
    ("taken", "bought of what the books show", "%"),
    ("refills", "books come back", "times an hour"),
    ("transfer", "collateral is on its way", "hours"),
    ("block", "a block each", "s"),
)


@require_safe
@never_cache
def run(request: HttpRequest) -> HttpResponse:
    """Show a run of redemptions on the book of now."""
    context: dict[str, Any] = {}
    wanted, status = UnwindAsked(), 200
    try:
        wanted = unwind_asked(request.GET.dict())
        book, seq = unwind_book(datetime.now(UTC))
        context = {"missing": book.missing, "seq": seq}
        if book.supply:
            context["found"] = unwind_shown(book, unwind(book, wanted))
    except ScenarioIsRefused as refusal:
        context, status = {"refusal": str(refusal)}, 400
    except BookIsBusy as busy:
        context, status = {"refusal": str(busy)}, 503
    context |= {
        "wanted": wanted,
        "link": f"?{urlencode(wanted.query())}",
        "shares": [(share, urlencode(wanted.query() | {"unwind": str(share)})) for share in SHARES],
        "fields": [(name, title, unit, f"{getattr(wanted, name):.10g}", _bounds(name)) for name, title, unit in FIELDS],
        "hours_after": HOURS_AFTER,
    }
    return render(request, "portfolio/unwind.html", context, status=status)


@require_safe
@never_cache
def export(request: HttpRequest) -> HttpResponse:
    """Return a run hour by hour as CSV."""
    try:
        wanted = unwind_asked(request.GET.dict())
        book, _ = unwind_book(datetime.now(UTC))
    except ScenarioIsRefused as refusal:
        return HttpResponse(str(refusal), status=400, content_type="text/plain; charset=utf-8")
    except BookIsBusy as busy:
        return HttpResponse(str(busy), status=503, content_type="text/plain; charset=utf-8")
    tell_export(request)
    name = f"unwind-{wanted.unwind:g}-in-{wanted.hours:g}-h.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    text = as_csv(unwind_columns(unwind(book, wanted)))
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _bounds(name: str) -> str:
    return "from {:,g} to {:,g}".format(*UNWIND_BOUNDS[name])
