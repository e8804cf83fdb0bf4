"""Views of scenarios: a what-if as a page whose link holds all of it, and as a file."""

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio.core.scenarios.asked import BOUNDS, Asked, ScenarioIsRefused, asked
from portfolio.core.scenarios.presets import GRIDS, HISTORY
from portfolio.core.scenarios.run import run
from portfolio.core.scenarios.shocks import ShockIsRefused
from portfolio.core.scenarios.table import columns
from portfolio.queries.books import BookIsBusy
from portfolio.queries.scenarios import scenario_book
from portfolio.screen.scenario import Shown, seconds, shown
from portfolio.screen.scenario_export import as_csv, as_parquet
from portfolio.views.moments import moment_of, with_past

BOOKS: Final = {
    "linear": "Linear margined",
    "inverse": "Inverse margined",
    "mixed": "Linear and inverse",
    "live": "Live book",
}
REFUSALS: Final = (ScenarioIsRefused, ShockIsRefused)

# Fields under "More": name, title, unit.
FURTHER: Final = (
    ("basis", "basis of all marks", "bp"),
    ("depeg", "staked against its coin", "%"),
    ("stable", "stablecoins in USD", "%"),
    ("haircut", "more haircut on staked", "points"),
    ("days", "held for", "days"),
    ("funding", "funding each 8 h", "%"),
    ("borrow", "borrow rate a year", "%"),
    ("staking", "staking rate a year", "%"),
    ("cost", "cost of trading", "bp"),
)
TYPED: Final = (
    ("value", "portfolio", "USD"),
    ("price", "ETH then", "USD"),
    ("ratio", "staked counts as margin", "%"),
    ("mm", "maintenance margin", "%"),
)
NAMED: Final = (
    ("betas", "betas after ETH", "BTC:0.8"),
    ("moves", "moves by themselves, %", "BTC:-30"),
    ("failed", "venues that fail", "binance-usdm"),
    ("frozen", "custodians frozen", "ceffu"),
)


@require_safe
@never_cache
@with_past
def scenarios(request: HttpRequest) -> HttpResponse:
    """Show a scenario with everything that it is made of."""
    context, status = _context(request)
    return render(request, "portfolio/scenarios.html", context, status=status)


@require_safe
@never_cache
@with_past
def drawn(request: HttpRequest) -> HttpResponse:
    """Return what a scenario comes to, for a page that is open."""
    context, status = _context(request)
    return render(request, "portfolio/_scenario.html", context, status=status)


@require_safe
@never_cache
@with_past
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """Return all columns of a scenario as a file, `kind` csv or parquet."""
    try:
        wanted = asked(request.GET.dict())
        book, seq = scenario_book(wanted, datetime.now(UTC), moment_of(request))
        found = columns(book, run(book, wanted, wanted.steps))
    except REFUSALS as refusal:
        return HttpResponse(str(refusal), status=400, content_type="text/plain; charset=utf-8")
    except BookIsBusy as busy:
        return HttpResponse(str(busy), status=503, content_type="text/plain; charset=utf-8")
    tell_export(request)
    headers = {"Content-Disposition": f'attachment; filename="scenario-{wanted.book}.{kind}"'}
    if kind == "csv":
        return HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8", headers=headers)
    about = wanted.query() | {"book": wanted.book, "seq": "" if seq is None else str(seq)}
    return HttpResponse(as_parquet(found, about), content_type="application/vnd.apache.parquet", headers=headers)


def _context(request: HttpRequest) -> tuple[dict[str, Any], int]:
    second = request.GET.get("heat", "")
    second = second if second in seconds() else seconds()[0]
    wanted, refusal, status = Asked(), "", 200
    found: Shown | None = None
    missing: tuple[str, ...] = ()
    seq: int | None = None
    try:
        wanted = asked(request.GET.dict())
        book, seq = scenario_book(wanted, datetime.now(UTC), moment_of(request))
        missing = book.missing
        is_empty = not book.positions and not book.holdings
        found = None if is_empty else shown(book, wanted, second)
    except REFUSALS as said:
        refusal, status = str(said), 400
    except BookIsBusy as busy:
        refusal, status = str(busy), 503
    link = urlencode(wanted.query() | ({"heat": second} if second != seconds()[0] else {}))
    context = {
        "wanted": wanted,
        "found": found,
        "refusal": refusal,
        "missing": missing,
        "seq": seq,
        "link": f"?{link}" if link else "?",
        "books": BOOKS,
        "grids": tuple(GRIDS),
        "history": HISTORY,
        "second": second,
        "seconds": seconds(),
        "fields": _fields(FURTHER, wanted),
        "typed": _fields(TYPED, wanted),
        "named": [(name, title, hint, wanted.query().get(name, "")) for name, title, hint in NAMED],
        "coin": _text(wanted.typed.coin_share * 100),
        "drawn_url": reverse("portfolio:scenario_drawn"),
        "s": _text(wanted.s),
        "w": _text(wanted.w),
        "x": _text(wanted.x),
    }
    return context, status


def _fields(fields: tuple[tuple[str, str, str], ...], wanted: Asked) -> list[dict[str, str]]:
    plain = Asked()
    return [
        {
            "name": name,
            "title": title,
            "unit": unit,
            "value": _text(getattr(wanted, name)),
            "default": _text(getattr(plain, name)),
            "bounds": "from {:,g} to {:,g}".format(*BOUNDS[name]),
        }
        for name, title, unit in fields
    ]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
