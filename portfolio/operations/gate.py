"""The gate: policy, caps and destinations change by two people, each of whom signs; each step an event of the log.

The first signs the hash of what is proposed, the second that of what is agreed to. Both signatures are in the events,
and whoever sends a move can verify them again. A change holds after a cool-off, the first of a part at once: until then
nothing moves at all.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.access.signing import sign, written
from hedgeapp.core.events.approvals import GateChangeAgreed, GateChangeDropped, GateChangeProposed, GatePart
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from portfolio.core.book import Book
from portfolio.core.gate_checks import findings
from portfolio.core.gate_payloads import agreement_hash, proposal_hash
from portfolio.core.move_gates import OPEN_MAX, Gate
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy
from portfolio.queries.gate import ground

REASON_LENGTH_MAX: Final = 500  # characters
NAME_LENGTH_MAX: Final = 60  # characters of a change's name

log = structlog.get_logger()


class GateReasonIsMalformed(ValueError):
    """A reason is empty, too long, or no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        )


class GateChangeIsMalformed(ValueError):
    """A change has no name, somebody else's, or carries another part than its own."""

    def __init__(self, said: str) -> None:
        super().__init__(f"{said}: begin the change again")


class GateChangeIsUnsound(ValueError):
    """What is proposed cannot be meant; `refusals` say why."""

    def __init__(self, refusals: tuple[str, ...]) -> None:
        self.refusals = refusals
        super().__init__("; ".join(refusals))


class GateMovedOn(RuntimeError):
    """A part has another version by now than the one that a change was made for."""

    def __init__(self, part: GatePart, due: int, version: int) -> None:
        super().__init__(f"version {due} of the {part} expected, found {version}: propose again, on what holds now")


class GateIsAsBefore(ValueError):
    """A change changes nothing."""

    def __init__(self, part: GatePart) -> None:
        super().__init__(f"a change of the {part} expected, found it as it is already: change something")


class TooManyChangesWait(RuntimeError):
    """As many changes wait for a second person as may."""

    def __init__(self) -> None:
        super().__init__(f"fewer than {OPEN_MAX} changes that wait expected, found as many: agree to some or drop them")


class GateChangeDoesNotWait(LookupError):
    """A change is to be agreed to or dropped that nobody proposed, that holds already, or that was dropped."""

    def __init__(self, change_id: str) -> None:
        super().__init__(f"a change that waits expected, found {change_id[:NAME_LENGTH_MAX]!r}, which does not")


class AgreerIsProposer(PermissionError):
    """One person tried to be both of the two."""

    def __init__(self, change_id: str, by: str) -> None:
        super().__init__(f"another person than {by} expected to agree to {change_id}, found {by}: ask a colleague")


def propose_gate(change: GateChangeProposed, *, by: User, assertion: str, at: datetime) -> GateChangeProposed:
    """Be the first of two people to change a part of the gate; `assertion` is over `proposal_hash(change)`.

    Refuses with GateReasonIsMalformed, GateChangeIsMalformed, GateChangeIsUnsound, GateMovedOn, GateIsAsBefore,
    TooManyChangesWait, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, LogIsBusy, BookIsBusy.
    """
    _require_form(change, by.get_username())
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            _require_next(change, book.gate)
            _require_news(change, book.gate)
            if len(book.gate.waiting) >= OPEN_MAX:
                raise TooManyChangesWait
            if book.gate.change(change.change_id) is not None:
                raise GateChangeIsMalformed(f"a name that is new expected, found {change.change_id}")
            _require_sound(change, book)
        kept = sign(by, proposal_hash(change), assertion, at=at)
        event = replace(change, at=at, assertion=written(kept))
        append_now([event], at)
    log.warning("gate.proposed", change=event.change_id, part=event.part, version=event.version, by=event.by)
    return event


def agree_gate(change_id: str, *, by: User, assertion: str, at: datetime) -> GateChangeAgreed:
    """Be the second of two people; the change holds when its cool-off is over.

    `assertion` is over `agreement_hash` of the change. Refuses with GateChangeDoesNotWait, AgreerIsProposer,
    GateMovedOn, GateChangeIsUnsound, AssertionIsRefused, PasskeyIsNotInForce, PayloadIsSigned, LogIsBusy, BookIsBusy.
    """
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            change = next((one for one in book.gate.waiting if one.change_id == change_id), None)
            if change is None:
                raise GateChangeDoesNotWait(change_id)
            if change.by == by.get_username():
                raise AgreerIsProposer(change_id, change.by)
            _require_next(change, book.gate)
            _require_sound(change, book)
            is_first = book.gate.due(change.part) == 1
        kept = sign(by, agreement_hash(change), assertion, at=at)
        holds_from = at if is_first else at + settings.GATE_COOL_OFF
        event = GateChangeAgreed(
            at=at, change_id=change_id, by=by.get_username(), holds_from=holds_from, assertion=written(kept)
        )
        append_now([event], at)
    log.warning("gate.agreed", change=change_id, by=event.by, holds_from=event.holds_from.isoformat())
    return event


def drop_gate(change_id: str, *, by: str, reason: str, at: datetime) -> GateChangeDropped:
    """Let a change that does not hold yet never come; what is safe takes one person.

    Refuses with GateReasonIsMalformed, GateChangeDoesNotWait, LogIsBusy, BookIsBusy.
    """
    reason = _text(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            waits = any(one.change_id == change_id for one in book.gate.waiting)
            cools = any(
                one.change.change_id == change_id and one.holds_from > at and not one.is_dropped
                for one in book.gate.versions
            )
            if not waits and not cools:
                raise GateChangeDoesNotWait(change_id)
        event = GateChangeDropped(at=at, change_id=change_id, by=by, reason=reason)
        append_now([event], at)
    log.warning("gate.dropped", change=change_id, by=by, reason=reason)
    return event


def _require_form(change: GateChangeProposed, by: str) -> None:
    if change.by != by:
        raise GateChangeIsMalformed(f"a change by {by} expected, found one by {change.by[:NAME_LENGTH_MAX]}")
    name = change.change_id
    if not 0 < len(name) <= NAME_LENGTH_MAX or not name.replace("-", "").isalnum() or not name.isascii():
        raise GateChangeIsMalformed(f"a name of letters, digits and dashes expected, found {name[:NAME_LENGTH_MAX]!r}")
    filled = {"policy": bool(change.rules), "caps": bool(change.caps), "destinations": bool(change.destinations)}
    if any(is_filled for part, is_filled in filled.items() if part != change.part):
        raise GateChangeIsMalformed(f"a change of the {change.part} alone expected, found another part in it")
    if _text(change.reason) != change.reason:
        raise GateReasonIsMalformed(change.reason)


def _require_next(change: GateChangeProposed, gate: Gate) -> None:
    due = gate.due(change.part)
    if change.version != due:
        raise GateMovedOn(change.part, due, change.version)


def _require_news(change: GateChangeProposed, gate: Gate) -> None:
    latest = gate.latest(change.part)
    wanted = (change.rules, change.caps, change.destinations)
    if latest is not None and (latest.change.rules, latest.change.caps, latest.change.destinations) == wanted:
        raise GateIsAsBefore(change.part)


def _require_sound(change: GateChangeProposed, book: Book) -> None:
    found = findings(change, ground(book))
    if found.refusals:
        raise GateChangeIsUnsound(found.refusals)


def _text(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise GateReasonIsMalformed(reason)
    return reason
