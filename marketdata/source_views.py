"""Views of sources: what is to change of where we speak to and with which keys, and the second person's word."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.access.key_rows import asking
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned
from hedgeapp.core.passkeys import AssertionIsRefused, text_of
from hedgeapp.core.records import record
from marketdata.core.catalogue import key_of
from marketdata.models import Credential, SourceChange
from marketdata.operations import sources as operations
from marketdata.queries.catalogue import reference
from marketdata.queries.history import Difference, differences

MAY_AGREE: Final = "marketdata.agree_source"
MAY_PROPOSE: Final = ("marketdata.change_venue", "marketdata.change_credential")
PAST_SHOWN: Final = 20

_MALFORMED = (AssertionIsRefused, operations.SourceReasonIsMalformed)
_CONFLICTS = (PasskeyIsNotInForce, PayloadIsSigned, operations.SourceChangeDoesNotWait)


@record
class Waiting:
    """A change that waits or cools off; `agree_hash` is what a second person would sign, empty for who may not."""

    change: SourceChange
    differences: tuple[Difference, ...]
    state: str
    agree_hash: str


@never_cache
@require_safe
def sources(request: HttpRequest) -> HttpResponse:
    """Show where we speak to, and what of it is to change."""
    return _page(request)


@require_POST
@permission_required(MAY_AGREE, raise_exception=True)
def agree(request: HttpRequest, change_id: str) -> HttpResponse:
    """Be the second of two people."""

    def agreed() -> str:
        assertion = request.POST.get("assertion", "")
        found = operations.agree_source(change_id, by=_user(request), assertion=assertion, at=datetime.now(UTC))
        if found.dropped_at is not None:
            return f"The change of {found.what} was overtaken by another and is dropped."
        return f"You agreed. The change of {found.what} holds from {found.holds_from:%Y-%m-%d %H:%M} UTC on."

    return _done(request, agreed)


@require_POST
def drop(request: HttpRequest, change_id: str) -> HttpResponse:
    """Let a change that does not hold yet never come."""
    user = _user(request)
    if not (user.has_perm(MAY_AGREE) or all(user.has_perm(one) for one in MAY_PROPOSE)):
        raise PermissionDenied("a role that changes sources or agrees to it expected (admin, risk)")

    def dropped() -> str:
        reason = request.POST.get("reason", "")
        found = operations.drop_source(change_id, by=user.get_username(), reason=reason, at=datetime.now(UTC))
        return f"The change of {found.what} is dropped."

    return _done(request, dropped)


def _done(request: HttpRequest, deed: Callable[[], str]) -> HttpResponse:
    try:
        said = deed()
    except _MALFORMED as refusal:
        return _page(request, str(refusal), 400)
    except operations.AgreerProposedIt as refusal:
        return _page(request, str(refusal), 403)
    except _CONFLICTS as refusal:
        return _page(request, str(refusal), 409)
    except operations.LogIsBusy as busy:
        return _page(request, str(busy), 503)
    messages.success(request, said)
    return redirect("sources:sources")


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    user, at = _user(request), datetime.now(UTC)
    known = reference()
    past = SourceChange.objects.exclude(applied_at=None, dropped_at=None).order_by("-proposed_at")
    context: dict[str, Any] = {
        "waiting": [_waiting(change, user.get_username(), at) for change in operations.waiting()],
        "past": past[:PAST_SHOWN],
        "rows": [
            *(("venue", one.name, (one.rest_url, one.ws_url), one.is_enabled) for one in known.venues.values()),
            *(("custodian", one.name, (one.url,), one.is_enabled) for one in known.custodians.values()),
            *(("chain", one.name, (one.url,), one.is_enabled) for one in known.chains.values()),
            *(("oracle", one.name, (one.url,), one.is_enabled) for one in known.oracles.values()),
        ],
        "credentials": Credential.objects.order_by("holder", "purpose").only(
            "holder", "purpose", "fingerprint", "set_by", "set_at"
        ),
        "may_agree": user.has_perm(MAY_AGREE),
        "may_drop": user.has_perm(MAY_AGREE) or all(user.has_perm(one) for one in MAY_PROPOSE),
        "asking": asking(user, at=at),
        "reason_length_max": operations.REASON_LENGTH_MAX,
        "refusal": refusal,
    }
    return render(request, "marketdata/sources.html", context, status=status)


def _waiting(change: SourceChange, name: str, at: datetime) -> Waiting:
    if change.holds_from is None:
        state = "waits for a second person"
    elif change.holds_from > at:
        state = f"cools off until {change.holds_from:%Y-%m-%d %H:%M} UTC"
    else:
        state = "holds within seconds"
    may = not change.agreed_by and change.proposed_by != name
    return Waiting(
        change=change,
        differences=_differences(change),
        state=state,
        agree_hash=text_of(operations.hash_of(change)) if may else "",
    )


def _differences(change: SourceChange) -> tuple[Difference, ...]:
    row = operations.row_of(change)
    if row is None:
        kept = Credential.objects.filter(holder=change.holder, purpose=change.purpose).first()
        before = kept.fingerprint if kept else ""
        return (Difference(field="fingerprint", before=before, after=change.fingerprint[:12]),)
    kept_row = reference().of_kind(row).get(key_of(row))
    before_flat: Mapping[str, Any] = msgspec.to_builtins(kept_row) if kept_row else {}
    return differences(before_flat, msgspec.to_builtins(row))


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
