"""API keys: hand one out, show it once, revoke it; each an event and its row at once. And whose key a program shows."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import connection, transaction

from hedgeapp.access.models import ApiKey
from hedgeapp.core.events.api_keys import ApiKeyEvent, ApiKeyHandedOut, ApiKeyRevoked
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import append, lock

SCOPES: Final = ("prices:read", "capacity:read")
NAME_LENGTH_MAX: Final = 60  # characters
REASON_LENGTH_MAX: Final = 500  # characters
PER_MINUTE: Final = 240  # requests: what is offered; four a second are all there is to read
PER_MINUTE_MAX: Final = 6_000
LIFE: Final = timedelta(days=90)  # what is offered
LIFE_MAX: Final = timedelta(days=366)
SECRET_BYTES: Final = 32
_TOKEN: Final = re.compile(r"hk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")

log = structlog.get_logger()


class ApiKeyIsMalformed(ValueError):
    """A key is to be handed out, or revoked, with a name, scope, pace, end or reason that is none."""


class ApiKeyIsNotInForce(LookupError):
    """A program shows no key, one that nobody handed out, or one that is over."""


class ScopeIsMissing(PermissionError):
    """A key may not read what it was shown for."""

    def __init__(self, scope: str, found: Collection[str]) -> None:
        super().__init__(f"a key with the scope {scope} expected, found {', '.join(sorted(found))}: ask for another")


@record
class Caller:
    """Whose key a program showed."""

    key_id: str
    name: str
    scopes: frozenset[str]
    per_minute: int

    def require(self, scope: str) -> None:
        """Refuse with ScopeIsMissing where the key may not read this."""
        if scope not in self.scopes:
            raise ScopeIsMissing(scope, self.scopes)


@record
class Asked:
    """What a key is to be: its user's name, what it may read, how often, until when, and why."""

    name: str
    scopes: tuple[str, ...]
    per_minute: int
    expires_at: datetime
    reason: str


def hand_out(asked: Asked, *, by: str, at: datetime) -> tuple[ApiKey, str]:
    """Make a key; return its row and the key itself, which nobody can read again.

    Refuses with ApiKeyIsMalformed, LogIsBusy.
    """
    name, reason = _text("a name", asked.name, NAME_LENGTH_MAX), _text("a reason", asked.reason, REASON_LENGTH_MAX)
    scopes = tuple(scope for scope in SCOPES if scope in asked.scopes)
    if not scopes or set(asked.scopes) - set(SCOPES):
        found = ", ".join(asked.scopes)[:60] or "none"
        raise ApiKeyIsMalformed(f"scopes out of {', '.join(SCOPES)} expected, found {found}: choose some")
    if not 1 <= asked.per_minute <= PER_MINUTE_MAX:
        raise ApiKeyIsMalformed(f"1 to {PER_MINUTE_MAX} requests a minute expected, found {asked.per_minute}")
    if not at < asked.expires_at <= at + LIFE_MAX:
        found = f"{asked.expires_at:%Y-%m-%d %H:%M}"
        raise ApiKeyIsMalformed(f"an end within the next {LIFE_MAX.days} days expected, found {found} UTC")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES)
    event = ApiKeyHandedOut(
        at=at,
        key_id=key_id,
        name=name,
        scopes=scopes,
        per_minute=asked.per_minute,
        expires_at=asked.expires_at,
        fingerprint=_hash(secret),
        by=by,
        reason=reason,
    )
    with transaction.atomic(durable=True):
        _lock()
        row = ApiKey.objects.create(
            key_id=key_id,
            name=name,
            secret_hash=event.fingerprint,
            scopes=" ".join(scopes),
            per_minute=asked.per_minute,
            made_at=at,
            made_by=by,
            reason=reason,
            expires_at=asked.expires_at,
        )
        _append(event)
    log.warning("api_key.handed_out", key_id=key_id, name=name, by=by)
    return row, f"hk_{key_id}_{secret}"


def revoke(key_id: str, *, by: str, reason: str, at: datetime) -> ApiKey:
    """Let a key be good for nothing, from the commit on; a revoked one stays so.

    Refuses with ApiKey.DoesNotExist, ApiKeyIsMalformed, LogIsBusy.
    """
    reason = _text("a reason", reason, REASON_LENGTH_MAX)
    with transaction.atomic(durable=True):
        _lock()
        row = ApiKey.objects.select_for_update().get(pk=key_id)
        if row.revoked_at is not None:
            return row
        row.revoked_at, row.revoked_by, row.revoked_because = at, by, reason
        row.save(update_fields=["revoked_at", "revoked_by", "revoked_because"])
        _append(ApiKeyRevoked(at=at, key_id=key_id, name=row.name, by=by, reason=reason))
    log.warning("api_key.revoked", key_id=key_id, name=row.name, by=by)
    return row


def caller(authorization: str, *, at: datetime) -> Caller:
    """Return whose key an Authorization header shows; refuse with ApiKeyIsNotInForce, in one sentence for all causes.

    Whoever guesses is not told what of a guess was right, nor by the time it takes.
    """
    kind, _, token = authorization.partition(" ")
    parts = _TOKEN.fullmatch(token.strip())
    if kind.lower() != "bearer" or parts is None:
        raise ApiKeyIsNotInForce("an API key expected as 'Authorization: Bearer hk_…', found none: ask for one")
    key_id, secret = parts.groups()
    row = ApiKey.objects.filter(pk=key_id).first()
    is_right = hmac.compare_digest(_hash(secret), row.secret_hash if row else _hash(""))
    if row is None or not is_right or row.revoked_at is not None or row.expires_at <= at:
        raise ApiKeyIsNotInForce("an API key that is in force expected, found one that is not: ask for another")
    return Caller(key_id=row.key_id, name=row.name, scopes=frozenset(row.scopes.split()), per_minute=row.per_minute)


def is_in_force(key_id: str, *, at: datetime) -> bool:
    """Tell whether a key that was shown is still good."""
    return ApiKey.objects.filter(pk=key_id, revoked_at=None, expires_at__gt=at).exists()


def _hash(secret: str) -> str:
    # Of 256 random bits: no slow hash is needed against guessing.
    return hashlib.sha256(secret.encode()).hexdigest()


def _lock() -> None:
    connection.ensure_connection()
    lock(connection.connection)


def _append(event: ApiKeyEvent) -> None:
    append(connection.connection, [event], at=event.at)


def _text(what: str, given: str, length_max: int) -> str:
    text = " ".join(given.split())
    if not text or len(text) > length_max or not text.isprintable():
        raise ApiKeyIsMalformed(f"{what} of 1 to {length_max} printable characters expected: write one")
    return text
