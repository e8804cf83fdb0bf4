"""Halts: declare one at once, lift it by two people; each step an event and its row in one transaction.

Nothing here folds the book or asks the broker: to halt, PostgreSQL alone must be there.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

import structlog
from django.db import connection, transaction

from hedgeapp.core.events.halts import EVERYWHERE, HaltDeclared, HaltLifted, HaltTookHold, ResumeAsked
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from hedgeapp.eventlog.append import append, lock
from marketdata.models import Venue
from portfolio.core.halts import HaltEvent
from portfolio.models import Halt
from portfolio.operations.work import open_again, open_work

TRIES_MAX: Final = 3  # of a halt, while somebody else holds the log's lock for too long
REASON_LENGTH_MAX: Final = 500  # characters

T = TypeVar("T")

log = structlog.get_logger()


class ScopeIsUnknown(ValueError):
    """A halt of something that is no venue was asked for."""

    def __init__(self, scope: str, venues: list[str]) -> None:
        known = ", ".join(venues) or "none is known"
        super().__init__(f"{EVERYWHERE} or a venue ({known}) expected, found {scope!r}: choose one of them")


class ReasonIsMalformed(ValueError):
    """A reason is empty, too long, or no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        )


class HaltIsNotInForce(LookupError):
    """A halt is to be lifted that nobody declared, or that was lifted."""

    def __init__(self, halt_id: str) -> None:
        super().__init__(f"a halt in force expected, found {halt_id!r}, which was lifted or never declared")


class ResumeIsAsked(ValueError):
    """Another person asked to resume already."""

    def __init__(self, halt_id: str, asked_by: str) -> None:
        super().__init__(f"nobody asking to lift {halt_id} expected, found {asked_by}: approve it instead")


class ResumeIsNotAsked(ValueError):
    """A resume is to be approved that nobody asked for."""

    def __init__(self, halt_id: str) -> None:
        super().__init__(f"somebody asking to lift {halt_id} expected, found nobody: ask, and let another approve")


class ApproverIsAsker(PermissionError):
    """One person tried to be both of the two."""

    def __init__(self, halt_id: str, by: str) -> None:
        super().__init__(f"another person than {by} expected to approve lifting {halt_id}, found {by}: ask a colleague")


def declare_halt(scope: str, *, by: str, reason: str, at: datetime) -> Halt:
    """Halt new risk at a venue, or everywhere, from the commit on; return the halt of that scope that is in force.

    Of a scope that is halted already, the venues are asked again whether anything works.
    Refuses with ScopeIsUnknown, ReasonIsMalformed; LogIsBusy after TRIES_MAX tries.
    """
    reason = _text(reason)
    return _tried(lambda: _declare(scope, by, reason, at))


def ask_resume(halt_id: str, *, by: str, reason: str, at: datetime) -> Halt:
    """Be the first of two people to lift a halt; asking again changes nothing.

    Refuses with HaltIsNotInForce, ResumeIsAsked, ReasonIsMalformed, LogIsBusy.
    """
    reason = _text(reason)
    with transaction.atomic(durable=True):
        halt = _locked(halt_id)
        if halt.asked_by == by:
            return halt
        if halt.asked_by:
            raise ResumeIsAsked(halt_id, halt.asked_by)
        _append(ResumeAsked(at=at, halt_id=halt_id, by=by, reason=reason), at)
        halt.asked_at, halt.asked_by, halt.asked_because = at, by, reason
        halt.save()
    log.warning("halt.resume_asked", halt=halt_id, by=by)
    return halt


def approve_resume(halt_id: str, *, by: str, at: datetime) -> Halt:
    """Be the second of two people, and lift a halt: new risk is admitted again from the commit on.

    Refuses with HaltIsNotInForce, ResumeIsNotAsked, ApproverIsAsker, LogIsBusy.
    """
    with transaction.atomic(durable=True):
        halt = _locked(halt_id)
        if not halt.asked_by:
            raise ResumeIsNotAsked(halt_id)
        if halt.asked_by == by:
            raise ApproverIsAsker(halt_id, by)
        _append(HaltLifted(at=at, halt_id=halt_id, asked_by=halt.asked_by, approved_by=by), at)
        halt.lifted_at, halt.approved_by = at, by
        halt.save()
    log.warning("halt.lifted", halt=halt_id, asked_by=halt.asked_by, approved_by=by)
    return halt


def note_canceled(halt_id: str, count: int) -> None:
    """Count orders that were canceled for a halt."""
    with transaction.atomic(durable=True):
        halt = Halt.objects.select_for_update().filter(halt_id=halt_id).first()
        if halt is not None:
            halt.canceled += count
            halt.save(update_fields=["canceled"])


def take_hold(halt_id: str, *, at: datetime) -> Halt:
    """Write the venues' word that nothing of a halt's scope is left working; once, and again changes nothing.

    Refuses with HaltIsNotInForce.
    """
    with transaction.atomic(durable=True):
        halt = _locked(halt_id)
        if halt.held_at is None:
            _append(HaltTookHold(at=at, halt_id=halt_id, canceled=halt.canceled), at)
            halt.held_at = at
            halt.save()
    log.warning("halt.took_hold", halt=halt_id, canceled=halt.canceled)
    return halt


def _declare(scope: str, by: str, reason: str, at: datetime) -> Halt:
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        lock(connection.connection)
        if scope != EVERYWHERE and not Venue.objects.filter(pk=scope).exists():
            raise ScopeIsUnknown(scope, list(Venue.objects.order_by("name").values_list("name", flat=True)))
        known = Halt.objects.filter(scope=scope, lifted_at=None).first()
        if known is not None:
            open_again("halt", known.halt_id, "urgent", at=at)
            return known
        name = f"{'all' if scope == EVERYWHERE else scope}-{at:%Y%m%dT%H%M%S.%f}"
        _append(HaltDeclared(at=at, halt_id=name, scope=scope, by=by, reason=reason), at)
        halt = Halt.objects.create(halt_id=name, scope=scope, declared_at=at, declared_by=by, reason=reason)
        open_work("halt", name, "urgent", at=at)
    log.warning("halt.declared", halt=name, by=by, reason=reason)
    return halt


def _tried(declare: Callable[[], T]) -> T:
    for _ in range(TRIES_MAX - 1):
        try:
            return declare()
        except LogIsBusy:
            log.warning("halt.lock_is_held")
    return declare()


def _locked(halt_id: str) -> Halt:
    connection.ensure_connection()
    lock(connection.connection)
    halt = Halt.objects.filter(halt_id=halt_id, lifted_at=None).first()
    if halt is None:
        raise HaltIsNotInForce(halt_id)
    return halt


def _append(event: HaltEvent, at: datetime) -> None:
    append(connection.connection, [event], at=at)


def _text(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise ReasonIsMalformed(reason)
    return reason
