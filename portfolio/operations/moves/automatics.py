"""Automatics: what the engine says of moves, appended only if nobody has said anything of them that it did not know."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, get_args

from django.db import connection, transaction

from hedgeapp.core.events.collateral import CustodianStateChanged
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.core.events.reference import LimitChanged
from hedgeapp.eventlog.append import Fence, append
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.core.move_automation import Automatic
from portfolio.core.move_folding import MoveDeskEvent
from portfolio.operations.moves.proposals import open_work_of
from portfolio.operations.orders import lock_log

# What may change the engine's mind.
_NEWS: Final = (*get_args(MoveDeskEvent), CustodianStateChanged, LimitChanged, HaltDeclared)
KINDS: Final = tuple(sorted({kind.__name__ for kind in _NEWS}))


class BookIsBehind(RuntimeError):
    """Somebody said something of moves that the engine had not folded when it decided."""

    def __init__(self, known_seq: int) -> None:
        super().__init__(f"nothing about moves after event {known_seq} expected, found something: decide again")


def append_automatic(events: Sequence[Automatic], *, known_seq: int, at: datetime, fence: Fence) -> int:
    """Append the engine's events, with the work of what is approved, and return the last seq of them.

    `known_seq` is the last event that it knew when it decided. Refuses with BookIsBehind, EpochIsOver,
    SameKeyOtherContent, LogIsBusy.
    """
    with transaction.atomic(durable=True):
        lock_log()
        if LoggedEvent.objects.filter(seq__gt=known_seq, kind__in=KINDS).exists():
            raise BookIsBehind(known_seq)
        recorded = append(connection.connection, events, at=at, fence=fence)
        open_work_of(events, at)
    return recorded[-1].seq if recorded else known_seq
