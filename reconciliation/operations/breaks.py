"""Breaks: what people do about them; each is an event with its row, and two people are two."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.breaks import (
    BreakAccepted,
    BreakAssigned,
    BreakEvent,
    BreakExplained,
    BreakHealed,
    BreakInvestigated,
    Closing,
    ClosingAsked,
    ClosingWithdrawn,
)
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from portfolio.core.exposure import exposure
from portfolio.core.valuation import Valuation
from portfolio.queries.books import FOLLOWING
from reconciliation.core.breaks import Break
from reconciliation.core.closing import needs_two
from reconciliation.models import BreakRow
from reconciliation.operations.healing import NothingHealsIt as NothingHealsIt
from reconciliation.operations.healing import healing
from reconciliation.operations.writing import locked, watched, with_blocking, written
from reconciliation.projections import break_of

TEXT_LENGTH_MAX: Final = 500  # characters of a reason, a note, an explanation

log = structlog.get_logger()


class BreakIsUnknown(LookupError):
    """There never was a break of that id."""

    def __init__(self, break_id: str) -> None:
        super().__init__(f"a break expected, found none with the id {break_id!r}: look at the list of breaks")


class BreakIsNotOpen(ValueError):
    """Somebody wants to do something about a break that is over, or never was one."""

    def __init__(self, found: Break) -> None:
        super().__init__(
            f"an open break expected, found {found.break_id} {found.state}: nothing is to be done about it"
        )


class BreakChanged(ValueError):
    """Somebody closes a break that is not the one that he saw."""

    def __init__(self, found: Break) -> None:
        super().__init__(f"{found.break_id} expected as it was shown, found it changed meanwhile: look at it again")


class TextIsMalformed(ValueError):
    """A reason, a note or an explanation is empty, too long or not printable."""

    def __init__(self, found: str) -> None:
        super().__init__(f"1 to {TEXT_LENGTH_MAX} printable characters expected, found {len(found)}: say why, in short")


class AnotherWasAsked(ValueError):
    """The first of two people asked for something else."""

    def __init__(self, found: Break) -> None:
        super().__init__(
            f"nobody asking expected, found {found.asked_by} asking to {found.closing} {found.break_id}: approve that, "
            "or withdraw it first"
        )


class ApproverIsAsker(PermissionError):
    """One person tried to be both of the two."""

    def __init__(self, found: Break, by: str) -> None:
        super().__init__(
            f"another person than {by} expected to {found.closing} {found.break_id}, found {by} again: ask a colleague"
        )


class AssigneeIsUnknown(LookupError):
    """A break was given to somebody who is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(f"somebody with an account here expected, found {name!r}")


def assign_break(break_id: str, *, assignee: str, by: str, at: datetime) -> Break:
    """Let somebody look after a break, nobody with an empty name. Refuses with AssigneeIsUnknown, BreakIsNotOpen."""
    if assignee and not User.objects.filter(username=assignee, is_active=True).exists():
        raise AssigneeIsUnknown(assignee)
    return _written(break_id, lambda _: [BreakAssigned(at=at, break_id=break_id, assignee=assignee, by=by)], at)


def investigate_break(break_id: str, *, by: str, note: str, at: datetime) -> Break:
    """Note what is known of a break. Refuses with BreakIsNotOpen, TextIsMalformed."""
    said = _text(note)
    return _written(break_id, lambda _: [BreakInvestigated(at=at, break_id=break_id, by=by, note=said)], at)


def explain_break(break_id: str, *, by: str, explanation: str, at: datetime) -> Break:
    """Say why there is a break; it stays open. Refuses with BreakIsNotOpen, TextIsMalformed."""
    said = _text(explanation)
    return _written(break_id, lambda _: [BreakExplained(at=at, break_id=break_id, by=by, explanation=said)], at)


def withdraw_closing(break_id: str, *, by: str, reason: str, at: datetime) -> Break:
    """Ask no more for what the first of two people asked for. Refuses with BreakIsNotOpen, TextIsMalformed."""
    said = _text(reason)
    return _written(
        break_id,
        lambda found: [ClosingWithdrawn(at=at, break_id=break_id, by=by, reason=said)] if found.asked_by else [],
        at,
    )


def heal_break(break_id: str, *, by: str, reason: str, at: datetime, seen: int | None = None) -> Break:
    """Put their facts into our log; where two people are needed, the first asks and the second does it.

    What facts explain is healed by explaining it from their word on. `seen` is the event that made it as it was shown.
    Refuses with BreakIsNotOpen, BreakChanged, NothingHealsIt, AnotherWasAsked, ApproverIsAsker, TextIsMalformed.
    """
    said = _text(reason)

    def events(found: Break) -> list[Event]:
        facts = healing(found, by, at)
        asked_by, approved_by, two, asked = _people(found, "heal", by, said, at)
        if asked:
            return [asked]
        healed = BreakHealed(
            at=at,
            break_id=break_id,
            asked_by=asked_by,
            approved_by=approved_by,
            needs_two=two,
            reason=said,
            keys=tuple(fact.key for fact in facts),
        )
        return [*facts, healed]

    return _written(break_id, events, at, seen)


def accept_break(break_id: str, *, by: str, reason: str, at: datetime, seen: int | None = None) -> Break:
    """Leave a difference as it is; where two people are needed, the first asks and the second does it.

    `seen` is the event that made the break as it was shown. Refuses with BreakIsNotOpen, BreakChanged, AnotherWasAsked,
    ApproverIsAsker, TextIsMalformed.
    """
    said = _text(reason)

    def events(found: Break) -> list[Event]:
        asked_by, approved_by, two, asked = _people(found, "accept", by, said, at)
        if asked:
            return [asked]
        accepted = BreakAccepted(
            at=at,
            break_id=break_id,
            asked_by=asked_by,
            approved_by=approved_by,
            needs_two=two,
            reason=said,
            difference=found.difference,
        )
        return [accepted]

    return _written(break_id, events, at, seen)


def why_two(found: Break, closing: Closing, at: datetime) -> str:
    """Return why two people are needed to close a break, by the book and the marks of now; empty: one is enough."""
    with FOLLOWING.held() as book:
        net = {row.currency: row.net.value for row in exposure(book, book.marks, at)}
        return needs_two(found.difference, closing, net, Valuation(book, book.marks, at))


def _people(found: Break, closing: Closing, by: str, reason: str, at: datetime) -> tuple[str, str, str, Event | None]:
    """Return who asked, who approves, why two are needed; and the event that asks, when this is the first of two."""
    if found.asked_by and found.closing != closing:
        raise AnotherWasAsked(found)
    two = found.needs_two or why_two(found, closing, at)
    if not two:
        return by, "", "", None
    if not found.asked_by:
        asked = ClosingAsked(at=at, break_id=found.break_id, closing=closing, by=by, reason=reason, needs_two=two)
        return by, "", two, asked
    if found.asked_by == by:
        raise ApproverIsAsker(found, by)
    return found.asked_by, by, two, None


def _written(break_id: str, events: Callable[[Break], Sequence[Event]], at: datetime, seen: int | None = None) -> Break:
    """Write what somebody does about an open break, with the venues that it blocks or frees."""
    # The book is caught up first: nobody may wait for it while holding the log's lock.
    with FOLLOWING.held():
        pass
    with transaction.atomic(durable=True):
        locked()
        row = BreakRow.objects.filter(break_id=break_id, to_seq=None).first()
        if row is None:
            raise BreakIsUnknown(break_id)
        found = break_of(row)
        if not found.is_open:
            raise BreakIsNotOpen(found)
        if seen is not None and seen != found.seq:
            raise BreakChanged(found)
        made = list(events(found))
        of_break = [one for one in made if isinstance(one, BreakEvent)]
        others: list[Event] = [one for one in made if not isinstance(one, BreakEvent)]
        breaks = watched()
        written([*others, *with_blocking(of_break, breaks, at)], at)
        now = break_of(BreakRow.objects.get(break_id=break_id, to_seq=None))
    log.info("break.worked", break_id=break_id, events=[type(one).__name__ for one in made], state=now.state)
    return now


def _text(given: str) -> str:
    said = " ".join(given.split())
    if not 0 < len(said) <= TEXT_LENGTH_MAX or not said.isprintable():
        raise TextIsMalformed(said)
    return said
