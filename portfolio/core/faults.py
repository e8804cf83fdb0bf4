"""Faults: events that the book could not place, kept until what they lack arrives.  (a bounded fold)"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from portfolio.core.rows import Fault

FAULTS_KEPT: Final = 100  # different ones; the longest untouched goes first


class Faults:
    """The open faults, one per kind of event and subject, with how often each happened; `total` counts every one."""

    __slots__ = ("_open", "total")

    def __init__(self, faults: Iterable[Fault] = (), total: int = 0) -> None:
        self._open = {(fault.kind, fault.subject): fault for fault in faults}
        self.total = total

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._open.values())

    def add(self, *, seq: int, at: datetime, kind: str, subject: str, because: str) -> None:
        """Keep a fault; the same one again only counts."""
        before = self._open.pop((kind, subject), None)
        count = before.count + 1 if before else 1
        fault = Fault(seq=seq, at=at, kind=kind, subject=subject, because=because, count=count)
        self._open[kind, subject] = fault
        self.total += 1
        if len(self._open) > FAULTS_KEPT:
            del self._open[next(iter(self._open))]

    def resolve(self, subject: str) -> None:
        """Close the faults of a subject, because what they lacked has arrived."""
        for key in [key for key in self._open if key[1] == subject]:
            del self._open[key]


def instrument_unknown(instrument: str, kept: int, *, has_room: bool) -> str:
    """Return why an event of an instrument cannot be placed: it waits, while no more than `kept` events do."""
    if has_room:
        return f"instrument {instrument} is not known: waiting until it is introduced"
    return (
        f"instrument {instrument} is not known and more than {kept} events wait already: "
        "introduce it, then rebuild the book from the log"
    )
