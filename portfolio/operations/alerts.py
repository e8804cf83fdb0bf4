"""Alerts: take one, or let it be quiet for a time; each step an event of the log."""

from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from hedgeapp.core.events.alerts import AlertAcknowledged, AlertDelivered, AlertSnoozed
from hedgeapp.eventlog.append import LogIsBusy as LogIsBusy
from hedgeapp.eventlog.append import SameKeyOtherContent
from portfolio.core.alerts import Alert, too_long
from portfolio.operations.orders import append_now, lock_log
from portfolio.queries.books import FOLLOWING
from portfolio.queries.books import BookIsBusy as BookIsBusy

NOTE_LENGTH_MAX = 500  # characters

log = structlog.get_logger()


class AlertIsOver(LookupError):
    """An alert is to be taken that ended already, or never was."""

    def __init__(self, alert_id: str) -> None:
        super().__init__(f"an alert that stands expected, found {alert_id[:100]!r}, which is over or never was")


class SnoozeIsTooLong(ValueError):
    """An alert is to be quiet for longer than one of its severity may be, or not at all."""


class NoteIsMalformed(ValueError):
    """A note is too long, or no text."""

    def __init__(self, note: str) -> None:
        super().__init__(f"a note of at most {NOTE_LENGTH_MAX} printable characters expected, found {len(note)}")


def acknowledge_alert(alert_id: str, *, by: str, note: str = "", at: datetime) -> AlertAcknowledged:
    """Take an alert; one that is taken stays with whoever took it first.

    Refuses with AlertIsOver, NoteIsMalformed, LogIsBusy, BookIsBusy.
    """
    note = _text(note)
    with transaction.atomic(durable=True):
        lock_log()
        alert = _standing(alert_id)
        if alert.acknowledged is not None:
            return alert.acknowledged
        event = AlertAcknowledged(at=at, alert_id=alert_id, by=by, note=note)
        append_now([event], at)
    log.info("alert.acknowledged", alert=alert_id, by=by)
    return event


def snooze_alert(alert_id: str, span: timedelta, *, by: str, note: str = "", at: datetime) -> AlertSnoozed:
    """Let an alert be quiet for a time; a critical one for 30 minutes at most.

    Refuses with AlertIsOver, SnoozeIsTooLong, NoteIsMalformed, LogIsBusy, BookIsBusy.
    """
    note = _text(note)
    with transaction.atomic(durable=True):
        lock_log()
        alert = _standing(alert_id)
        if said := too_long(alert, at, at + span):
            raise SnoozeIsTooLong(said)
        event = AlertSnoozed(at=at, alert_id=alert_id, by=by, until=at + span, note=note)
        append_now([event], at)
    log.info("alert.snoozed", alert=alert_id, by=by, until=event.until.isoformat())
    return event


def note_delivered(alert: Alert, channel: str, *, at: datetime) -> None:
    """Write that a channel took word of an alert at its level; again changes nothing.

    Refuses with LogIsBusy.
    """
    with transaction.atomic(durable=True):
        lock_log()
        event = AlertDelivered(at=at, alert_id=alert.alert_id, level=alert.level, channel=channel)
        with suppress(SameKeyOtherContent):  # another worker wrote it at another time
            append_now([event], at)


def _standing(alert_id: str) -> Alert:
    with FOLLOWING.held() as book:
        alert = book.alerts.get(alert_id)
    if alert is None:
        raise AlertIsOver(alert_id)
    return alert


def _text(note: str) -> str:
    note = " ".join(note.split())
    if len(note) > NOTE_LENGTH_MAX or not note.isprintable():
        raise NoteIsMalformed(note)
    return note
