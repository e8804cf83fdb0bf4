"""Attempts: how often a password may be guessed.

Each attempt is counted before its password is looked at, so that many at once pass the bound no more than one by one.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from hedgeapp.access.models import LoginAttempt

WINDOW: Final = timedelta(minutes=15)  # how long an attempt counts
PER_PERSON_AND_ADDRESS_MAX: Final = 5  # attempts on one name from one address
PER_PERSON_MAX: Final = 50  # attempts on one name from anywhere
PER_ADDRESS_MAX: Final = 50  # attempts from one address on any name


class TooManyAttempts(PermissionError):
    """A name or an address tried too often."""

    def __init__(self) -> None:
        minutes = int(WINDOW.total_seconds() // 60)
        super().__init__(f"Too many attempts. Wait {minutes} minutes, or use a one-time link.")


def count_attempt(username: str, address: str | None, *, at: datetime) -> LoginAttempt:
    """Count an attempt that is about to be made; raise TooManyAttempts when it must not be."""
    username = username[:150]
    with transaction.atomic(durable=True):
        LoginAttempt.objects.filter(at__lt=at - WINDOW).delete()
        attempt = LoginAttempt.objects.create(username=username, address=address, at=at)
    recent = LoginAttempt.objects.filter(at__gt=at - WINDOW)
    bounds = (
        (recent.filter(username=username, address=address), PER_PERSON_AND_ADDRESS_MAX),
        (recent.filter(username=username), PER_PERSON_MAX),
        (recent.filter(address=address), PER_ADDRESS_MAX),
    )
    if any(found.count() > most for found, most in bounds):
        # A refused attempt does not count, or nobody could ever come in again under a steady stream of them.
        attempt.delete()
        raise TooManyAttempts
    return attempt


def forget_attempts(username: str, address: str | None) -> None:
    """Forget the attempts of one name from one address, after the right password."""
    LoginAttempt.objects.filter(username=username[:150], address=address).delete()
