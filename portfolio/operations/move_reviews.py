"""Move reviews: two people sign that they looked at a move which we never intended, or at a break-glass.

The first signature is kept and waits; the second, by another person over the same hash, ends the alarm.
Who broke a glass never reviews it.
"""

import hashlib
import json
from collections.abc import Collection
from datetime import datetime
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.access.models import Assertion
from hedgeapp.access.signing import sign
from hedgeapp.core.events.break_glass import BreakGlassReviewed, GlassBroken
from hedgeapp.core.events.moves import UnintendedMoveReviewed, UnintendedMoveSeen
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from portfolio.core.move_payloads import spoken
from portfolio.operations.moves.people import BREAK_GLASS, PermissionIsMissing, permitted
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy
from portfolio.queries.people import breakers

REASON_LENGTH_MAX: Final = 500  # characters

log = structlog.get_logger()


class AlarmIsOver(LookupError):
    """A move is to be reviewed that waits for no review, or no longer."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"a move that waits for its review expected, found {reference[:100]!r}, which does not")


class SignerReviews(PermissionError):
    """Somebody who broke a glass wants to review that."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a review by people who did not sign the break-glass expected, found {name}, who did")


class ReviewReasonIsMalformed(ValueError):
    """A reason is empty, too long, or no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        )


def review_hash(alarm: UnintendedMoveSeen) -> bytes:
    """Return what both people sign: exactly this report."""
    parts = [alarm.source, alarm.reference, alarm.kind, alarm.asset, spoken(alarm.amount), alarm.said]
    return hashlib.sha256(b"hedgeapp:unintended:review:" + json.dumps(parts, separators=(",", ":")).encode()).digest()


def glass_review_hash(broken: GlassBroken) -> bytes:
    """Return what both people sign: exactly this break-glass."""
    parts = [broken.move_id, broken.payload_hash, broken.by, broken.agreed_by, broken.reason, broken.at.isoformat()]
    return hashlib.sha256(b"hedgeapp:break-glass:review:" + json.dumps(parts, separators=(",", ":")).encode()).digest()


def first_of(challenge: bytes, among: Collection[str] | None = None) -> str:
    """Return who signed first that he looked at something, by a key that still holds; empty while nobody did.

    `among` is who may have, where that is asked again.
    """
    kept = Assertion.objects.filter(challenge=challenge, passkey__revoked_at=None, user__is_active=True)
    if among is not None:
        kept = kept.filter(user__username__in=among)
    first = kept.select_related("user").order_by("at").first()
    return first.user.get_username() if first else ""


def review_unintended(
    source: str, reference: str, *, by: User, assertion: str, reason: str, at: datetime
) -> UnintendedMoveReviewed | None:
    """Sign that one looked at a move that we never intended; None while the second person is missing.

    `assertion` is over `review_hash` of the report. Refuses with AlarmIsOver, ReviewReasonIsMalformed,
    AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, LogIsBusy, BookIsBusy.
    """
    reason = _said(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            alarms = [one for one in book.moves.alarms if (one.source, one.reference) == (source, reference)]
        if not alarms:
            raise AlarmIsOver(reference)
        first, name = first_of(review_hash(alarms[0])), by.get_username()
        sign(by, review_hash(alarms[0]), assertion, at=at)
        if not first:
            log.warning("move.review_begun", reference=reference, by=name)
            return None
        event = UnintendedMoveReviewed(
            at=at, source=source, reference=reference, by=first, agreed_by=name, reason=reason
        )
        append_now([event], at)
    log.warning("move.reviewed", reference=reference, by=first, agreed_by=name)
    return event


def review_break_glass(
    move_id: str, *, by: User, assertion: str, reason: str, at: datetime
) -> BreakGlassReviewed | None:
    """Sign that one looked at a break-glass that one did not sign; None while the second person is missing.

    `assertion` is over `glass_review_hash`. Refuses with AlarmIsOver, SignerReviews, PermissionIsMissing, NameIsTaken,
    ReviewReasonIsMalformed, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, LogIsBusy, BookIsBusy.
    """
    reason = _said(reason)
    with transaction.atomic(durable=True):
        lock_log()
        person = permitted(by, BREAK_GLASS)
        with FOLLOWING.held() as book:
            broken = next((one for one in book.moves.unreviewed if one.move_id == move_id), None)
            signers = book.moves.signers(broken) if broken else frozenset[str]()
        if broken is None:
            raise AlarmIsOver(move_id)
        name = person.get_username()
        if name in signers:
            raise SignerReviews(name)
        if name not in (may := breakers()):
            raise PermissionIsMissing(name, BREAK_GLASS)
        first = first_of(glass_review_hash(broken), may - signers)
        sign(person, glass_review_hash(broken), assertion, at=at)
        if not first:
            log.warning("move.glass_review_begun", move=move_id, by=name)
            return None
        event = BreakGlassReviewed(at=at, move_id=move_id, by=first, agreed_by=name, reason=reason)
        append_now([event], at)
    log.warning("move.glass_reviewed", move=move_id, by=first, agreed_by=name)
    return event


def _said(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise ReviewReasonIsMalformed(reason)
    return reason
