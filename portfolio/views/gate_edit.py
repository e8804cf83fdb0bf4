"""Views of changing the gate: edit a part line by line, look at what that changes, sign and propose it."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from hedgeapp.access.key_rows import asking
from hedgeapp.core.events.approvals import Cap, Destination, GateChangeProposed, GatePart, PolicyRule
from hedgeapp.core.passkeys import text_of
from portfolio.core.book import Book
from portfolio.core.gate_checks import LINES_MAX
from portfolio.core.gate_payloads import proposal_hash
from portfolio.gate_forms import GateLine, LineForm, bound, edited, shown, typed, values_of
from portfolio.operations import gate as operations
from portfolio.queries.books import current_book
from portfolio.queries.gate import PARTS, ground
from portfolio.views.gate import BUSY, CONFLICTS, MALFORMED, MAY_CHANGE, proposal, user_of

NAME_BYTES: Final = 6  # of a change's name, beside its part and version
BODY_LENGTH_MAX: Final = 262_144  # characters of a change as JSON


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(MAY_CHANGE, raise_exception=True)
def edit(request: HttpRequest, part: str) -> HttpResponse:
    """Show a part of the gate as a form; add, remove and move lines; look at what they change."""
    name = _part(part)
    book = current_book()
    if request.method != "POST":
        latest = book.gate.latest(name)
        return _editing(request, name, book, shown(name, values_of(name, _lines(latest.change) if latest else ())))
    what = request.POST.get("do", "preview")
    if what == "again":
        change = _given(request, name)
        return _editing(request, name, book, shown(name, values_of(name, _lines(change) if change else ())))
    if what != "preview":
        return _editing(request, name, book, shown(name, edited(typed(name, request.POST), what)))
    forms = bound(name, request.POST)
    if not all(form.is_valid() for form in forms):
        said = [f"no. {place}: {one}" for place, form in enumerate(forms, 1) for one in form.sentences()]
        return _editing(request, name, book, forms, said, 400)
    change = _change(request, name, book, [form.line() for form in forms])
    found = proposal(change, book)
    refusals = list(found["findings"].refusals)
    if not refusals and not found["differences"]:
        refusals = [str(operations.GateIsAsBefore(name))]
    if not change.reason:
        refusals.append("a reason expected, found none: say why, below")
    if refusals:
        return _editing(request, name, book, forms, refusals, 400)
    return _preview(request, change, book)


@require_POST
@permission_required(MAY_CHANGE, raise_exception=True)
def propose(request: HttpRequest, part: str) -> HttpResponse:
    """Be the first of two people: sign what was looked at."""
    change, at = _given(request, _part(part)), datetime.now(UTC)
    if change is None:
        return _editing(request, _part(part), current_book(), [], ["a change as it was looked at expected"], 400)
    try:
        operations.propose_gate(change, by=user_of(request), assertion=request.POST.get("assertion", ""), at=at)
    except MALFORMED as refusal:
        return _preview(request, change, current_book(), str(refusal), 400)
    except CONFLICTS as refusal:
        return _preview(request, change, current_book(), str(refusal), 409)
    except BUSY as busy:
        return _preview(request, change, current_book(), str(busy), 503)
    messages.success(request, f"Version {change.version} of the {change.part} is proposed. Another person must agree.")
    return redirect("portfolio:gate_change", change.change_id)


def _editing(
    request: HttpRequest,
    part: GatePart,
    book: Book,
    forms: Sequence[LineForm],
    refusals: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    known = ground(book)
    members = {
        group: sorted(person for person, groups in known.people.items() if group in groups)
        for group in sorted(known.groups)
    }
    context = {
        "part": part,
        "forms": forms,
        "refusals": refusals,
        "reason": request.POST.get("reason", ""),
        "reason_length_max": operations.REASON_LENGTH_MAX,
        "lines_max": LINES_MAX,
        "latest": book.gate.latest(part),
        "assets": sorted(book.catalogue.assets),
        "venues": sorted(book.catalogue.venues),
        "accounts": sorted(book.catalogue.accounts),
        "custodians": sorted(book.catalogue.custodians),
        "wallets": sorted(known.wallets),
        "members": members.items(),
    }
    return render(request, "portfolio/gate_edit.html", context, status=status)


def _preview(
    request: HttpRequest, change: GateChangeProposed, book: Book, refusal: str = "", status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        **proposal(change, book),
        "refusal": refusal,
        "body": msgspec.json.encode(change).decode(),
        "signs": text_of(proposal_hash(change)),
        "asking": asking(user_of(request), at=datetime.now(UTC)),
    }
    return render(request, "portfolio/gate_preview.html", context, status=status)


def _change(request: HttpRequest, part: GatePart, book: Book, found: Sequence[GateLine]) -> GateChangeProposed:
    version = book.gate.due(part)
    return GateChangeProposed(
        at=datetime.now(UTC),
        change_id=f"{part}-{version}-{secrets.token_hex(NAME_BYTES)}",
        part=part,
        version=version,
        by=request.user.get_username(),
        reason=" ".join(request.POST.get("reason", "").split()),
        rules=tuple(one for one in found if isinstance(one, PolicyRule)),
        caps=tuple(one for one in found if isinstance(one, Cap)),
        destinations=tuple(one for one in found if isinstance(one, Destination)),
    )


def _given(request: HttpRequest, part: GatePart) -> GateChangeProposed | None:
    """Return the change that a page sends back; whoever signs it sees it again, and the operation checks all of it."""
    try:
        change = msgspec.json.decode(request.POST.get("change", "")[:BODY_LENGTH_MAX], type=GateChangeProposed)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return replace(change, assertion=None) if change.part == part else None


def _lines(change: GateChangeProposed) -> Sequence[GateLine]:
    return (*change.rules, *change.caps, *change.destinations)


def _part(name: str) -> GatePart:
    found = next((part for part in PARTS if part == name), None)
    if found is None:
        raise Http404(f"The gate has no part {name[:60]}: policy, caps and destinations are its parts.")
    return found
