"""Views of prices: the page that explains them, the document that programs read, and the pause of mint and redeem."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.core.events.minting import MintingResumed
from portfolio.core.capacity import capacities
from portfolio.core.minting import Standing, standing
from portfolio.core.price_market import Market
from portfolio.core.price_sheets import (
    AssetIsNotOffered,
    AssetPrices,
    PriceSheet,
    SizeIsRefused,
    asset_ladder,
    offered,
    prices_for,
    sheet,
)
from portfolio.core.sources import feed_rows
from portfolio.core.starting import starting
from portfolio.operations.minting import (
    REASON_LENGTH_MAX,
    BookIsBusy,
    LogIsBusy,
    PauseIsNotInForce,
    PauseMustStay,
    PauseReasonIsMalformed,
    pause_minting,
    resume_minting,
)
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book
from portfolio.queries.prices import market_at
from portfolio.screen.price_document import document
from portfolio.screen.price_stream import KEPT_S, latest
from portfolio.screen.prices import ladder, rooms, state, waterfall
from portfolio.screen.prices import sheet as rows_of
from portfolio.views.moments import moment_of, with_past

SIZE_LENGTH_MAX: Final = 40  # characters of a size
MAY_PAUSE: Final = "portfolio.declare_halt"  # whoever may halt may pause
MAY_RESUME: Final = "portfolio.lift_halt"
ASKED: Final = ("asset", "size")


class SizeIsMalformed(ValueError):
    """A size is no decimal number."""

    def __init__(self, text: str) -> None:
        super().__init__(f"size: a decimal number in units of the asset expected, found {text[:SIZE_LENGTH_MAX]!r}")


@require_safe
@never_cache
@with_past
def prices(request: HttpRequest) -> HttpResponse:
    """Show what an asset is minted and redeemed at, and why; and whether mint and redeem are open, or were."""
    if then := moment_of(request):
        return _past_page(request, then)
    return _page(request)


def _past_page(request: HttpRequest, then: Moment) -> HttpResponse:
    """Show whether mint and redeem were open; the order books that prices rest on are not in the log."""
    book = past_book(then)
    stands = standing(book.minting, book.halts)
    return render(request, "portfolio/prices.html", {"stands": stands, "state": state(stands)})


@require_safe
@never_cache
def explained(request: HttpRequest) -> HttpResponse:
    """Return the prices of an asset and a size as they are now, to take the place of those in the page."""
    return render(request, "portfolio/_prices_live.html", _explained(request, market_at(datetime.now(UTC))))


@require_safe
def document_of(request: HttpRequest) -> HttpResponse:
    """Return the prices as JSON: the latest of all, or of one asset and size now."""
    if unknown := [name for name in request.GET if name not in ASKED]:
        return _refused(f"asset and size expected, found {', '.join(unknown)[:60]} too: remove it", 400)
    if not request.GET:
        kept = latest()
        if kept is None:
            return _refused(f"prices of the last {KEPT_S} s expected, found none: the engine is silent", 503)
        return _document(request, kept)
    try:
        made, stands = _asked(request, datetime.now(UTC))
    except (SizeIsMalformed, SizeIsRefused) as refusal:
        return _refused(str(refusal), 400)
    except AssetIsNotOffered as refusal:
        return _refused(str(refusal), 404)
    except BookIsBusy as busy:
        return _refused(str(busy), 503)
    return _document(request, document(made, stands))


@require_POST
@permission_required(MAY_PAUSE, raise_exception=True)
def pause(request: HttpRequest) -> HttpResponse:
    """Pause mint and redeem."""
    try:
        pause_minting(by=request.user.get_username(), reason=request.POST.get("reason", ""), at=datetime.now(UTC))
    except PauseReasonIsMalformed as refusal:
        return _page(request, str(refusal), 400)
    except (LogIsBusy, BookIsBusy) as busy:
        return _page(request, str(busy), 503)
    messages.warning(request, "Mint and redeem are paused.")
    return redirect("portfolio:prices")


@require_POST
@permission_required(MAY_RESUME, raise_exception=True)
def resume(request: HttpRequest, pause_id: str) -> HttpResponse:
    """End a pause of mint and redeem, or be the first of the two people that it takes."""
    by, reason = request.user.get_username(), request.POST.get("reason", "")
    try:
        done = resume_minting(pause_id, by=by, reason=reason, at=datetime.now(UTC))
    except PauseReasonIsMalformed as refusal:
        return _page(request, str(refusal), 400)
    except PauseMustStay as refusal:
        return _page(request, str(refusal), 403)
    except PauseIsNotInForce as refusal:
        return _page(request, str(refusal), 409)
    except (LogIsBusy, BookIsBusy) as busy:
        return _page(request, str(busy), 503)
    is_over = isinstance(done, MintingResumed)
    messages.success(request, "The pause is over." if is_over else "You asked. Another person must resume, too.")
    return redirect("portfolio:prices")


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    market = market_at(datetime.now(UTC))
    context = {
        "refusal": refusal,
        "is_paused_by_person": market.valuation.book.minting.of("person") is not None,
        "offered": offered(market),
        "may_pause": request.user.has_perm(MAY_PAUSE),
        "may_resume": request.user.has_perm(MAY_RESUME),
        "reason_length_max": REASON_LENGTH_MAX,
        **_explained(request, market),
    }
    return render(request, "portfolio/prices.html", context, status=status)


def _explained(request: HttpRequest, market: Market) -> dict[str, Any]:
    all_of, stands = sheet(market), _standing(market)
    first = offered(market)[:1]
    asset = request.GET.get("asset", "") or "".join(first)
    found: AssetPrices | None = None
    said = ""
    try:
        size = _size(request.GET["size"]) if request.GET.get("size") else None
        if asset and size is None:
            found = next((row for row in all_of.rows if row.asset == asset), None)
            size = found.mints[1].size if found else None
        if asset:
            found = prices_for(asset, Decimal(1) if size is None else size, market)
    except (SizeIsMalformed, SizeIsRefused, AssetIsNotOffered) as refusal:
        said, found, size = str(refusal), None, None
    return {
        "asset": asset,
        "size": request.GET.get("size") or size,
        "said": said,
        "now": market.valuation.at,
        "rows": rows_of(all_of, stands),
        "ladder": ladder(asset_ladder(asset, market)) if found else (),
        "rooms": rooms(capacities(market.valuation, stands)),
        "stands": stands,
        "state": state(stands),
        "waterfalls": [waterfall(one) for one in (*found.mints, *found.redeems)] if found else [],
        "left_out": _left_out(found),
    }


def _left_out(found: AssetPrices | None) -> list[str]:
    """Return which books the prices do without; a price that is not known says so itself."""
    known = [one for one in (*found.mints, *found.redeems) if one.usd.value is not None] if found else []
    return sorted({said for one in known for said in one.left_out})


def _asked(request: HttpRequest, at: datetime) -> tuple[PriceSheet, Standing]:
    size = _size(request.GET.get("size", ""))
    market = market_at(at)
    row = prices_for(request.GET.get("asset", ""), size, market)
    return PriceSheet(at=at, seq=market.valuation.book.seq, rows=(row,)), _standing(market)


def _standing(market: Market) -> Standing:
    valuation = market.valuation
    book = valuation.book
    return standing(book.minting, book.halts, starting(book, feed_rows(valuation), valuation.at))


def _size(text: str) -> Decimal:
    try:
        if len(text) > SIZE_LENGTH_MAX or not text.isascii():
            raise InvalidOperation
        return Decimal(text)
    except InvalidOperation:
        raise SizeIsMalformed(text) from None


def _document(request: HttpRequest, told: bytes) -> HttpResponse:
    etag = f'"{hashlib.sha256(told).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in (part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(told, content_type="application/json", headers=headers)


def _refused(said: str, status: int) -> HttpResponse:
    return JsonResponse({"error": said}, status=status, headers={"Cache-Control": "no-store"})
