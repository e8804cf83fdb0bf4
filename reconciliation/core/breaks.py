"""Breaks: differences that stay, from the first sight to the verified end, and back.  BreakEvent x Break -> Break

seen -> found -> investigated | explained -> healed | accepted -> verified; a difference that goes within its grace is
settled. What comes back after any end is seen again and, when it outlives its grace, reopened.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal, assert_never

from hedgeapp.core.differences import Difference, DifferenceKind, Evidence, Severity
from hedgeapp.core.events.breaks import (
    BreakAccepted,
    BreakAssigned,
    BreakEvent,
    BreakExplained,
    BreakFound,
    BreakHealed,
    BreakInvestigated,
    BreakReopened,
    BreakResized,
    BreakVerified,
    ClosingAsked,
    ClosingWithdrawn,
    DifferenceSeen,
    DifferenceSettled,
    HealProposed,
)
from hedgeapp.core.records import record

BreakState = Literal[
    "seen", "settled", "found", "investigated", "explained", "healed", "accepted", "verified", "reopened"
]
OPEN: Final[frozenset[BreakState]] = frozenset({"found", "investigated", "explained", "reopened"})
# What a run still has to look after: the rest is over until it is seen again.
WATCHED: Final[frozenset[BreakState]] = OPEN | {"seen", "healed", "accepted"}
ID_LENGTH: Final = 12  # hexadecimal digits


def break_id(subject: str, kind: DifferenceKind, item: str) -> str:
    """Return the id of whatever break there ever is of an item."""
    named = hashlib.sha256("\0".join((subject, kind, item)).encode()).hexdigest()
    return f"{kind.replace('_', '-')}-{named[:ID_LENGTH]}"


@record
class Break:
    """A difference with its life so far; `seq` is the event that made it so, `relapses` counts how often it came back.

    `due_at` is when a difference that is only seen becomes a break. `needs_two`, `asked_by` and `closing` are what the
    first of two people asked for and why one is not enough. `accepted` is the difference that was accepted.
    """

    break_id: str
    difference: Difference
    state: BreakState
    seq: int
    seen_at: datetime
    due_at: datetime
    run_id: str
    severity: Severity = "minor"
    found_at: datetime | None = None
    ended_at: datetime | None = None
    explained_by: str = ""
    assignee: str = ""
    note: str = ""
    heal: tuple[Evidence, ...] = ()
    heal_because: str = ""
    closing: str = ""
    asked_by: str = ""
    asked_at: datetime | None = None
    asked_because: str = ""
    needs_two: str = ""
    approved_by: str = ""
    accepted: Difference | None = None
    relapses: int = 0

    @property
    def is_open(self) -> bool:
        """Tell whether somebody has to do something about it."""
        return self.state in OPEN

    @property
    def is_watched(self) -> bool:
        """Tell whether a run has to say how it goes on."""
        return self.state in WATCHED


class Breaks:
    """Breaks by id; mutable, owned by whoever folds the log."""

    __slots__ = ("_of_id",)

    def __init__(self, breaks: Iterable[Break] = ()) -> None:
        self._of_id = {one.break_id: one for one in breaks}

    def __iter__(self) -> Iterator[Break]:
        return iter(self._of_id.values())

    def __len__(self) -> int:
        return len(self._of_id)

    def get(self, break_id: str) -> Break | None:
        """Return a break, or None when nothing ever differed there."""
        return self._of_id.get(break_id)

    def apply(self, event: BreakEvent, seq: int) -> str:
        """Fold an event; return a sentence where it contradicts what is known, and then it changes nothing."""
        found = after(self._of_id.get(event.break_id), event, seq)
        if isinstance(found, str):
            return found
        self._of_id[event.break_id] = found
        return ""


def after(known: Break | None, event: BreakEvent, seq: int) -> Break | str:
    """Return a break as it is after an event, or what is wrong with the event."""
    if isinstance(event, DifferenceSeen):
        return _seen(known, event, seq)
    if known is None:
        return f"{type(event).__name__} of a difference that nobody saw: {event.break_id}"
    match event:
        case DifferenceSettled() | BreakFound() | BreakResized() | BreakVerified() | BreakReopened():
            return _of_run(known, event, seq)
        case BreakAssigned():
            return replace(known, assignee=event.assignee, seq=seq)
        case HealProposed():
            return replace(known, heal=event.facts, heal_because=event.because, seq=seq)
    if not known.is_open:
        return f"{type(event).__name__} of an open break expected, found {known.break_id} {known.state}"
    return _by_people(known, event, seq)


def _seen(known: Break | None, event: DifferenceSeen, seq: int) -> Break | str:
    fresh: dict[str, Any] = {
        "difference": event.difference,
        "state": "seen",
        "seq": seq,
        "seen_at": event.at,
        "due_at": event.due_at,
        "run_id": event.run_id,
        "explained_by": event.explained_by,
        "ended_at": None,
    }
    if known is None:
        return Break(break_id=event.break_id, **fresh)
    if known.is_open:
        return f"DifferenceSeen of a break that is over expected, found {known.break_id} {known.state}"
    return replace(known, **fresh)


def _of_run(
    known: Break, event: DifferenceSettled | BreakFound | BreakResized | BreakVerified | BreakReopened, seq: int
) -> Break | str:
    match event:
        case BreakFound() | BreakReopened():
            is_again = isinstance(event, BreakReopened)
            if known.state != "seen" or is_again != (known.found_at is not None):
                return f"{type(event).__name__} of a difference that is seen expected, found {known.state}"
            return replace(
                _asked_nothing(known),
                difference=event.difference,
                severity=event.severity,
                state="reopened" if is_again else "found",
                found_at=known.found_at or event.at,
                relapses=known.relapses + is_again,
                heal=(),
                heal_because="",
                accepted=None,
                explained_by="",
                run_id=event.run_id,
                seq=seq,
            )
        case BreakResized():
            if not known.is_open:
                return f"BreakResized of an open break expected, found {known.break_id} {known.state}"
            # Whoever asked, asked for something else.
            asked = known if known.difference.is_as(event.difference) else _asked_nothing(known)
            return replace(asked, difference=event.difference, severity=event.severity, run_id=event.run_id, seq=seq)
        case DifferenceSettled():
            if known.state != "seen":
                return f"DifferenceSettled of a difference that is seen expected, found {known.state}"
            state: BreakState = "settled" if known.found_at is None else "verified"
            return replace(known, state=state, ended_at=event.at, run_id=event.run_id, seq=seq)
        case BreakVerified():
            if not known.is_watched or known.state == "seen":
                return f"BreakVerified of a break that is not over expected, found {known.state}"
            return replace(_asked_nothing(known), state="verified", ended_at=event.at, run_id=event.run_id, seq=seq)
        case _:
            assert_never(event)


def _by_people(
    known: Break,
    event: BreakInvestigated | BreakExplained | ClosingAsked | ClosingWithdrawn | BreakHealed | BreakAccepted,
    seq: int,
) -> Break | str:
    match event:
        case BreakInvestigated():
            return replace(known, state="investigated", note=event.note, seq=seq)
        case BreakExplained():
            return replace(known, state="explained", note=event.explanation, seq=seq)
        case ClosingAsked():
            return replace(
                known,
                closing=event.closing,
                asked_by=event.by,
                asked_at=event.at,
                asked_because=event.reason,
                needs_two=event.needs_two,
                seq=seq,
            )
        case ClosingWithdrawn():
            return replace(_asked_nothing(known), seq=seq)
        case BreakHealed() | BreakAccepted():
            if said := _too_few(known, event):
                return said
            closed: dict[str, Any] = {
                "asked_by": event.asked_by,
                "approved_by": event.approved_by,
                "needs_two": event.needs_two,
                "asked_because": event.reason,
                "ended_at": event.at,
                "seq": seq,
            }
            if isinstance(event, BreakAccepted):
                return replace(known, state="accepted", closing="accept", accepted=event.difference, **closed)
            return replace(known, state="healed", closing="heal", **closed)
        case _:
            assert_never(event)


def _too_few(known: Break, event: BreakHealed | BreakAccepted) -> str:
    """Return what is wrong when two people were needed and it were not two, whatever wrote the event; else nothing."""
    if not event.asked_by:
        return f"{known.break_id} closed by somebody expected, found nobody: it stays open"
    if not event.needs_two:
        return ""
    closing = "accept" if isinstance(event, BreakAccepted) else "heal"
    is_asked = (known.asked_by, known.closing) == (event.asked_by, closing)
    if is_asked and event.approved_by not in ("", event.asked_by):
        return ""
    asked = known.asked_by or "nobody"
    return (
        f"{known.break_id} closed by two people expected, found asked by {asked} and closed by {event.asked_by} and "
        f"{event.approved_by or 'nobody'}: it stays open"
    )


def _asked_nothing(known: Break) -> Break:
    return replace(known, closing="", asked_by="", asked_at=None, asked_because="", needs_two="", approved_by="")
