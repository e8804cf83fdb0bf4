"""Move reviews: two people sign that they looked at a move which we never intended; then other moves may go on.

The first signature is kept and waits; the second, by another person over the same hash, ends the alarm.
"""

import hashlib
import json
from datetime import datetime
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.access.models import Assertion
from hedgeapp.access.signing import sign
from hedgeapp.core.events.moves import UnintendedMoveReviewed, UnintendedMoveSeen
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from portfolio.core.move_payloads import spoken
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy

REASON_LENGTH_MAX: Final = 500  # characters

log = structlog.get_logger()


class AlarmIsOver(LookupError):
    """A move is to be reviewed that nobody reports as unintended, or that was reviewed."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"an unintended move that nobody reviewed expected, found {reference[:100]!r}, which is none")


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


def first_of(alarm: UnintendedMoveSeen) -> str:
    """Return who signed first that he looked at a move, by a key that still holds; empty while nobody did."""
    kept = Assertion.objects.filter(challenge=review_hash(alarm), passkey__revoked_at=None, user__is_active=True)
    first = kept.select_related("user").order_by("at").first()
    return first.user.get_username() if first else ""


def review_unintended(
    source: str, reference: str, *, by: User, assertion: str, reason: str, at: datetime
) -> UnintendedMoveReviewed | None:
    """Sign that one looked at a move that we never intended; None while the second person is missing.

    `assertion` is over `review_hash` of the report. Refuses with AlarmIsOver, ReviewReasonIsMalformed,
    AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, LogIsBusy, BookIsBusy.
    """
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise ReviewReasonIsMalformed(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            alarms = [one for one in book.moves.alarms if (one.source, one.reference) == (source, reference)]
        if not alarms:
            raise AlarmIsOver(reference)
        first, name = first_of(alarms[0]), by.get_username()
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
