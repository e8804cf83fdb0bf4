"""Views of PnL: what was earned by position, venue and asset, and why the net asset value changed."""

from dataclasses import replace
from datetime import UTC
from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio.core.profits import CUTS, PROFIT_LINES, Cut
from portfolio.queries.books import BookIsBusy
from portfolio.queries.minutes import days_with_parts
from portfolio.queries.profits import Earned, earned
from portfolio.screen import numbers, pnl_export
from portfolio.screen import pnl as shown
from portfolio.views.moments import moment_of, with_past

SPANS: Final = {"today": "day in UTC", "whole": "since the log began"}
FILES: Final = ("profits", "lines", "days", "minutes", "unexplained")


@require_safe
@never_cache
@with_past
def pnl(request: HttpRequest) -> HttpResponse:
    """Show what was earned, and why the net asset value changed, now or as of a moment."""
    try:
        return render(request, "portfolio/pnl.html", _context(request))
    except BookIsBusy as busy:
        return render(request, "portfolio/pnl.html", {"busy": str(busy)}, status=503)


@require_safe
@never_cache
@with_past
def listed(request: HttpRequest) -> HttpResponse:
    """Return the numbers of the page as they are now, to take the place of those in it."""
    try:
        return render(request, "portfolio/_pnl_live.html", _context(request))
    except BookIsBusy:
        return HttpResponse(status=503)


@require_safe
@never_cache
@with_past
def charts(request: HttpRequest) -> JsonResponse:
    """Return what the charts draw."""
    try:
        return JsonResponse(shown.charts(earned(moment_of(request))))
    except BookIsBusy as busy:
        return JsonResponse({"error": str(busy)}, status=503)


@require_safe
@never_cache
@with_past
def export(request: HttpRequest) -> HttpResponse:
    """Return one of the page's tables as CSV with all digits."""
    wanted = request.GET.get("of", FILES[0])
    if wanted not in FILES:
        said = f"of: one of {', '.join(FILES)} expected, found {wanted[:40]}"
        return HttpResponse(said, status=400, content_type="text/plain; charset=utf-8")
    try:
        of = earned(moment_of(request))
    except BookIsBusy as busy:
        return HttpResponse(str(busy), status=503, content_type="text/plain; charset=utf-8")
    tell_export(request)
    told = _file(wanted, of)
    name = f"pnl-{wanted}-{of.at:%Y%m%dT%H%M%SZ}.csv"
    return HttpResponse(
        told, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _file(wanted: str, of: Earned) -> str:
    minutes = of.day.minutes if of.day else ()
    match wanted:
        case "lines":
            return pnl_export.lines(of)
        case "days":
            return pnl_export.days(of, days_with_parts(of.at.astimezone(UTC).date()))
        case "minutes":
            return pnl_export.minutes(minutes)
        case "unexplained":
            return pnl_export.unexplained(minutes)
    spans = {"today": of.today} if of.today is not None else {}
    return pnl_export.profits({**spans, "whole": of.whole}, of.stood)


def _context(request: HttpRequest) -> dict[str, Any]:
    of = earned(moment_of(request))
    cut = _cut(request)
    span = request.GET.get("span") if request.GET.get("span") in SPANS else "today"
    chosen = of.whole if span == "whole" else of.today
    kept = {"cut": cut, "span": span}
    return {
        "earned": of,
        "cut": cut,
        "cuts": CUTS,
        "span": span,
        "spans": SPANS,
        "kept": kept,
        "nav": _nav(of),
        "lines": shown.attribution_lines(of),
        "days": shown.day_lines(of),
        "rest": shown.rest_word(of),
        "rows": None if chosen is None else shown.profit_rows(chosen, cut, of.stood),
        "total_today": shown.usd(None) if of.today is None else shown.total_usd(of.today, of.stood),
        "total_whole": shown.total_usd(of.whole, of.stood),
        "columns": [shown.PROFIT_WORDS[line] for line in PROFIT_LINES],
        "missing": shown.missing_lines(of.day),
    }


def _nav(of: Earned) -> shown.Cell:
    nav = of.day.after if of.day else None
    return shown.usd(None) if nav is None else replace(shown.usd(nav), text=numbers.plain(nav, shown.CENTS))


def _cut(request: HttpRequest) -> Cut:
    given = request.GET.get("cut", "")
    return next((cut for cut in get_args(Cut) if cut == given), "position")
