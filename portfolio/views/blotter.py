"""Views of all orders: the blotter, those under way, what the venues have beside them, and the file."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp.access.telling import tell_export
from marketdata.models import Instrument, Venue
from portfolio.core.orders import HedgeOrder
from portfolio.forms import OrderFilterForm
from portfolio.queries import blotter as found
from portfolio.queries import venue_orders
from portfolio.queries.orders import order_of
from portfolio.queries.pages import PAGE, SearchIsTooWide, bounded
from portfolio.queries.past import behind_since, seq_at
from portfolio.queries.rows import projected_seq
from portfolio.screen import blotter as shown
from portfolio.screen import order_export
from portfolio.views.moments import moment_of, with_past

BEHIND: Final = timedelta(seconds=5)  # rows that follow the log later than this are stale
CHOICES_MAX: Final = 500  # instruments to choose from
EXPORT_ROWS_MAX: Final = 50_000
EXPORT_ROWS: Final = 1_000  # read at once
SEEN_LENGTH: Final = 16  # hexadecimal digits by which a page tells what it shows


@require_safe
@never_cache
@with_past
def orders(request: HttpRequest) -> HttpResponse:
    """Show our orders: those under way, and those that are over."""
    form = OrderFilterForm(request.GET)
    context = _context(request, form)
    if form.is_valid():
        seq = _seq(form)
        try:
            context |= _ours(request, form, seq)
        except SearchIsTooWide as refusal:
            context["refusals"] = [f"{refusal}."]
    return render(request, "portfolio/orders.html", context, status=400 if form.errors else 200)


@require_safe
@never_cache
def under_way(request: HttpRequest) -> HttpResponse:
    """Return the orders under way, and those that ended since a page was made; nothing when the page has them so."""
    since = request.GET.get("since", "")
    context = _under_way(request, int(since) if since.isdecimal() and len(since) < 19 else 0)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "portfolio/_orders_open.html", context)


@require_safe
@never_cache
@with_past
def venues(request: HttpRequest) -> HttpResponse:
    """Show the orders that the venues have of somebody else."""
    form = OrderFilterForm(request.GET)
    context = _context(request, form) | {"is_venues": True}
    if form.is_valid():
        seq = _seq(form)
        given = form.cleaned_data
        try:
            page = venue_orders.page(form.wanted(seq), before=given["before"], after=given["after"])
            context |= {"page": page, "lines": shown.venue_lines(page.rows), "seq": seq} | _age(seq)
        except SearchIsTooWide as refusal:
            context["refusals"] = [f"{refusal}."]
    return render(request, "portfolio/venue_orders.html", context, status=400 if form.errors else 200)


@require_safe
@never_cache
def export(request: HttpRequest) -> HttpResponseBase:
    """Return the orders that match as CSV, newest first, all as of one event."""
    form = OrderFilterForm(request.GET)
    if not form.is_valid():
        return HttpResponse("\n".join(form.sentences()), status=400, content_type="text/plain; charset=utf-8")
    seq = _seq(form)
    wanted = form.wanted(projected_seq() if seq is None else seq)
    tell_export(request)
    return StreamingHttpResponse(
        _file(wanted),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="orders-as-of-{wanted.seq}.csv"'},
    )


async def _file(wanted: found.OrderFilter) -> AsyncIterator[str]:
    yield order_export.header()
    count, before = 0, None
    try:
        while chunk := await sync_to_async(_chunk)(wanted, before, EXPORT_ROWS):
            kept = chunk[: EXPORT_ROWS_MAX - count]
            yield order_export.rows(kept)
            count, before = count + len(kept), chunk[-1].intended_seq
            if len(kept) < len(chunk):
                yield order_export.said(f"cut after {count} orders: a narrower range of days holds the rest")
                return
    except SearchIsTooWide as refusal:
        yield order_export.said(f"cut after {count} orders: {refusal}")


def _chunk(wanted: found.OrderFilter, before: int | None, size: int) -> list[HedgeOrder]:
    rows = found.matching(wanted)
    if before is not None:
        rows = rows.filter(intended_seq__lt=before)
    with bounded():
        return [order_of(row) for row in rows[:size]]


def _ours(request: HttpRequest, form: OrderFilterForm, seq: int | None) -> dict[str, Any]:
    given, wanted = form.cleaned_data, form.wanted(seq)
    page = found.page(wanted, before=given["before"], after=given["after"])
    summary = found.summary(wanted)
    context: dict[str, Any] = {
        "page": page,
        "lines": shown.lines(map(order_of, page.rows)),
        "summary": summary,
        "medians": shown.medians(summary.hops),
        "seq": seq,
    } | _age(seq)
    if seq is None:
        context |= _under_way(request, context["projected_seq"])
    else:
        context |= _open(request, found.was_under_way(seq))
    is_empty = not page.rows and not context["open"] and given["before"] is None
    return context | {"is_first_run": is_empty and not found.has_any()}


def _under_way(request: HttpRequest, since: int) -> dict[str, Any]:
    context = _open(request, found.under_way(since)) | {"since": since}
    text = render_to_string("portfolio/_orders_open.html", context)
    return context | {"seen": hashlib.sha256(text.encode()).hexdigest()[:SEEN_LENGTH]}


def _open(request: HttpRequest, orders: list[HedgeOrder]) -> dict[str, Any]:
    states = [order.state for order in orders]
    unknown = states.count("unknown")
    return {
        "open": shown.lines(orders[: found.OPEN_SHOWN]),
        "open_count": sum(not order.is_final for order in orders) - unknown,
        "unknown_count": unknown,
        "more": max(0, len(orders) - found.OPEN_SHOWN),
        "open_shown": found.OPEN_SHOWN,
        "may_send": moment_of(request) is None and request.user.has_perm("portfolio.send_order"),
    }


def _context(request: HttpRequest, form: OrderFilterForm) -> dict[str, Any]:
    query = request.GET.copy()
    for edge in ("before", "after"):
        query.pop(edge, None)
    asked = {name: text for name, text in query.items() if text and name in form.fields}
    now_query = query.copy()
    now_query.pop("at", None)
    instruments = Instrument.objects.order_by("id").values_list("id", flat=True)
    return {
        "sides": ("buy", "sell"),
        "form": form,
        "asked": asked,
        "query": query.urlencode(),
        "now_query": now_query.urlencode(),
        "refusals": form.sentences() if form.errors else [],
        "groups": [name for name, _ in form.fields["state"].choices],  # type: ignore[attr-defined]
        "venues": list(Venue.objects.order_by("name").values_list("name", flat=True)),
        "instruments": list(instruments[:CHOICES_MAX]),
        "page_size": PAGE,
        "export_max": EXPORT_ROWS_MAX,
        "may_send": request.user.has_perm("portfolio.send_order"),
    }


def _age(seq: int | None) -> dict[str, Any]:
    projected = projected_seq()
    behind = behind_since(projected) if seq is None or seq > projected else None
    is_stale = behind is not None and datetime.now(UTC) - behind > BEHIND
    return {"projected_seq": projected, "behind": behind if is_stale else None}


def _seq(form: OrderFilterForm) -> int | None:
    at = form.cleaned_data["at"]
    return seq_at(at) if isinstance(at, datetime) else at
