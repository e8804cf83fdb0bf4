"""Open breaks: which differences stand, and since when.  ReconciliationEvent x OpenBreaks -> OpenBreaks

Only what an alert needs; what a break is and who may close it is said by `reconciliation`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from hedgeapp.core.differences import Severity
from hedgeapp.core.events.breaks import (
    BreakAccepted,
    BreakFound,
    BreakHealed,
    BreakReopened,
    BreakResized,
    BreakVerified,
    ReconciliationEvent,
)
from hedgeapp.core.records import record

KEPT_MAX: Final = 10_000  # a log with more open breaks is in worse trouble than a missing alert


@record
class OpenBreak:
    """A break that stands since it was found or came back."""

    break_id: str
    venue: str
    item: str
    severity: Severity
    since: datetime


class OpenBreaks:
    """The breaks that stand, by id, the oldest first; mutable, owned by a book."""

    __slots__ = ("_of_id",)

    def __init__(self, breaks: Iterable[OpenBreak] = ()) -> None:
        self._of_id = {one.break_id: one for one in breaks}

    def __iter__(self) -> Iterator[OpenBreak]:
        return iter(self._of_id.values())

    def __len__(self) -> int:
        return len(self._of_id)

    def apply(self, event: ReconciliationEvent) -> None:
        """Fold an event; those that open or close nothing change nothing."""
        match event:
            case BreakFound() | BreakReopened():
                if len(self._of_id) < KEPT_MAX:
                    self._of_id[event.break_id] = OpenBreak(
                        break_id=event.break_id,
                        venue=event.difference.venue,
                        item=event.difference.item,
                        severity=event.severity,
                        since=event.at,
                    )
            case BreakResized():
                known = self._of_id.get(event.break_id)
                if known is not None:
                    self._of_id[event.break_id] = replace(known, severity=event.severity)
            case BreakHealed() | BreakAccepted() | BreakVerified():
                self._of_id.pop(event.break_id, None)
            case _:
                pass
