"""Views of a move's proposal: filled in, its effects said as it is typed, proposed once."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from hedgeapp.core.events.moves import MovePayload
from portfolio.core.hedge_choices import Scene
from portfolio.core.move_effects import move_effect
from portfolio.core.move_proposals import LIFE
from portfolio.core.move_tickets import Way, assets_of, ways
from portfolio.move_forms import MoveForm
from portfolio.operations.moves.people import NameIsTaken, PermissionIsMissing
from portfolio.operations.moves.proposals import (
    REASON_LENGTH_MAX,
    BookIsBusy,
    LogIsBusy,
    MoveIsRefused,
    MoveTextIsMalformed,
    MoveTicket,
    TicketMadeAnotherMove,
    propose_move,
)
from portfolio.queries.move_scenes import would_be_judged
from portfolio.queries.scenes import scene_at
from portfolio.screen import move as shown
from portfolio.views import errors
from portfolio.views.moves import MAY_PROPOSE

NONCE_BYTES: Final = 18


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def proposal(request: HttpRequest) -> HttpResponse:
    """Show a proposal to be filled in, and propose it, by one form."""
    return _propose(request) if request.method == "POST" else _page(request, request.GET)


@require_safe
@never_cache
def effects(request: HttpRequest) -> HttpResponse:
    """Return what a move as it is typed would change, and what the policy would say of it."""
    return render(request, "portfolio/_move_rehearsal.html", _rehearsed(request, request.GET))


@permission_required(MAY_PROPOSE, raise_exception=True)
def _propose(request: HttpRequest) -> HttpResponse:
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _page(request, request.POST, form.sentences(), status=400)
    at = datetime.now(UTC)
    way = next((one for one in ways(scene_at(at).valuation) if one.key == form.cleaned_data["way"]), None)
    if way is None:
        said = "a way that two people agreed on expected, found one that is no longer there: choose another"
        return _page(request, request.POST, [said], status=409)
    assert isinstance(request.user, User)
    try:
        move = propose_move(form.ticket(way), by=request.user, at=at)
    except MoveIsRefused as refused:
        return _page(request, request.POST, [one.said for one in refused.refusals], status=409)
    except TicketMadeAnotherMove as used:
        return _page(request, request.POST, [str(used)], status=409)
    except MoveTextIsMalformed as malformed:
        return _page(request, request.POST, [str(malformed)], status=400)
    except (PermissionIsMissing, NameIsTaken) as missing:
        return _page(request, request.POST, [str(missing)], status=403)
    except (LogIsBusy, BookIsBusy) as busy:
        return errors.busy(request, str(busy))
    return redirect("portfolio:move", move.move_id)


def _page(request: HttpRequest, given: QueryDict, refusals: Sequence[str] = (), status: int = 200) -> HttpResponse:
    context = {
        "refusals": refusals,
        "may_propose": request.user.has_perm(MAY_PROPOSE),
        "reason_length_max": REASON_LENGTH_MAX,
        "life_h": LIFE.total_seconds() / 3600,
        **_rehearsed(request, given),
    }
    return render(request, "portfolio/move_ticket.html", context, status=status)


def _rehearsed(request: HttpRequest, given: QueryDict) -> dict[str, Any]:
    """Return what the page and its fragment show; without a move that makes sense, what there is to move."""
    scene = scene_at(datetime.now(UTC))
    found = ways(scene.valuation)
    way = _chosen(found, given)
    assets = assets_of(way, scene.book) if way else ()
    asked = given.get("asset", "")
    fields = {
        "way": way.key if way else "",
        "asset": asked if asked in assets else next(iter(assets), ""),
        "amount": given.get("amount", ""),
        "reason": given.get("reason", ""),
        "nonce": given.get("nonce", "") or secrets.token_urlsafe(NONCE_BYTES),
    }
    context: dict[str, Any] = {
        "ways": found,
        "way": way,
        "assets": assets,
        "fields": fields,
        "now": scene.at,
        "problems": [],
    }
    if way is None or not fields["asset"]:
        return context
    form = MoveForm(fields)
    if not form.is_valid() or not form.cleaned_data["amount"]:
        context["problems"] = form.sentences() if fields["amount"] else []
        return context
    return context | _of_ticket(request, form.ticket(way), way, scene)


def _of_ticket(request: HttpRequest, ticket: MoveTicket, way: Way, scene: Scene) -> dict[str, Any]:
    payload = MovePayload(
        move_id="not-proposed",
        kind=way.kind,
        custodian=way.custodian,
        asset=ticket.asset,
        amount=ticket.amount,
        source=way.source,
        destination=way.destination,
        venue=way.venue,
        route=way.route,
        expires_at=scene.at + ticket.life,
    )
    effect = move_effect(payload, scene.book, scene.marks, scene.at, scene.feeds)
    judged, refusals = would_be_judged(payload, request.user.get_username(), scene)
    return {
        "sentence": shown.sentence(payload, effect.usd.value),
        "groups": shown.effect_groups(effect, payload, "ticket"),
        "judged": judged,
        "stands": refusals,
    }


def _chosen(found: Sequence[Way], given: QueryDict) -> Way | None:
    """Return the way that is asked for, by its name or by its parts; the first one without."""
    named = next((one for one in found if one.key == given.get("way")), None)
    if named is not None:
        return named
    parts = {name: given[name] for name in ("kind", "source", "destination") if given.get(name)}
    fitting = (one for one in found if all(getattr(one, name) == value for name, value in parts.items()))
    return next(fitting, None)
