"""Rows of the page of keys: whose they are, what they wait for, what is to be signed about them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from django.contrib.auth.models import User

from hedgeapp.access.codes import confirmation_hash
from hedgeapp.access.models import Passkey, TotpSecret
from hedgeapp.access.passkeys import fingerprint, hash_of, needs_vouching
from hedgeapp.access.signing import party
from hedgeapp.core.passkeys import text_of
from hedgeapp.core.records import record

REVOKED_SHOWN: int = 20  # the latest revoked keys that a page shows

Level = Literal["good", "warn", "bad"]


@record
class KeyRow:
    """A passkey as a page shows it; `vouch_hash` and `confirm_hash` are what would be signed about it."""

    id: int
    owner: str
    name: str
    fingerprint: str
    state: str
    level: Level
    enrolled_at: datetime
    confirmed_by: str
    confirmed_at: datetime | None
    vouch_hash: str = ""
    confirm_hash: str = ""
    earlier: str = ""
    is_revoked: bool = False


@record
class CodesRow:
    """Somebody's secret for codes that waits for another person."""

    id: int
    owner: str
    enrolled_at: datetime
    confirm_hash: str


@record
class KeysPage:
    """What the page of keys shows to one person."""

    mine: tuple[KeyRow, ...]
    waiting: tuple[KeyRow, ...]
    everybody: tuple[KeyRow, ...]
    codes_state: str
    waiting_codes: tuple[CodesRow, ...]


def page(user: User, *, at: datetime, with_everybody: bool) -> KeysPage:
    """Return what somebody sees: the own keys, those of others that wait, and on request everybody's."""
    keys = Passkey.objects.select_related("user", "confirmed_by").order_by("-enrolled_at")
    others = keys.filter(confirmed_at=None, revoked_at=None).exclude(user=user)
    codes = TotpSecret.objects.select_related("user").filter(confirmed_at=None, revoked_at=None).exclude(user=user)
    return KeysPage(
        mine=_rows(keys.filter(user=user), at),
        waiting=_rows(others, at),
        everybody=_rows(keys.exclude(user=user), at) if with_everybody else (),
        codes_state=_codes_state(user),
        waiting_codes=tuple(
            CodesRow(
                id=row.pk,
                owner=row.user.get_username(),
                enrolled_at=row.enrolled_at,
                confirm_hash=text_of(confirmation_hash(row)),
            )
            for row in codes.order_by("enrolled_at")
        ),
    )


def asking(user: User, *, at: datetime) -> dict[str, str]:
    """Return what `static/js/passkeys.js` reads from a page: whose keys may sign, for which party."""
    ids = Passkey.objects.filter(user=user, valid_from__lte=at, revoked_at=None).values_list("credential_id", flat=True)
    asked_by = party()
    return {
        "rp_id": asked_by.rp_id,
        "origin": asked_by.origin,
        "credential_ids": " ".join(text_of(bytes(credential_id)) for credential_id in ids),
    }


def _rows(keys: Iterable[Passkey], at: datetime) -> tuple[KeyRow, ...]:
    rows = [_row(key, at) for key in keys]
    shown = [row for row in rows if not row.is_revoked]
    return tuple(shown + [row for row in rows if row.is_revoked][:REVOKED_SHOWN])


def _row(key: Passkey, at: datetime) -> KeyRow:
    state, level = _state(key, at)
    waits = key.confirmed_at is None and key.revoked_at is None
    vouches = waits and needs_vouching(key, at=at)
    by = "console" if key.is_root else key.confirmed_by.get_username() if key.confirmed_by else ""
    return KeyRow(
        id=key.pk,
        owner=key.user.get_username(),
        name=key.name,
        fingerprint=fingerprint(key),
        state=state,
        level=level,
        enrolled_at=key.enrolled_at,
        confirmed_by=by,
        confirmed_at=key.confirmed_at,
        vouch_hash=text_of(hash_of(key, "vouch")) if vouches else "",
        confirm_hash=text_of(hash_of(key, "confirm")) if waits and not vouches else "",
        earlier=_earlier(key) if waits else "",
        is_revoked=key.revoked_at is not None,
    )


def _state(key: Passkey, at: datetime) -> tuple[str, Level]:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M} by {key.revoked_by}: {key.revoked_because}", "bad"
    if key.valid_from is None:
        return ("waits for an older key" if needs_vouching(key, at=at) else "waits for another person"), "warn"
    if key.valid_from > at:
        return f"cools off until {key.valid_from:%Y-%m-%d %H:%M} UTC", "warn"
    return "in force", "good"


def _earlier(key: Passkey) -> str:
    """Say which keys the owner had: somebody who enrolls as if for the first time may not be the owner."""
    gone = Passkey.objects.filter(user=key.user_id, confirmed_at__isnull=False, revoked_at__isnull=False)
    last = gone.order_by("-revoked_at").first()
    if last is None:
        return "no key before"
    return f"{gone.count()} before, the last revoked by {last.revoked_by}: {last.revoked_because}"


def _codes_state(user: User) -> str:
    row = TotpSecret.objects.filter(user=user, revoked_at=None).first()
    if row is None:
        return "not set up"
    return "in force" if row.confirmed_at else "wait for another person"
