"""Views of the ticket: filled in, rehearsed as it is typed, confirmed once, sent once."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from hedgeapp.core.events.orders import TimeInForce
from portfolio.core.hedge_choices import Scene
from portfolio.core.rehearsals import Rehearsal, mid_figure, rehearsal
from portfolio.core.tickets import Draft, draft, places
from portfolio.forms import TIMES_IN_FORCE, TicketForm, intent_of
from portfolio.operations.orders import (
    TEXT_LENGTH_MAX,
    LogIsBusy,
    OrderIsRefused,
    TicketIsMalformed,
    TicketWasUsed,
    intend_order,
    is_left_to_the_sender,
)
from portfolio.queries.books import BookIsBusy
from portfolio.queries.fees import paid_rate
from portfolio.queries.net_delta import CURRENCY_LENGTH_MAX
from portfolio.queries.scenes import depth_of, scene_at
from portfolio.screen import ticket as shown

NONCE_BYTES: Final = 18
MAY_SEND: Final = "portfolio.send_order"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ticket(request: HttpRequest) -> HttpResponse:
    """Show a ticket that is filled in, and send it, by one form."""
    return _send(request) if request.method == "POST" else _page(request, request.GET)


@require_safe
@never_cache
def rehearsed(request: HttpRequest) -> HttpResponse:
    """Return what sending the ticket as it is typed would mean now."""
    scene = scene_at(datetime.now(UTC))
    context = _rehearsed(request, request.GET, scene, _draft(request.GET, scene))
    return render(request, "portfolio/_ticket_live.html", context)


@require_safe
@never_cache
def confirmation(request: HttpRequest) -> HttpResponse:
    """Return the order in one sentence, with its numbers, to be confirmed as it stands there."""
    scene = scene_at(datetime.now(UTC))
    context = _rehearsed(request, request.GET, scene, _draft(request.GET, scene))
    return render(request, "portfolio/_ticket_confirm.html", {**context, "may_send": request.user.has_perm(MAY_SEND)})


@permission_required(MAY_SEND, raise_exception=True)
def _send(request: HttpRequest) -> HttpResponse:
    form = TicketForm(request.POST)
    if not form.is_valid():
        return _page(request, request.POST, form.sentences(), status=400)
    try:
        order = intend_order(form.ticket(), by=request.user.get_username(), at=datetime.now(UTC))
    except OrderIsRefused as refused:
        return _page(request, request.POST, [one.said for one in refused.refusals], status=409)
    except TicketWasUsed as used:
        return _page(request, request.POST, [str(used)], status=409)
    except TicketIsMalformed as malformed:
        return _page(request, request.POST, [str(malformed)], status=400)
    except (LogIsBusy, BookIsBusy) as busy:
        return _page(request, request.POST, [str(busy)], status=503)
    return redirect("portfolio:order", order.client_order_id)


def _page(request: HttpRequest, given: QueryDict, refusals: Sequence[str] = (), status: int = 200) -> HttpResponse:
    scene = scene_at(datetime.now(UTC))
    found = _draft(given, scene)
    fields = _fields(given, found)
    catalogue = scene.book.catalogue
    currencies = sorted({catalogue.currency(one.base) for one in catalogue.contracts})
    context = {
        "typed": given,
        "refusals": refusals,
        "may_send": request.user.has_perm(MAY_SEND),
        "times_in_force": TIMES_IN_FORCE,
        "reason_length_max": TEXT_LENGTH_MAX,
        "currencies": [one for one in currencies if places(one, catalogue)],
        "asked_proposal": given.get("proposal", ""),
        **_rehearsed(request, fields, scene, found),
    }
    return render(request, "portfolio/ticket.html", context, status=status)


def _draft(given: QueryDict, scene: Scene) -> Draft:
    """Return the draft of what a query or a form names: an instrument, a proposal or a currency."""
    catalogue = scene.book.catalogue
    proposal = scene.book.proposals.get(given.get("proposal", ""))
    name = given.get("instrument", "")
    instrument = catalogue.instruments.get(name)
    if name and instrument is None:
        raise Http404(f"No instrument {name[:60]} is known.")
    if instrument is not None:
        currency = catalogue.currency(instrument.base)
    elif proposal is not None:
        currency = proposal.currency
    else:
        # A proposal is named after its currency.
        currency = given.get("currency", "") or given.get("proposal", "").rpartition("-")[0]
        currency = currency or next((one.currency for one in scene.book.proposals.values()), "ETH")
    return draft(
        currency[:CURRENCY_LENGTH_MAX], scene, account=given.get("account", ""), instrument=name, proposal=proposal
    )


def _fields(given: QueryDict, found: Draft) -> dict[str, Any]:
    """Return what the form's fields hold: what was given, else what is suggested."""
    asked = given.get("time_in_force")
    time_in_force: TimeInForce = next((name for name, _ in TIMES_IN_FORCE if name == asked), "ioc")
    return {
        "account": found.place.account if found.place else "",
        "instrument": found.place.instrument.id if found.place else "",
        "side": given.get("side") or found.side or "",
        "quantity": given.get("quantity", "") or _plain(found.quantity),
        "price": given.get("price", "") or _plain(found.price(time_in_force)),
        "time_in_force": time_in_force,
        "reduce_only": given.get("reduce_only", ""),
        "reason": given.get("reason", ""),
        "proposal": found.proposal.proposal_id if found.proposal else "",
        "nonce": secrets.token_urlsafe(NONCE_BYTES),
    }


def _rehearsed(request: HttpRequest, fields: Any, scene: Scene, found: Draft) -> dict[str, Any]:
    """Return what the fragment shows; without an order that makes sense, the book alone."""
    place = found.place
    context: dict[str, Any] = {"draft": found, "place": place, "now": scene.at, "problems": []}
    if place is None:
        return context
    form = TicketForm(fields)
    depth = depth_of(place.instrument.id)
    order, rehearsal_of, rate = None, None, None
    if form.is_valid():
        order = intent_of(form.ticket(), request.user.get_username(), scene.at)
        rate = paid_rate(order.account, place.instrument, is_maker=order.time_in_force == "post_only")
        rehearsal_of = rehearsal(order, scene, depth, rate.rate if rate else None)
    else:
        context["problems"] = form.sentences()
    mid = rehearsal_of.depth if rehearsal_of else mid_figure(depth, place.instrument.id, scene.book.catalogue, scene.at)
    context |= {"ladder": shown.ladder(depth, order, place.instrument, mid), "fields": fields, "form": form}
    if order is not None and rehearsal_of is not None:
        context |= {
            "order": order,
            "sentence": shown.sentence(order, place.instrument, rehearsal_of.coin),
            "size": shown.size_words(order, place.instrument, rehearsal_of.coin),
            "outlook": rehearsal_of.outlook,
            "costs": shown.cost_facts(order, place.instrument, rehearsal_of, rate),
            "changes": shown.changes(rehearsal_of.effect, place.instrument, "ticket"),
            "confirmed": shown.changes(rehearsal_of.effect, place.instrument, "confirm"),
            **_verdict(rehearsal_of),
        }
    return context


def _verdict(found: Rehearsal) -> dict[str, Any]:
    """Return the rules, which refusals stand, and which the worker that sends it may lift by asking the venue."""
    left = [one for one in found.check.refusals if is_left_to_the_sender(one)]
    stand = [one for one in found.check.refusals if one not in left]
    return {"rules": shown.rules(found, {one.rule for one in left}), "stands": stand, "left": left}


def _plain(value: Any) -> str:
    return "" if value is None else f"{value.normalize() + 0:f}"
