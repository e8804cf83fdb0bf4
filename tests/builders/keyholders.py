"""People with passkeys in the database, made by the operations that make them in earnest."""

import secrets
from datetime import UTC, datetime

from django.contrib.auth.models import User

from hedgeapp.access.models import Passkey
from hedgeapp.access.passkeys import confirm, confirm_at_console, enroll, hash_of
from hedgeapp.access.signing import party
from tests.builders.passkeys import Device


def now() -> datetime:
    """Return the present time: the database refuses another."""
    return datetime.now(UTC)


def device_of(name: str) -> Device:
    """Return a device for the party of the settings."""
    return Device(name, party=party())


def waiting(user: User, device: Device) -> Passkey:
    """Enroll a device's passkey."""
    challenge = secrets.token_bytes(32)
    registration = device.registration(challenge)
    proof = device.proof(user.pk)
    return enroll(user, name="blue key", challenge=challenge, registration=registration, proof=proof, at=now())


def root(name: str) -> tuple[User, Device]:
    """Return a person whose passkey was confirmed at the console."""
    user, device = User.objects.create_user(name), device_of(name)
    confirm_at_console(waiting(user, device).pk, at=now(), using="default")
    return user, device


def keyholder(name: str, *, by: tuple[User, Device]) -> tuple[User, Device]:
    """Return a person whose passkey another person confirmed."""
    user, device = User.objects.create_user(name), device_of(name)
    key = waiting(user, device)
    confirm(key.pk, by=by[0], assertion=by[1].assertion(hash_of(key, "confirm")), at=now())
    return user, device
