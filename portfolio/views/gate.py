"""Views of the gate: policy, caps and destinations as they hold, what waits, and the second person's word."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.access.key_rows import asking
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned, keyring
from hedgeapp.core.events.approvals import GateChangeProposed, GatePart
from hedgeapp.core.passkeys import AssertionIsRefused, text_of
from portfolio.core.approvals import TAINT
from portfolio.core.book import Book
from portfolio.core.caps import flows
from portfolio.core.gate_checks import findings
from portfolio.core.gate_payloads import agreement_hash
from portfolio.core.move_gates import GateVersion
from portfolio.operations import gate as operations
from portfolio.queries.books import current_book
from portfolio.queries.gate import PARTS, ground, is_seed, names_of_people, unproven
from portfolio.queries.past_frames import past_book
from portfolio.screen.gate import cap_uses, differences, lines
from portfolio.views.moments import moment_of, not_yet, with_past

MAY_CHANGE: Final = "portfolio.change_gate"
MAY_AGREE: Final = "portfolio.agree_gate"
VERSIONS_SHOWN: Final = 20  # the latest of all parts

MALFORMED: Final = (AssertionIsRefused, operations.GateReasonIsMalformed, operations.GateChangeIsMalformed)
CONFLICTS: Final = (
    PasskeyIsNotInForce,
    PayloadIsSigned,
    operations.GateChangeDoesNotWait,
    operations.GateChangeIsUnsound,
    operations.GateIsAsBefore,
    operations.GateMovedOn,
    operations.TooManyChangesWait,
)
BUSY: Final = (operations.LogIsBusy, operations.BookIsBusy)


@never_cache
@require_safe
@with_past
def gate(request: HttpRequest) -> HttpResponse:
    """Show the gate as it holds, and what waits or cools off; or as it held at a moment."""
    at, book = _seen(request)
    versions = sorted(book.gate.versions, key=lambda one: one.agreed_at, reverse=True)
    context = {
        "parts": [_part(part, book, at) for part in PARTS],
        "waiting": sorted(book.gate.waiting, key=lambda one: one.at, reverse=True),
        "cooling": [one for one in versions if one.holds_from > at and not one.is_dropped],
        "versions": [(one, _state(one, book, at)) for one in versions[:VERSIONS_SHOWN]],
        "may_change": moment_of(request) is None and request.user.has_perm(MAY_CHANGE),
    }
    return render(request, "portfolio/gate.html", context)


@never_cache
@require_safe
@with_past
def change(request: HttpRequest, change_id: str) -> HttpResponse:
    """Show one change: what it does to each line, who wants it, who agreed, or had by a moment."""
    return change_page(request, change_id)


@require_POST
@permission_required(MAY_AGREE, raise_exception=True)
def agree(request: HttpRequest, change_id: str) -> HttpResponse:
    """Be the second of two people."""

    def agreed() -> str:
        event = operations.agree_gate(
            change_id, by=user_of(request), assertion=request.POST.get("assertion", ""), at=datetime.now(UTC)
        )
        return f"You agreed. It holds from {event.holds_from:%Y-%m-%d %H:%M} UTC on."

    return _done(request, change_id, agreed)


@require_POST
def drop(request: HttpRequest, change_id: str) -> HttpResponse:
    """Let a change that does not hold yet never come."""
    if not (request.user.has_perm(MAY_CHANGE) or request.user.has_perm(MAY_AGREE)):
        raise PermissionDenied("a role that changes the gate or agrees to it expected (risk, approver, admin)")

    def dropped() -> str:
        by, reason = request.user.get_username(), request.POST.get("reason", "")
        operations.drop_gate(change_id, by=by, reason=reason, at=datetime.now(UTC))
        return "It is dropped and will not come."

    return _done(request, change_id, dropped)


def change_page(request: HttpRequest, change_id: str, refusal: str = "", status: int = 200) -> HttpResponse:
    """Return the page of one change."""
    then, (at, book) = moment_of(request), _seen(request)
    found = book.gate.change(change_id)
    if found is None:
        raise Http404(not_yet(LookupError(f"No change {change_id[:60]} of the gate waits or is kept"), then))
    version = next((one for one in book.gate.versions if one.change.change_id == change_id), None)
    waits, user = version is None, user_of(request)
    is_open = waits or (version is not None and version.holds_from > at and not version.is_dropped)
    context = {
        **proposal(found, book, is_past=then is not None),
        "version": version,
        "is_open": is_open,
        "state": _state(version, book, at) if version else ("waits for a second person", "warn"),
        "is_own": found.by == user.get_username(),
        "may_agree": then is None and waits and user.has_perm(MAY_AGREE) and found.by != user.get_username(),
        "may_drop": then is None and is_open and (user.has_perm(MAY_CHANGE) or user.has_perm(MAY_AGREE)),
        "waits": waits,
        "is_current": found.version == book.gate.due(found.part),
        **_proof(version),
        "agreement": text_of(agreement_hash(found)),
        "asking": asking(user, at=at),
        "taint_h": int(TAINT.total_seconds() // 3_600),
        "reason_length_max": operations.REASON_LENGTH_MAX,
        "refusal": refusal,
    }
    return render(request, "portfolio/gate_change.html", context, status=status)


def proposal(found: GateChangeProposed, book: Book, *, is_past: bool = False) -> dict[str, Any]:
    """Return what a page shows of a change: its lines, what differs from the version before, and what is odd.

    What is odd depends on the people of now, and is not told of the past.
    """
    before = before_of(found, book)
    shown = lines(found)
    return {
        "change": found,
        "before": before,
        "lines": shown,
        "differences": differences(lines(before.change if before else None), shown),
        "findings": None if is_past else findings(found, ground(book)),
    }


def before_of(found: GateChangeProposed, book: Book) -> GateVersion | None:
    """Return the version that a change takes the place of."""
    earlier = [
        one
        for one in book.gate.versions
        if one.change.part == found.part and one.change.version < found.version and not one.is_dropped
    ]
    return max(earlier, key=lambda one: one.change.version, default=None)


def _seen(request: HttpRequest) -> tuple[datetime, Book]:
    """Return the time and the book that a page shows."""
    then = moment_of(request)
    return (then.at, past_book(then)) if then else (datetime.now(UTC), current_book())


def user_of(request: HttpRequest) -> User:
    """Return who asks."""
    assert isinstance(request.user, User)
    return request.user


def _part(part: GatePart, book: Book, at: datetime) -> dict[str, Any]:
    version = book.gate.in_force(part, at)
    held = version.change if version else None
    return {
        "name": part,
        "version": version,
        **_proof(version),
        "lines": lines(held),
        "uses": cap_uses(held, flows(book.moves), at) if part == "caps" else (),
    }


def _proof(version: GateVersion | None) -> dict[str, Any]:
    """Return whether two people signed a version, and of one that nobody did whether it is the sandbox's seed."""
    said = unproven(version, keyring(), names_of_people()) if version else ""
    return {"unproven": said, "is_seed": version is not None and is_seed(version)}


def _state(version: GateVersion, book: Book, at: datetime) -> tuple[str, str]:
    if version.is_dropped:
        return "dropped", "idle"
    if version.holds_from > at:
        return f"cools off until {version.holds_from:%Y-%m-%d %H:%M} UTC", "warn"
    holding = book.gate.in_force(version.change.part, at)
    return ("holds", "good") if holding == version else ("was replaced", "idle")


def _done(request: HttpRequest, change_id: str, deed: Callable[[], str]) -> HttpResponse:
    try:
        said = deed()
    except MALFORMED as refusal:
        return change_page(request, change_id, str(refusal), 400)
    except operations.AgreerIsProposer as refusal:
        return change_page(request, change_id, str(refusal), 403)
    except CONFLICTS as refusal:
        return change_page(request, change_id, str(refusal), 409)
    except BUSY as busy:
        return change_page(request, change_id, str(busy), 503)
    messages.success(request, said)
    return redirect("portfolio:gate")
