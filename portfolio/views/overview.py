"""Views of the live book: the Overview, its fragments and its chart."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hedgeapp import live
from portfolio import screen
from portfolio.core.frames import Frame
from portfolio.queries import net_delta as history
from portfolio.queries.past_frames import past_frame
from portfolio.screen import overview as presented
from portfolio.screen.publication import fragment
from portfolio.views.moments import moment_of, with_past

CURRENCIES: Final = ("ETH", "BTC")  # of the chart, when no frame says which there are


@require_safe
@never_cache
@with_past
def overview(request: HttpRequest) -> HttpResponse:
    """Show the live book, or the book as of a moment."""
    then = moment_of(request)
    frame = past_frame(then) if then else screen.latest()
    context: dict[str, Any] = {"frame": frame, "currencies": _currencies(frame), "draws": True}
    if frame and then:
        context |= {"sections": presented.sections(frame), "now": then.at}
    elif frame:
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
@with_past
def net_delta(request: HttpRequest) -> HttpResponse:
    """Return the last hour of one currency, or the hour before a moment: net delta, its band, mark and fills."""
    currency = request.GET.get("currency", CURRENCIES[0])
    if len(currency) > history.CURRENCY_LENGTH_MAX:
        return JsonResponse({"error": f"a currency expected, found {len(currency)} characters"}, status=400)
    then = moment_of(request)
    return JsonResponse(history.last_hour(currency, then.at if then else datetime.now(UTC), then.seq if then else None))


def _currencies(frame: Frame | None) -> list[str]:
    banded = [row.currency for row in frame.exposure if row.band] if frame else []
    volatile = [currency for currency in banded if currency not in ("USD", "USDT", "USDC")]
    return sorted(volatile or CURRENCIES, key=lambda currency: (currency != CURRENCIES[0], currency))
