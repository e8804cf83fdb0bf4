"""Signing: what a person's passkey signed, checked, and kept once for ever; and whether what was kept still holds."""

from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from hedgeapp.access.models import Assertion, Passkey
from hedgeapp.core.events.approvals import Assertion as Proven
from hedgeapp.core.keyring import Enrolment, Keyring, Signed
from hedgeapp.core.passkeys import AssertionIsMalformed, Key, Party, bytes_of, text_of, verified


class PasskeyIsNotInForce(PermissionError):
    """Somebody signed with a key that is not his, waits, cools off or was revoked."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"a passkey of {name} that is confirmed and in force expected, found none with this id: see your keys"
        )


class PayloadIsSigned(PermissionError):
    """Somebody signed the same payload before."""

    def __init__(self, name: str) -> None:
        super().__init__(f"one signature of {name} for each payload expected, found an earlier one: it counts once")


class _Named(msgspec.Struct):
    id: str


class _Response(msgspec.Struct):
    clientDataJSON: str
    authenticatorData: str
    signature: str


class _Answered(msgspec.Struct):
    response: _Response


def party() -> Party:
    """Return who asks for signatures, from the settings and never from a request."""
    origin: str = settings.PASSKEY_ORIGIN
    return Party(rp_id=urlsplit(origin).hostname or "", origin=origin)


def sign(user: User, payload_hash: bytes, assertion: str, *, at: datetime) -> Assertion:
    """Keep what a person's passkey signed, once, in the caller's transaction.

    `assertion` is AuthenticationResponseJSON over the 32 bytes of `payload_hash`. Refuses with AssertionIsRefused,
    PasskeyIsNotInForce, PayloadIsSigned.
    """
    key = _key(user, assertion, at)
    before = Key(credential_id=bytes(key.credential_id), public_key=bytes(key.public_key), sign_count=key.sign_count)
    found = verified(before, party(), payload_hash, assertion)
    if Assertion.objects.filter(user=user, challenge=payload_hash).exists():
        raise PayloadIsSigned(user.get_username())
    try:
        with transaction.atomic():
            return Assertion.objects.create(
                passkey=key,
                user=user,
                challenge=payload_hash,
                body=assertion,
                previous_count=key.sign_count,
                sign_count=found.sign_count,
                at=at,
            )
    except IntegrityError as error:
        if "access_assertion_once" in str(error):
            raise PayloadIsSigned(user.get_username()) from None
        raise


def signed_of(assertion: Assertion) -> Signed:
    """Return a kept assertion as the keyring takes it."""
    return Signed(
        credential_id=bytes(assertion.passkey.credential_id),
        assertion=assertion.body,
        previous_count=assertion.previous_count,
        at=assertion.at,
    )


def written(assertion: Assertion) -> Proven:
    """Return a kept assertion as events have it."""
    answer = msgspec.json.decode(assertion.body, type=_Answered).response
    return Proven(
        kind="passkey",
        key_id=text_of(bytes(assertion.passkey.credential_id)),
        client_data=answer.clientDataJSON,
        authenticator_data=answer.authenticatorData,
        signature=answer.signature,
    )


def signer_of(proven: Proven, payload_hash: bytes, at: datetime, *, ring: Keyring) -> int:
    """Return the id of who signed a payload, proven from an event of the log alone; `at` is the log's time.

    Refuses with KeyIsNotBelieved, AssertionIsRefused.
    """
    body = {
        "id": proven.key_id,
        "type": "public-key",
        "response": {
            "clientDataJSON": proven.client_data,
            "authenticatorData": proven.authenticator_data,
            "signature": proven.signature,
        },
    }
    # The log does not say how far the key had counted; the row that was kept beside it does.
    signed = Signed(
        credential_id=bytes_of(proven.key_id),
        assertion=msgspec.json.encode(body).decode(),
        previous_count=0,
        at=at,
    )
    signer, _ = ring.verified(signed, payload_hash)
    return signer


def keyring(using: str = "default") -> Keyring:
    """Return the keys that may be believed, each proven again from its signatures; takes a millisecond a key."""
    rows = Passkey.objects.using(using).filter(confirmed_at__isnull=False)
    rows = rows.select_related("confirmation__passkey", "vouching__passkey").order_by("confirmed_at", "pk")
    return Keyring([_enrolment(row) for row in rows], party(), settings.PASSKEY_COOL_OFF)


def signer_again(assertion: Assertion, payload_hash: bytes, *, ring: Keyring) -> int:
    """Return the id of who signed a payload, proven from stored rows alone; for a process that trusts no other.

    Refuses with KeyIsNotBelieved, AssertionIsRefused.
    """
    signer, _ = ring.verified(signed_of(assertion), payload_hash)
    return signer


def _key(user: User, assertion: str, at: datetime) -> Passkey:
    try:
        credential_id = bytes_of(msgspec.json.decode(assertion, type=_Named).id)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise AssertionIsMalformed(f"a browser's answer as JSON expected, found something else: {error}") from None
    mine = Passkey.objects.select_for_update().filter(user=user, credential_id=credential_id)
    key = mine.filter(valid_from__lte=at, revoked_at=None).first()
    if key is None:
        raise PasskeyIsNotInForce(user.get_username())
    return key


def _enrolment(row: Passkey) -> Enrolment:
    return Enrolment(
        user_id=row.user_id,
        credential_id=bytes(row.credential_id),
        public_key=bytes(row.public_key),
        proof=row.proof,
        first_count=row.first_count,
        is_root=row.is_root,
        confirmed_at=row.confirmed_at,
        confirmation=signed_of(row.confirmation) if row.confirmation else None,
        vouching=signed_of(row.vouching) if row.vouching else None,
        valid_from=row.valid_from,
        revoked_at=row.revoked_at,
    )
