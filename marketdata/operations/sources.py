"""Sources: where we speak to and with which keys change by two people; the second signs what it will be.

Each step is an event; keys are encrypted from the first step on and never enter the log.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet

from hedgeapp.access.signing import sign, written
from hedgeapp.core.events.sources import (
    CredentialChanged,
    SourceChangeAgreed,
    SourceChangeDropped,
    SourceChangeProposed,
    SourceEvent,
)
from hedgeapp.core.reference import Chain, Custodian, Oracle, Venue
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from hedgeapp.eventlog.append import append, lock
from hedgeapp.field_keys import field_keys
from marketdata.core.catalogue import key_of, noun_of
from marketdata.core.sensitive import Source, agreement_hash
from marketdata.core.sensitive import written as json_of
from marketdata.core.wellformed import RowRefused
from marketdata.models import Credential, SourceChange
from marketdata.operations.changes import RowChangedMeanwhile, change_locked, last_change, require_changeable
from marketdata.operations.credentials import Purpose, require_keys, sealed
from marketdata.queries.catalogue import reference

REASON_LENGTH_MAX: Final = 500  # characters
WAITING_MAX: Final = 100  # changes
NAME_BYTES: Final = 6
KINDS: Final[dict[str, type[Source]]] = {"venue": Venue, "custodian": Custodian, "chain": Chain, "oracle": Oracle}

log = structlog.get_logger()


class SourceReasonIsMalformed(ValueError):
    """A reason is empty, too long, or no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        )


class SourceChangeDoesNotWait(LookupError):
    """A change is to be agreed to or dropped that holds, was dropped, or was never proposed."""

    def __init__(self) -> None:
        super().__init__(
            "a change of URLs or keys that waits expected, found one that holds, was dropped or never made"
        )


class AnotherSourceChangeWaits(RuntimeError):
    """The same row or the same keys have a change that waits, or too many do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"no change of {what} that waits expected, found one: agree to it or drop it first")


class AgreerProposedIt(PermissionError):
    """One person tried to be both of the two."""

    def __init__(self, what: str, by: str) -> None:
        super().__init__(f"another person than {by} expected to agree to the change of {what}: ask a colleague")


def propose_source(row: Source, *, by: str, reason: str, at: datetime, expected_version: int) -> SourceChange | None:
    """Be the first of two people to say where we speak to; None when it is so already.

    Refuses with a RowRefused, SourceReasonIsMalformed, AnotherSourceChangeWaits, LogIsBusy.
    """
    what, reason = f"{noun_of(row)}:{key_of(row)}", _text(reason)
    with transaction.atomic(durable=True):
        _lock()
        catalogue = reference()
        kept = last_change(row)
        version = kept.version if kept else 0
        if version != expected_version:
            raise RowChangedMeanwhile(row, expected_version, version)
        if catalogue.of_kind(row).get(key_of(row)) == row:
            return None
        require_changeable(row, catalogue)
        _require_free(what)
        found = _kept(what, by, reason, at, version=version, content=json_of(row))
        event = SourceChangeProposed(
            at=at,
            change_id=found.change_id,
            what=what,
            version=version + 1,
            by=by,
            reason=reason,
            venue=row if isinstance(row, Venue) else None,
            custodian=row if isinstance(row, Custodian) else None,
            chain=row if isinstance(row, Chain) else None,
            oracle=row if isinstance(row, Oracle) else None,
        )
        _append(event, at)
    log.warning("source.proposed", what=what, by=by)
    return found


def propose_credential(
    holder: str,
    *,
    purpose: Purpose,
    api_key: str,
    secret: str,
    by: str,
    reason: str,
    at: datetime,
    passphrase: str = "",
) -> SourceChange | None:
    """Be the first of two people to say with which keys we speak; None when these are used already.

    Refuses with HolderIsUnknown, KeyIsEmpty, FieldKeysMissing, SourceReasonIsMalformed, AnotherSourceChangeWaits,
    LogIsBusy.
    """
    what, reason = f"credential:{holder}:{purpose}", _text(reason)
    with transaction.atomic(durable=True):
        _lock()
        if not require_keys(holder, purpose, api_key, secret, passphrase):
            return None
        _require_free(what)
        found = _kept(
            what,
            by,
            reason,
            at,
            holder=holder,
            purpose=purpose,
            api_key_ciphertext=field_keys().encrypt(api_key.encode()),
            secret_ciphertext=sealed(secret, passphrase),
            fingerprint=hashlib.sha256(api_key.encode()).hexdigest(),
        )
        event = SourceChangeProposed(
            at=at,
            change_id=found.change_id,
            what=what,
            version=0,
            by=by,
            reason=reason,
            fingerprint=found.fingerprint,
        )
        _append(event, at)
    log.warning("source.proposed", what=what, by=by)
    return found


def hash_of(change: SourceChange) -> bytes:
    """Return what the second person signs: the row whole, or the sealed keys as they are kept."""
    content = change.content
    if change.holder:
        sealed = bytes(change.api_key_ciphertext or b"") + b"\n" + bytes(change.secret_ciphertext or b"")
        content = f"{change.fingerprint}:{hashlib.sha256(sealed).hexdigest()}"
    return agreement_hash(
        change_id=change.change_id,
        what=change.what,
        version=change.version,
        by=change.proposed_by,
        reason=change.reason,
        content=content,
    )


def agree_source(change_id: str, *, by: User, assertion: str, at: datetime) -> SourceChange:
    """Be the second of two people; `assertion` is over `hash_of` the change.

    Refuses with SourceChangeDoesNotWait, AgreerProposedIt, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned,
    LogIsBusy.
    """
    name = by.get_username()
    with transaction.atomic(durable=True):
        _lock()
        found = _waiting().select_for_update().filter(change_id=change_id, agreed_by="").first()
        if found is None:
            raise SourceChangeDoesNotWait
        if found.proposed_by == name:
            raise AgreerProposedIt(found.what, name)
        found.agreement = sign(by, hash_of(found), assertion, at=at)
        found.agreed_by, found.agreed_at, found.holds_from = name, at, at + settings.SOURCE_COOL_OFF
        found.save(update_fields=["agreement", "agreed_by", "agreed_at", "holds_from"])
        event = SourceChangeAgreed(
            at=at,
            change_id=change_id,
            what=found.what,
            by=name,
            holds_from=found.holds_from,
            assertion=written(found.agreement),
        )
        _append(event, at)
        if found.holds_from <= at:
            _carry_out(found, at)
    log.warning("source.agreed", what=found.what, by=name)
    return found


def drop_source(change_id: str, *, by: str, reason: str, at: datetime) -> SourceChange:
    """Let a change that does not hold yet never come; it takes one person.

    Refuses with SourceReasonIsMalformed, SourceChangeDoesNotWait, LogIsBusy.
    """
    reason = _text(reason)
    with transaction.atomic(durable=True):
        _lock()
        found = _waiting().select_for_update().filter(change_id=change_id).first()
        if found is None:
            raise SourceChangeDoesNotWait
        _drop(found, by, reason, at)
    log.warning("source.dropped", what=found.what, by=by)
    return found


def carry_out_due(at: datetime) -> int:
    """Let hold what has cooled off; return how many. Refuses with LogIsBusy."""
    due = _waiting().filter(holds_from__lte=at).order_by("holds_from").values_list("change_id", flat=True)
    names = list(due[:WAITING_MAX])
    for name in names:
        with transaction.atomic(durable=True):
            _lock()
            found = _waiting().select_for_update().filter(change_id=name, holds_from__lte=at).first()
            if found is not None:
                _carry_out(found, at)
    return len(names)


def waiting() -> Sequence[SourceChange]:
    """Return the changes that wait or cool off, the oldest first."""
    return list(_waiting().order_by("proposed_at"))


def row_of(change: SourceChange) -> Source | None:
    """Return the row that a change wants; None where it is about keys."""
    kind = KINDS.get(change.what.partition(":")[0])
    return msgspec.json.decode(change.content, type=kind) if kind else None


def _carry_out(found: SourceChange, at: datetime) -> None:
    row = row_of(found)
    reason = f"{found.reason} (agreed to by {found.agreed_by})"
    if row is not None:
        try:
            change_locked(row, by=found.proposed_by, reason=reason, at=at, expected_version=found.version)
        except RowRefused as refusal:
            _drop(found, found.proposed_by, str(refusal), at)
            return
    else:
        _use_keys(found, at)
    found.applied_at = at
    # Sealed keys are kept in one place only.
    found.api_key_ciphertext = found.secret_ciphertext = None
    found.save(update_fields=["applied_at", "api_key_ciphertext", "secret_ciphertext"])
    log.warning("source.changed", what=found.what, by=found.proposed_by, agreed_by=found.agreed_by)


def _use_keys(found: SourceChange, at: datetime) -> None:
    Credential.objects.update_or_create(
        holder=found.holder,
        purpose=found.purpose,
        defaults={
            "api_key_ciphertext": found.api_key_ciphertext,
            "secret_ciphertext": found.secret_ciphertext,
            "fingerprint": found.fingerprint[:12],
            "set_by": found.proposed_by,
            "set_at": at,
        },
    )
    event = CredentialChanged(
        at=at,
        change_id=found.change_id,
        holder=found.holder,
        purpose=found.purpose,
        fingerprint=found.fingerprint,
        by=found.proposed_by,
        agreed_by=found.agreed_by,
    )
    _append(event, at)


def _drop(found: SourceChange, by: str, said: str, at: datetime) -> None:
    found.dropped_at = at
    found.api_key_ciphertext = found.secret_ciphertext = None
    found.save(update_fields=["dropped_at", "api_key_ciphertext", "secret_ciphertext"])
    _append(SourceChangeDropped(at=at, change_id=found.change_id, what=found.what, by=by, said=said[:1_000]), at)


def _kept(what: str, by: str, reason: str, at: datetime, **fields: object) -> SourceChange:
    name = f"{what.partition(':')[0]}-{secrets.token_hex(NAME_BYTES)}"
    return SourceChange.objects.create(
        change_id=name, what=what, proposed_by=by, proposed_at=at, reason=reason, **fields
    )


def _require_free(what: str) -> None:
    if _waiting().filter(what=what).exists() or _waiting().count() >= WAITING_MAX:
        raise AnotherSourceChangeWaits(what)


def _waiting() -> QuerySet[SourceChange]:
    return SourceChange.objects.filter(applied_at=None, dropped_at=None)


def _lock() -> None:
    connection.ensure_connection()
    lock(connection.connection)


def _append(event: SourceEvent, at: datetime) -> None:
    append(connection.connection, [event], at=at)


def _text(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise SourceReasonIsMalformed(reason)
    return reason
