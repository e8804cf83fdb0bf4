"""Minting: pause mint and redeem at once, let them go on by one person or by two; each step an event of the log."""

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from hedgeapp.core.events.minting import MintingPaused, MintingResumeAsked, MintingResumed
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from portfolio.core.book import Book
from portfolio.core.minting import WHO_RESUMES, MintingEvent, Pause, refusal
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy

REASON_LENGTH_MAX: Final = 500  # characters

log = structlog.get_logger()


class PauseReasonIsMalformed(ValueError):
    """A reason is empty, too long, or no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        )


class PauseIsNotInForce(LookupError):
    """A pause is to be ended that ended already, or never was."""

    def __init__(self, pause_id: str) -> None:
        super().__init__(f"a pause in force expected, found {pause_id[:100]!r}, which ended or never was")


class PauseMustStay(PermissionError):
    """A pause is to be ended by somebody who may not end it, or while its cause stands."""

    def __init__(self, pause: Pause, said: str) -> None:
        super().__init__(f"{said}: {WHO_RESUMES[pause.paused.resumed_by]}")


def pause_minting(*, by: str, reason: str, at: datetime) -> Pause:
    """Pause mint and redeem from the commit on; return the pause of people that is in force.

    Refuses with PauseReasonIsMalformed, LogIsBusy, BookIsBusy.
    """
    reason = _text(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            known = book.minting.of("person")
        if known is not None:
            return known
        name = f"person-{at:%Y%m%dT%H%M%S.%f}"
        event = MintingPaused(at=at, pause_id=name, cause="person", by=by, reason=reason, resumed_by="one")
        made = append_now([event], at)
    log.warning("minting.paused", pause=name, by=by, reason=reason)
    return Pause(paused=event, seq=made[0].seq)


def resume_minting(pause_id: str, *, by: str, reason: str, at: datetime) -> MintingEvent:
    """End a pause, or be the first of the two people that it takes; asking again changes nothing.

    Refuses with PauseIsNotInForce, PauseMustStay, PauseReasonIsMalformed, LogIsBusy, BookIsBusy.
    """
    reason = _text(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            pause, halts = _pause(book, pause_id), [one.halt_id for one in book.halts]
        if pause.paused.cause == "halt" and halts:
            raise PauseMustStay(pause, f"no halt expected, found {', '.join(halts)} in force")
        event = _step(pause, by, reason, at)
        if event is not pause.asked:
            append_now([event], at)
    log.warning(
        "minting.resumed" if isinstance(event, MintingResumed) else "minting.resume_asked", pause=pause_id, by=by
    )
    return event


def _step(pause: Pause, by: str, reason: str, at: datetime) -> MintingEvent:
    """Return what somebody's word makes of a pause."""
    asked = pause.asked
    if pause.paused.resumed_by == "two" and (asked is None or asked.by == by):
        return asked or MintingResumeAsked(at=at, pause_id=pause.pause_id, by=by, reason=reason)
    asked_by = asked.by if asked else ""
    if said := refusal(pause, by=by, asked_by=asked_by):
        raise PauseMustStay(pause, said)
    return MintingResumed(at=at, pause_id=pause.pause_id, by=by, reason=reason, asked_by=asked_by)


def _pause(book: Book, pause_id: str) -> Pause:
    pause = book.minting.get(pause_id)
    if pause is None:
        raise PauseIsNotInForce(pause_id)
    return pause


def _text(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise PauseReasonIsMalformed(reason)
    return reason
