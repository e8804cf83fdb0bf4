"""Suspensions: a person stops new risk on an instrument, or lets it go on; each step an event of the log."""

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from hedgeapp.core.events.suspensions import InstrumentReleased, InstrumentSuspended, SuspensionCause
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from marketdata.core.wellformed import RowRefused as RowRefused
from marketdata.operations.changes import change_locked
from portfolio.core.suspensions import BY_ENGINE
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy

REASON_LENGTH_MAX: Final = 500  # characters

log = structlog.get_logger()


class InstrumentIsUnknown(LookupError):
    """An instrument is to be suspended that nobody introduced."""

    def __init__(self, instrument: str) -> None:
        super().__init__(f"a known instrument expected, found {instrument[:100]!r}")


class SuspensionIsNotInForce(LookupError):
    """A suspension is to be released that ended already, or never was; or another one stands in its place."""

    def __init__(self, instrument: str, cause: str) -> None:
        super().__init__(
            f"a suspension of {instrument[:100]!r} for {cause[:30]!r}, as it was shown, expected in force; found it "
            "ended or another one: look again"
        )


class SuspensionEndsByItself(PermissionError):
    """A suspension is to be released while its cause stands: only the engine ends it."""

    def __init__(self, cause: SuspensionCause) -> None:
        super().__init__(f"a cause that a person ends expected, found {cause}: it ends when the prices are well again")


class SuspensionReasonIsMalformed(ValueError):
    """A reason is empty, too long, or no text."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"a reason of 1 to {REASON_LENGTH_MAX} printable characters expected, found {len(reason)}: say why"
        )


def suspend_instrument(instrument: str, *, by: str, reason: str, at: datetime) -> InstrumentSuspended:
    """Refuse new risk on an instrument from the commit on; return the word of people that stands.

    Refuses with InstrumentIsUnknown, SuspensionReasonIsMalformed, LogIsBusy, BookIsBusy.
    """
    reason = _text(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            if instrument not in book.catalogue.instruments:
                raise InstrumentIsUnknown(instrument)
            known = book.suspensions.get(instrument, "person")
        if known is not None:
            return known
        event = InstrumentSuspended(at=at, instrument=instrument, cause="person", by=by, reason=reason)
        append_now([event], at)
    log.warning("instrument.suspended", instrument=instrument, by=by, reason=reason)
    return event


def release_instrument(
    instrument: str,
    cause: SuspensionCause,
    *,
    suspended_at: datetime,
    takes_over: bool,
    by: str,
    reason: str,
    at: datetime,
) -> InstrumentReleased:
    """End a suspension, the one of `suspended_at`; where `takes_over`, the offered specification is ours from then on.

    Refuses with SuspensionIsNotInForce, SuspensionEndsByItself, SuspensionReasonIsMalformed, RowRefused, LogIsBusy,
    BookIsBusy.
    """
    reason = _text(reason)
    with transaction.atomic(durable=True):
        lock_log()
        with FOLLOWING.held() as book:
            known = book.suspensions.get(instrument, cause)
        if known is None or known.at != suspended_at:
            raise SuspensionIsNotInForce(instrument, cause)
        if cause in BY_ENGINE:
            raise SuspensionEndsByItself(cause)
        if takes_over and known.offered is not None:
            change_locked(known.offered, by=by, reason=reason, at=at)
        event = InstrumentReleased(at=at, instrument=instrument, cause=cause, by=by, reason=reason)
        append_now([event], at)
    log.warning("instrument.released", instrument=instrument, cause=cause, by=by, took_over=takes_over)
    return event


def _text(reason: str) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_LENGTH_MAX or not reason.isprintable():
        raise SuspensionReasonIsMalformed(reason)
    return reason
