"""Views of scenarios: a what-if as a page whose link holds all of it, and as a file."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from portfolio.core.scenarios.asked import BOUNDS, Asked, ScenarioIsRefused, asked
from portfolio.core.scenarios.presets import GRIDS, HISTORY
from portfolio.core.scenarios.run import run
from portfolio.core.scenarios.saved import link_of
from portfolio.core.scenarios.shocks import ShockIsRefused
from portfolio.core.scenarios.table import columns
from portfolio.operations.scenarios import REASON_LENGTH_MAX
from portfolio.queries.books import BookIsBusy
from portfolio.queries.saved_scenarios import saved_scenarios
from portfolio.queries.scenarios import scenario_book
from portfolio.queries.standing import results_now
from portfolio.screen.saved_scenarios import BOOKS, SavedLine, saved_line
from portfolio.screen.scenario import Shown, seconds, shown
from portfolio.screen.scenario_export import as_csv, as_parquet
from portfolio.views.moments import moment_of, with_past

MAY_SAVE: Final = "portfolio.save_scenario"
MAY_MARK: Final = "portfolio.mark_scenario"
MAY_DROP_OTHERS: Final = "portfolio.drop_others_scenario"
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
    return page(request, request.GET.urlencode())


@require_safe
@never_cache
@with_past
def drawn(request: HttpRequest) -> HttpResponse:
    """Return what a scenario comes to, for a page that is open."""
    context, status = _context(request, request.GET.dict())
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


def page(request: HttpRequest, link: str, not_done: str = "", status: int = 200) -> HttpResponse:
    """Show the scenario of a link and those that are saved; `not_done` is why something could not be."""
    context, of_scenario = _context(request, dict(parse_qsl(link)))
    context |= {"not_done": not_done} | _saved(request)
    return render(request, "portfolio/scenarios.html", context, status=status if not_done else of_scenario)


def _saved(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows of saved scenarios."""
    moment, person = moment_of(request), request.user
    may_drop_others = person.has_perm(MAY_DROP_OTHERS)
    saved: tuple[SavedLine, ...] = ()
    with suppress(BookIsBusy):  # said above: no scenario can be computed either
        results = {} if moment else results_now(datetime.now(UTC))
        saved = tuple(
            saved_line(one, results.get(one.name), person=person.get_username(), may_drop_others=may_drop_others)
            for one in saved_scenarios(moment)
        )
    return {
        "saved": saved,
        "may_save": moment is None and person.has_perm(MAY_SAVE),
        "may_mark": moment is None and person.has_perm(MAY_MARK),
        "reason_length_max": REASON_LENGTH_MAX,
    }


def _context(request: HttpRequest, query: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    second = query.get("heat", "")
    second = second if second in seconds() else seconds()[0]
    wanted, refusal, status = Asked(), "", 200
    found: Shown | None = None
    missing: tuple[str, ...] = ()
    seq: int | None = None
    try:
        wanted = asked(query)
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
        "asked": link_of(wanted),
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
