"""Calls of moves: who was told, by which channel, that a move waits for him."""

from contextlib import suppress
from datetime import datetime

from django.db import transaction

from hedgeapp.core.events.door import PersonCalled
from hedgeapp.eventlog.append import SameKeyOtherContent
from portfolio.operations.orders import append_now, lock_log


def called(person: str, move_id: str, channel: str, at: datetime) -> PersonCalled:
    """Return the event that a channel took word of a move for a person."""
    return PersonCalled(at=at, person=person, subject=f"move:{move_id}", channel=channel)


def note_called(person: str, move_id: str, channel: str, *, at: datetime) -> None:
    """Write that a channel took word of a move for a person; again changes nothing.

    Refuses with LogIsBusy.
    """
    with transaction.atomic(durable=True):
        lock_log()
        with suppress(SameKeyOtherContent):  # another worker wrote it at another time
            append_now([called(person, move_id, channel, at)], at)
