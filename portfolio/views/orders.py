"""Views of one order: how far it has come, and the way to cancel it."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.core.instruments import Instrument
from portfolio.core.order_checks import order_delta
from portfolio.core.orders import HedgeOrder
from portfolio.operations.orders import LogIsBusy, OrderIsUnknown, ask_cancel
from portfolio.queries.books import BookIsBusy
from portfolio.queries.orders import fills_of, our_order, past_order
from portfolio.screen.order import progress as shown
from portfolio.screen.ticket import places_of, sentence
from portfolio.views import errors
from portfolio.views.moments import moment_of, not_yet, with_past

BY_HAND = "canceled by hand"
FEE_DECIMALS = 8  # as the venues state them


@require_safe
@never_cache
@with_past
def order(request: HttpRequest, client_order_id: str) -> HttpResponse:
    """Show an order and what becomes of it; or how far it had come at a moment."""
    return _shown(request, client_order_id, "portfolio/order.html")


@require_safe
@never_cache
def progress(request: HttpRequest, client_order_id: str) -> HttpResponse:
    """Return how far an order has come, to be put into its page."""
    return _shown(request, client_order_id, "portfolio/_order_progress.html")


@require_POST
@permission_required("portfolio.send_order", raise_exception=True)
def cancel(request: HttpRequest, client_order_id: str) -> HttpResponse:
    """Ask for an order to be canceled; asking again asks the workers again."""
    try:
        ask_cancel(client_order_id, by=request.user.get_username(), reason=BY_HAND, at=datetime.now(UTC))
    except OrderIsUnknown as unknown:
        raise Http404(str(unknown)) from unknown
    except (LogIsBusy, BookIsBusy) as busy:
        return errors.busy(request, str(busy))
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204)
    return redirect("portfolio:order", client_order_id)


def _shown(request: HttpRequest, client_order_id: str, template: str) -> HttpResponse:
    then = moment_of(request)
    found = past_order(client_order_id, then) if then else our_order(client_order_id)
    if found is None:
        raise Http404(not_yet(OrderIsUnknown(client_order_id), then))
    return render(request, template, _context(request, *found))


def _context(request: HttpRequest, found: HedgeOrder, instrument: Instrument | None) -> dict[str, object]:
    then, intent = moment_of(request), found.intent
    at = then.at if then else datetime.now(UTC)
    coin = order_delta(instrument, intent.side, intent.quantity, intent.price) if instrument else None
    return {
        "sentence": sentence(intent, instrument, coin) if instrument else intent.instrument,
        "progress": shown(found, at),
        "order": found,
        "intent": intent,
        "fills": fills_of(found, then.seq if then else None),
        "ticks": places_of(instrument.tick_size) if instrument else None,
        "average": places_of(instrument.tick_size) + 1 if instrument else None,
        "steps": places_of(instrument.step_size) if instrument else None,
        "fees": FEE_DECIMALS,
        "may_send": then is None and request.user.has_perm("portfolio.send_order"),
        "now": at,
    }
