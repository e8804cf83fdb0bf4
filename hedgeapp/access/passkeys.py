"""Passkeys: enroll one, let two people confirm it, revoke it; each step an event and its row in one transaction.

The database refuses by itself what is wrong here (migrations), and `keyring` believes no row without its signatures.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connections, transaction

from hedgeapp.access.models import Passkey
from hedgeapp.access.signing import party, sign
from hedgeapp.core.events.passkeys import CONSOLE, PasskeyConfirmed, PasskeyEnrolled, PasskeyEvent, PasskeyRevoked
from hedgeapp.core.passkeys import Key, Purpose, enrolled, enrolment_hash, text_of, verified
from hedgeapp.eventlog.append import append, lock

PER_PERSON_MAX: Final = 10  # passkeys of one person that are not revoked
NAME_LENGTH_MAX: Final = 60  # characters
REASON_LENGTH_MAX: Final = 500  # characters
ROOT_PEOPLE: Final = 2  # whose keys the console may confirm; from then on they confirm each other's

log = structlog.get_logger()


class NameIsMalformed(ValueError):
    """A passkey's name, or a reason, is empty, too long or no text."""

    def __init__(self, what: str, length_max: int) -> None:
        super().__init__(f"{what} of 1 to {length_max} printable characters expected: write one")


class TooManyPasskeys(PermissionError):
    """Somebody has as many passkeys as one may have."""

    def __init__(self) -> None:
        super().__init__(f"at most {PER_PERSON_MAX} passkeys a person expected: revoke one first")


class PasskeyIsKnown(ValueError):
    """A device's key was enrolled before, or an enrolment was sent twice."""

    def __init__(self) -> None:
        super().__init__("a passkey that is new here expected, found one that was enrolled before: use another device")


class PasskeyDoesNotWait(LookupError):
    """A passkey is to be confirmed that is not there, is confirmed already, or was revoked."""

    def __init__(self) -> None:
        super().__init__("a passkey that waits expected, found one that was confirmed, revoked or never enrolled")


class ConfirmerIsOwner(PermissionError):
    """Somebody tried to be both of the two people that a passkey takes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another person than {name} expected to confirm a passkey of {name}: ask a colleague")


class OlderKeyMustSign(PermissionError):
    """A further passkey of a person waits for the signature of one that the person has."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} to sign with an older passkey first expected, found no signature: ask {name}")


class ConsoleIsOver(PermissionError):
    """The console may confirm no key any more: there are people who can."""

    def __init__(self) -> None:
        super().__init__(
            f"fewer than {ROOT_PEOPLE} other people with passkeys expected, found them: let one of them confirm it"
        )


def hash_of(key: Passkey, purpose: Purpose) -> bytes:
    """Return what is to be signed about a passkey."""
    return enrolment_hash(
        purpose, user_id=key.user_id, credential_id=bytes(key.credential_id), public_key=bytes(key.public_key)
    )


def fingerprint(key: Passkey) -> str:
    """Return what two people compare before the second signs: 16 hexadecimal digits in groups of four."""
    digits = hash_of(key, "confirm").hex()[:16]
    return " ".join(digits[place : place + 4] for place in range(0, 16, 4))


def enroll(user: User, *, name: str, challenge: bytes, registration: str, proof: str, at: datetime) -> Passkey:
    """Keep a new passkey of somebody, which waits for its confirmation.

    `registration` answers a challenge of ours; `proof` is its signature over `enrolment_hash("enroll")`. Refuses with
    AssertionIsRefused, NameIsMalformed, TooManyPasskeys, PasskeyIsKnown, LogIsBusy.
    """
    name = _text("a name", name, NAME_LENGTH_MAX)
    new = enrolled(party(), challenge, registration)
    about = enrolment_hash("enroll", user_id=user.pk, credential_id=new.credential_id, public_key=new.public_key)
    proven = verified(
        Key(credential_id=new.credential_id, public_key=new.public_key, sign_count=new.sign_count),
        party(),
        about,
        proof,
    )
    try:
        with transaction.atomic(durable=True):
            _lock()
            if Passkey.objects.filter(user=user, revoked_at=None).count() >= PER_PERSON_MAX:
                raise TooManyPasskeys
            key = Passkey.objects.create(
                credential_id=new.credential_id,
                user=user,
                name=name,
                public_key=new.public_key,
                challenge=challenge,
                proof=proof,
                first_count=new.sign_count,
                sign_count=proven.sign_count,
                enrolled_at=at,
                enrolled_by=user,
            )
            event = PasskeyEnrolled(
                at=at,
                credential_id=text_of(new.credential_id),
                public_key=text_of(new.public_key),
                user_id=user.pk,
                user=user.get_username(),
                name=name,
            )
            _append(event, at)
    except IntegrityError as error:
        if "unique" in str(error):
            raise PasskeyIsKnown from None
        raise
    log.warning("passkey.enrolled", user=user.get_username(), passkey=key.pk)
    return key


def vouch(key_id: int, *, by: User, assertion: str, at: datetime) -> Passkey:
    """Let the owner's older passkey sign for a further one.

    Refuses with PasskeyDoesNotWait, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned.
    """
    with transaction.atomic(durable=True):
        key = _waiting(key_id)
        if key.user_id != by.pk or key.vouching_id is not None:
            raise PasskeyDoesNotWait
        key.vouching = sign(by, hash_of(key, "vouch"), assertion, at=at)
        key.save(update_fields=["vouching"])
    return key


def confirm(key_id: int, *, by: User, assertion: str, at: datetime) -> Passkey:
    """Be the other person who signs for a passkey; it may sign itself when its cool-off has passed.

    Refuses with PasskeyDoesNotWait, ConfirmerIsOwner, OlderKeyMustSign, AssertionIsRefused, PasskeyIsNotInForce,
    PayloadIsSigned, LogIsBusy.
    """
    with transaction.atomic(durable=True):
        _lock()
        key = _waiting(key_id)
        if key.user_id == by.pk:
            raise ConfirmerIsOwner(by.get_username())
        if needs_vouching(key, at=at):
            raise OlderKeyMustSign(key.user.get_username())
        key.confirmation = sign(by, hash_of(key, "confirm"), assertion, at=at)
        key.confirmed_by, key.confirmed_at, key.valid_from = by, at, at + _cool_off()
        key.save(update_fields=["confirmation", "confirmed_by", "confirmed_at", "valid_from"])
        _append_confirmed(key, by.get_username(), at)
    log.warning("passkey.confirmed", user=key.user.get_username(), passkey=key.pk, by=by.get_username())
    return key


def confirm_at_console(key_id: int, *, at: datetime, using: str = "owner") -> Passkey:
    """Confirm one of the first passkeys, as the database's owner; without a cool-off.

    Refuses with PasskeyDoesNotWait, ConsoleIsOver, LogIsBusy.
    """
    with transaction.atomic(using=using, durable=True):
        _lock(using)
        key = _waiting(key_id, using)
        others = Passkey.objects.using(using).filter(confirmed_at__isnull=False, revoked_at=None)
        if others.exclude(user=key.user_id).values("user").distinct().count() >= ROOT_PEOPLE:
            raise ConsoleIsOver
        key.is_root, key.confirmed_at, key.valid_from = True, at, at
        key.save(using=using, update_fields=["is_root", "confirmed_at", "valid_from"])
        _append_confirmed(key, CONSOLE, at, using)
    log.warning("passkey.confirmed", user=key.user.get_username(), passkey=key.pk, by=CONSOLE)
    return key


def revoke(key_id: int, *, by: str, reason: str, at: datetime) -> Passkey:
    """Let a passkey sign no more, from the commit on; what it signed stays signed. A revoked one stays so.

    Refuses with Passkey.DoesNotExist, NameIsMalformed, LogIsBusy.
    """
    reason = _text("a reason", reason, REASON_LENGTH_MAX)
    with transaction.atomic(durable=True):
        _lock()
        key = Passkey.objects.select_for_update(of=("self",)).select_related("user").get(pk=key_id)
        if key.revoked_at is not None:
            return key
        key.revoked_at, key.revoked_by, key.revoked_because = at, by, reason
        key.save(update_fields=["revoked_at", "revoked_by", "revoked_because"])
        event = PasskeyRevoked(
            at=at,
            credential_id=text_of(bytes(key.credential_id)),
            user=key.user.get_username(),
            by=by,
            reason=reason,
        )
        _append(event, at)
    log.warning("passkey.revoked", user=key.user.get_username(), passkey=key.pk, by=by)
    return key


def needs_vouching(key: Passkey, *, at: datetime) -> bool:
    """Tell whether an older passkey of the owner must still sign for a waiting one."""
    older = Passkey.objects.filter(user=key.user_id, valid_from__lte=at, revoked_at=None).exclude(pk=key.pk)
    return key.vouching_id is None and older.exists()


def _waiting(key_id: int, using: str = "default") -> Passkey:
    waiting = Passkey.objects.using(using).filter(confirmed_at=None, revoked_at=None)
    key = waiting.select_for_update(of=("self",)).select_related("user").filter(pk=key_id).first()
    if key is None:
        raise PasskeyDoesNotWait
    return key


def _cool_off() -> timedelta:
    cool_off: timedelta = settings.PASSKEY_COOL_OFF
    return cool_off


def _append_confirmed(key: Passkey, by: str, at: datetime, using: str = "default") -> None:
    assert key.valid_from is not None
    event = PasskeyConfirmed(
        at=at,
        credential_id=text_of(bytes(key.credential_id)),
        user=key.user.get_username(),
        by=by,
        valid_from=key.valid_from,
    )
    _append(event, at, using)


def _lock(using: str = "default") -> None:
    connections[using].ensure_connection()
    lock(connections[using].connection)


def _append(event: PasskeyEvent, at: datetime, using: str = "default") -> None:
    append(connections[using].connection, [event], at=at)


def _text(what: str, given: str, length_max: int) -> str:
    text = " ".join(given.split())
    if not 0 < len(text) <= length_max or not text.isprintable():
        raise NameIsMalformed(what, length_max)
    return text
