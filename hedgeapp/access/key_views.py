"""Pages of keys: enroll, let two people sign, revoke."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from hedgeapp.access import codes, passkeys
from hedgeapp.access.key_rows import asking, page
from hedgeapp.access.models import Passkey
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned, party
from hedgeapp.access.telling import tell_codes
from hedgeapp.core.passkeys import ALGORITHMS, HASH_BYTES, AssertionIsRefused, bytes_of, text_of
from hedgeapp.eventlog.append import LogIsBusy
from hedgeapp.field_keys import FieldKeysMissing

MAY_ENROLL: Final = "access.enroll_passkey"
MAY_REVOKE: Final = "access.revoke_others_passkey"
OFFER: Final = "passkey_challenge"  # in the session: the challenge of the enrolment that was begun last

_MALFORMED = (AssertionIsRefused, passkeys.NameIsMalformed)
_CONFLICTS = (
    passkeys.ConfirmerIsOwner,
    passkeys.OlderKeyMustSign,
    passkeys.PasskeyDoesNotWait,
    passkeys.PasskeyIsKnown,
    passkeys.TooManyPasskeys,
    PasskeyIsNotInForce,
    PayloadIsSigned,
    codes.NoCodes,
)


@never_cache
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Show the person's keys, and those of others that wait for a second person."""
    return _page(request)


@require_POST
@permission_required(MAY_ENROLL, raise_exception=True)
def offer(request: HttpRequest) -> JsonResponse:
    """Begin an enrolment: return what the browser needs to make a key."""
    user, asked_by = _user(request), party()
    challenge = secrets.token_bytes(HASH_BYTES)
    request.session[OFFER] = text_of(challenge)
    known = Passkey.objects.filter(user=user, revoked_at=None).values_list("credential_id", flat=True)
    return JsonResponse(
        {
            "challenge": text_of(challenge),
            "rp": {"id": asked_by.rp_id, "name": "hedgeapp"},
            "user": {"id": text_of(user.pk.to_bytes(8, "big")), "name": user.get_username()},
            "known": [text_of(bytes(credential_id)) for credential_id in known],
            "algorithms": ALGORITHMS,
        }
    )


@require_POST
@permission_required(MAY_ENROLL, raise_exception=True)
def enroll(request: HttpRequest) -> HttpResponse:
    """Keep a key that the browser made; it waits for another person."""
    given = request.POST

    def kept() -> str:
        key = passkeys.enroll(
            _user(request),
            name=given.get("name", ""),
            challenge=bytes_of(request.session.pop(OFFER, "")),
            registration=given.get("registration", ""),
            proof=given.get("proof", ""),
            at=datetime.now(UTC),
        )
        return f"{key.name} is enrolled and waits. Tell somebody its fingerprint: {passkeys.fingerprint(key)}"

    return _done(request, kept)


@require_POST
@permission_required(MAY_ENROLL, raise_exception=True)
def vouch(request: HttpRequest, key_id: int) -> HttpResponse:
    """Sign for a further key with an older one."""

    def signed() -> str:
        key = passkeys.vouch(key_id, by=_user(request), assertion=_assertion(request), at=datetime.now(UTC))
        return f"{key.name} waits for another person now."

    return _done(request, signed)


@require_POST
@permission_required(MAY_ENROLL, raise_exception=True)
def confirm(request: HttpRequest, key_id: int) -> HttpResponse:
    """Sign for the key of another person."""

    def signed() -> str:
        key = passkeys.confirm(key_id, by=_user(request), assertion=_assertion(request), at=datetime.now(UTC))
        since = f"{key.valid_from:%Y-%m-%d %H:%M}" if key.valid_from else "never"
        return f"You signed for {key.name} of {key.user.get_username()}. It may sign from {since} UTC on."

    return _done(request, signed)


@require_POST
def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """Revoke a key of one's own, or of anybody by role: safe things are fast."""
    user = _user(request)
    if not Passkey.objects.filter(pk=key_id, user=user).exists() and not user.has_perm(MAY_REVOKE):
        raise PermissionDenied("a key of your own expected, or a role that revokes others' (admin)")

    def revoked() -> str:
        reason = request.POST.get("reason", "")
        try:
            key = passkeys.revoke(key_id, by=user.get_username(), reason=reason, at=datetime.now(UTC))
        except Passkey.DoesNotExist:
            raise Http404(f"There is no key {key_id}.") from None
        return f"{key.name} of {key.user.get_username()} is revoked and signs no more."

    return _done(request, revoked)


@require_POST
@permission_required(MAY_ENROLL, raise_exception=True)
def new_codes(request: HttpRequest) -> HttpResponse:
    """Make a secret for codes and show it, once."""
    try:
        _, uri = codes.new_secret(_user(request), at=datetime.now(UTC))
    except FieldKeysMissing as missing:
        return _page(request, str(missing), status=503)
    name = _user(request).get_username()
    tell_codes(request, name, name, "made")
    return _page(request, codes_uri=uri)


@require_POST
@permission_required(MAY_ENROLL, raise_exception=True)
def confirm_codes(request: HttpRequest, secret_id: int) -> HttpResponse:
    """Sign for the codes of another person."""

    def signed() -> str:
        row = codes.confirm_codes(secret_id, by=_user(request), assertion=_assertion(request), at=datetime.now(UTC))
        tell_codes(request, row.user.get_username(), _user(request).get_username(), "confirmed")
        return f"You signed for the codes of {row.user.get_username()}."

    return _done(request, signed)


def _done(request: HttpRequest, deed: Callable[[], str]) -> HttpResponse:
    try:
        said = deed()
    except _MALFORMED as refusal:
        return _page(request, str(refusal), status=400)
    except _CONFLICTS as refusal:
        return _page(request, str(refusal), status=409)
    except LogIsBusy as busy:
        return _page(request, str(busy), status=503)
    messages.success(request, said)
    return redirect("access:keys")


def _page(request: HttpRequest, refusal: str = "", *, status: int = 200, codes_uri: str = "") -> HttpResponse:
    user, at = _user(request), datetime.now(UTC)
    may_revoke = user.has_perm(MAY_REVOKE)
    with transaction.atomic():
        context: dict[str, Any] = {
            "page": page(user, at=at, with_everybody=may_revoke or user.has_perm("access.view_passkey")),
            "asking": asking(user, at=at),
            "may_enroll": user.has_perm(MAY_ENROLL),
            "may_revoke": may_revoke,
            "refusal": refusal,
            "codes_uri": codes_uri,
            "name_length_max": passkeys.NAME_LENGTH_MAX,
            "reason_length_max": passkeys.REASON_LENGTH_MAX,
        }
    return render(request, "access/keys.html", context, status=status)


def _assertion(request: HttpRequest) -> str:
    return request.POST.get("assertion", "")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
