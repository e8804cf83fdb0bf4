"""Codes: six digits from a phone, each used once.

Good to reject, and for little: the secret is known to our processes, too.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Final

from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from hedgeapp.access.attempts import count_attempt
from hedgeapp.access.models import TotpSecret, TotpStep
from hedgeapp.access.signing import sign
from hedgeapp.field_keys import field_keys

STEP_S: Final = 30  # RFC 6238
DIGITS: Final = 6
SECRET_BYTES: Final = 20
DRIFT_STEPS: Final = 1  # a phone's clock may be so far off, either way
ISSUER: Final = "hedgeapp"


class CodeIsWrong(PermissionError):
    """A code is not the one that the phone shows, or was used before."""

    def __init__(self) -> None:
        super().__init__("the code that the phone shows now, not used before, expected: wait for the next one")


class NoCodes(LookupError):
    """Somebody has no secret that is confirmed, or none that waits."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"codes of {name} that {state} expected, found none: set them up on the page of keys")


def new_secret(user: User, *, at: datetime) -> tuple[TotpSecret, str]:
    """Make a secret that waits for another person, instead of any earlier one; return it and its otpauth URI."""
    secret = secrets.token_bytes(SECRET_BYTES)
    with transaction.atomic(durable=True):
        TotpSecret.objects.filter(user=user, revoked_at=None).update(revoked_at=at)
        row = TotpSecret.objects.create(
            user=user, secret_ciphertext=field_keys().encrypt(secret.hex().encode()), enrolled_at=at
        )
    return row, _totp(secret).get_provisioning_uri(user.get_username(), ISSUER)


def confirmation_hash(row: TotpSecret) -> bytes:
    """Return what another person's passkey signs about a secret; the database computes the same."""
    about = row.user_id.to_bytes(8, "big") + row.pk.to_bytes(8, "big")
    return hashlib.sha256(b"hedgeapp:totp:confirm:" + about).digest()


def confirm_codes(secret_id: int, *, by: User, assertion: str, at: datetime) -> TotpSecret:
    """Be the other person who signs for somebody's codes.

    Refuses with NoCodes, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned.
    """
    with transaction.atomic(durable=True):
        waiting = TotpSecret.objects.select_for_update().filter(confirmed_at=None, revoked_at=None).exclude(user=by)
        row = waiting.filter(pk=secret_id).first()
        if row is None:
            raise NoCodes("another person", "wait")
        row.confirmation = sign(by, confirmation_hash(row), assertion, at=at)
        row.confirmed_by, row.confirmed_at = by, at
        row.save(update_fields=["confirmation", "confirmed_by", "confirmed_at"])
    return row


def count_code(user: User, address: str | None, *, at: datetime) -> None:
    """Count a code that is about to be tried, outside of any transaction; refuse with TooManyAttempts."""
    count_attempt(f"code of {user.get_username()}", address, at=at)


def use_code(user: User, code: str, *, at: datetime) -> TotpStep:
    """Use a code up, in the caller's transaction; of several at once, one succeeds.

    Call `count_code` before, or codes can be guessed. Refuses with NoCodes, CodeIsWrong.
    """
    row = TotpSecret.objects.filter(user=user, confirmed_at__isnull=False, revoked_at=None).first()
    if row is None:
        raise NoCodes(user.get_username(), "are confirmed")
    secret = _secret(row)
    now = int(at.timestamp()) // STEP_S
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        expected = _totp(secret).generate(step * STEP_S).decode()
        if secrets.compare_digest(expected, code.strip().encode("ascii", "replace").decode()):
            return _used(row, step, at)
    raise CodeIsWrong


def _used(row: TotpSecret, step: int, at: datetime) -> TotpStep:
    try:
        with transaction.atomic():
            return TotpStep.objects.create(secret=row, step=step, at=at)
    except IntegrityError as error:
        if "access_totp_step_once" in str(error):
            raise CodeIsWrong from None
        raise


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_S)


def _secret(row: TotpSecret) -> bytes:
    try:
        return bytes.fromhex(field_keys().decrypt(bytes(row.secret_ciphertext)).decode())
    except InvalidToken:
        raise NoCodes(str(row.user_id), "were encrypted by one of HEDGEAPP_FIELD_KEYS") from None
