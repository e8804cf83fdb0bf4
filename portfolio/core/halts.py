"""Halts: where no new risk may be taken, until two people let it go on.  event x Halts -> Halts"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from hedgeapp.core.events.halts import EVERYWHERE, HaltDeclared, HaltLifted, HaltTookHold, ResumeAsked
from hedgeapp.core.records import record

HaltEvent = HaltDeclared | HaltTookHold | ResumeAsked | HaltLifted


@record
class Halt:
    """A halt in force: declared at event `seq`; `held_at` is when nothing of its scope was left working."""

    declared: HaltDeclared
    seq: int
    held_at: datetime | None = None
    canceled: int = 0
    asked: ResumeAsked | None = None

    @property
    def halt_id(self) -> str:
        return self.declared.halt_id

    def covers(self, venue: str) -> bool:
        """Tell whether a venue is in its scope."""
        return self.declared.scope in (EVERYWHERE, venue)


class Halts:
    """The halts in force, by id; mutable, owned by a book."""

    __slots__ = ("_of_id",)

    def __init__(self, halts: Iterable[Halt] = ()) -> None:
        self._of_id = {halt.halt_id: halt for halt in halts}

    def __iter__(self) -> Iterator[Halt]:
        return iter(self._of_id.values())

    def __len__(self) -> int:
        return len(self._of_id)

    def get(self, halt_id: str) -> Halt | None:
        """Return a halt that is in force."""
        return self._of_id.get(halt_id)

    def of(self, venue: str) -> Halt | None:
        """Return the first halt that covers a venue, or None when it may take risk."""
        return next((halt for halt in self._of_id.values() if halt.covers(venue)), None)

    def apply(self, event: HaltEvent, seq: int) -> str:
        """Fold an event; return a sentence where it contradicts what is known, else nothing."""
        if isinstance(event, HaltDeclared):
            self._of_id[event.halt_id] = Halt(declared=event, seq=seq)
            return ""
        halt = self._of_id.get(event.halt_id)
        if halt is None:
            return f"{type(event).__name__} of a halt that is not in force: {event.halt_id}"
        match event:
            case HaltTookHold():
                self._of_id[halt.halt_id] = replace(halt, held_at=event.at, canceled=event.canceled)
            case ResumeAsked():
                self._of_id[halt.halt_id] = replace(halt, asked=event)
            case HaltLifted() if not _is_by_two(halt, event):
                asked = halt.asked.by if halt.asked else "nobody"
                return (
                    f"{halt.halt_id} lifted by two people expected, found asked by {asked} and lifted by "
                    f"{event.asked_by} and {event.approved_by}: it stays"
                )
            case HaltLifted():
                del self._of_id[halt.halt_id]
            case _:
                assert_never(event)
        return ""


def _is_by_two(halt: Halt, lifted: HaltLifted) -> bool:
    """Tell whether the one who asked and another one lift it, whatever wrote the event."""
    is_asked = halt.asked is not None and halt.asked.by == lifted.asked_by
    return is_asked and lifted.approved_by not in ("", lifted.asked_by)
