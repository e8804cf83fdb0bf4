"""Views of the live book: the Overview, the log, and the data it rests on."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp import live
from hedgeapp.core.events import KINDS
from portfolio import screen
from portfolio.core.frames import Frame
from portfolio.queries import events as log
from portfolio.queries import net_delta as history
from portfolio.queries.budgets import data_budgets_ms
from portfolio.screen import overview as presented
from portfolio.screen import status
from portfolio.screen.data import datums
from portfolio.screen.publication import fragment

DATA_PAGE: Final = 200  # data on a page
CURRENCIES: Final = ("ETH", "BTC")  # of the chart, when no frame says which there are


@require_safe
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """Show the live book."""
    frame = screen.latest()
    context: dict[str, Any] = {"frame": frame, "currencies": _currencies(frame), "draws": True}
    if frame:
        sections = presented.sections(frame)
        picture = presented.picture(frame, sections)
        context |= {
            "sections": sections,
            "now": datetime.now(UTC),
            "header": live.header(picture, previous=live.WHOLE),
        }
    return render(request, "portfolio/overview.html", context)


@require_safe
@never_cache
def whole(request: HttpRequest) -> HttpResponse:
    """Return every fragment of the Overview, to be put into a page that missed a frame."""
    frame = screen.latest()
    return HttpResponse(_whole(frame) if frame else "", status=200 if frame else 503)


@lru_cache(maxsize=2)
def _drawn(number: int, frame: "_ByNumber") -> str:
    sections = presented.sections(frame.frame)
    picture = presented.picture(frame.frame, sections)
    header = live.header(picture, previous=live.WHOLE)
    return header + "".join(fragment(name, sections, picture) for name in presented.FRAGMENTS)


class _ByNumber:
    """A frame that is equal to any other of its number, so that many browsers share one drawing."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def __hash__(self) -> int:
        return hash(self.frame.number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByNumber) and other.frame.number == self.frame.number


def _whole(frame: Frame) -> str:
    return _drawn(frame.number, _ByNumber(frame))


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """Show the log, newest first."""
    kind = request.GET.get("kind", "")
    key = request.GET.get("key", "").strip()
    context: dict[str, Any] = {"kinds": sorted(KINDS), "kind": kind, "key": key, "page": None}
    try:
        context["page"] = log.page(
            kind=kind, key=key, before=_number(request, "before"), after=_number(request, "after")
        )
    except log.SearchIsTooWide as error:
        context["refusal"] = str(error)
    return render(request, "portfolio/events.html", context)


@require_safe
def event(request: HttpRequest, seq: int) -> HttpResponse:
    """Show one event: its body as the log holds it, and its hash."""
    line = log.one(seq)
    if line is None:
        raise Http404(f"The log has no event {seq}.")
    pretty = msgspec.json.format(line.body, indent=2).decode()
    return render(request, "portfolio/event.html", {"line": line, "pretty": pretty})


@require_safe
@never_cache
def data(request: HttpRequest) -> HttpResponse:
    """Show every datum in use and how its feeds do."""
    frame = screen.latest()
    words = request.GET.get("words", "").strip()
    now = datetime.now(UTC)
    found = datums(frame.marks, data_budgets_ms(), now, words) if frame else []
    page = Paginator(found, DATA_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {"frame": frame, "page": page, "words": words, "now": now}
    if frame:
        context["feeds"] = status.feeds(frame.feeds, status.ALL_COUNTERS)
    return render(request, "portfolio/data.html", context)


@require_safe
def net_delta(request: HttpRequest) -> HttpResponse:
    """Return the last hour of one currency: net delta, its band, mark and fills."""
    currency = request.GET.get("currency", CURRENCIES[0])
    if len(currency) > history.CURRENCY_LENGTH_MAX:
        return JsonResponse({"error": f"a currency expected, found {len(currency)} characters"}, status=400)
    return JsonResponse(history.last_hour(currency, datetime.now(UTC)))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that the role does not allow it."""
    return _refusal(
        request, 403, "This is not yours to see", "Your role does not allow it. Ask an administrator for it."
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that there is nothing here."""
    said = exception.args[0] if exception and exception.args and isinstance(exception.args[0], str) else ""
    return _refusal(
        request, 404, "There is nothing here", said or "The address is misspelled, or what it named is gone."
    )


def failed(request: HttpRequest) -> HttpResponse:
    """Say that something broke, on a page that needs neither database nor session."""
    return HttpResponse(render_to_string("500.html"), status=500)


def _refusal(request: HttpRequest, status: int, title: str, said: str) -> HttpResponse:
    return render(request, "error.html", {"status": status, "heading": title, "said": said}, status=status)


def _currencies(frame: Frame | None) -> list[str]:
    banded = [row.currency for row in frame.exposure if row.band] if frame else []
    volatile = [currency for currency in banded if currency not in ("USD", "USDT", "USDC")]
    return sorted(volatile or CURRENCIES, key=lambda currency: (currency != CURRENCIES[0], currency))


def _number(request: HttpRequest, name: str) -> int | None:
    given = request.GET.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 19 else None
