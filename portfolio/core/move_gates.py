"""Gate: the policy, the caps and the destinations of moves, each as two people agreed on it.  event x Gate -> Gate

A version holds from the time that it names, after a cool-off; the first of a part may hold at once, for until then
nothing moves at all. Old versions are kept: a move is judged by the stricter of the policy then and now.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from hedgeapp.core.events.approvals import (
    Assertion,
    Cap,
    Destination,
    GateChangeAgreed,
    GateChangeDropped,
    GateChangeProposed,
    GatePart,
    PolicyRule,
)
from hedgeapp.core.records import record

COOL_OFF: Final = timedelta(hours=1)  # between the agreement on a change and its holding
VERSIONS_KEPT: Final = 100  # of each part
OPEN_MAX: Final = 100  # changes that wait for their second person; the oldest goes first

GateEvent = GateChangeProposed | GateChangeAgreed | GateChangeDropped


@record
class GateVersion:
    """A part of the gate as two people agreed on it; times but `holds_from` are those of the log."""

    change: GateChangeProposed
    agreed_by: str
    agreed_at: datetime
    holds_from: datetime
    is_dropped: bool = False
    assertion: Assertion | None = None


class Gate:
    """The versions of each part, and the changes that wait; mutable, owned by a book."""

    __slots__ = ("_open", "_versions")

    def __init__(self, versions: Iterable[GateVersion] = (), waiting: Iterable[GateChangeProposed] = ()) -> None:
        self._versions: dict[GatePart, dict[int, GateVersion]] = {"policy": {}, "caps": {}, "destinations": {}}
        self._open = {one.change_id: one for one in waiting}
        for one in versions:
            self._versions[one.change.part][one.change.version] = one

    @property
    def versions(self) -> Iterator[GateVersion]:
        """All versions that are kept, of all parts."""
        return (one for of_part in self._versions.values() for one in of_part.values())

    @property
    def waiting(self) -> tuple[GateChangeProposed, ...]:
        """The changes that nobody has agreed to."""
        return tuple(self._open.values())

    def in_force(self, part: GatePart, at: datetime) -> GateVersion | None:
        """Return the version of a part that holds; None while there is none."""
        holding = [one for one in self._versions[part].values() if one.holds_from <= at and not one.is_dropped]
        return max(holding, key=lambda one: one.change.version, default=None)

    def version(self, part: GatePart, number: int) -> GateVersion | None:
        """Return a version by its number; None when it was never agreed on or let go."""
        return self._versions[part].get(number)

    def latest(self, part: GatePart) -> GateVersion | None:
        """Return the version that holds or cools off, and will hold unless it is dropped; None while there is none."""
        agreed = [one for one in self._versions[part].values() if not one.is_dropped]
        return max(agreed, key=lambda one: one.change.version, default=None)

    def due(self, part: GatePart) -> int:
        """Return the number of the version that comes next."""
        return max(self._versions[part], default=0) + 1

    def rules(self, at: datetime) -> tuple[PolicyRule, ...]:
        """Return the policy that holds; none at all refuses everything."""
        version = self.in_force("policy", at)
        return version.change.rules if version else ()

    def policy_version(self, at: datetime) -> int:
        """Return the number of the policy that holds; 0 while there is none."""
        version = self.in_force("policy", at)
        return version.change.version if version else 0

    def caps(self, at: datetime) -> tuple[Cap, ...]:
        """Return the caps that hold."""
        version = self.in_force("caps", at)
        return version.change.caps if version else ()

    def destinations(self, at: datetime) -> tuple[Destination, ...]:
        """Return where moves may go."""
        version = self.in_force("destinations", at)
        return version.change.destinations if version else ()

    def apply(self, event: GateEvent, recorded_at: datetime) -> str:
        """Fold an event; return a sentence where it contradicts what is known, else nothing."""
        match event:
            case GateChangeProposed():
                return self._propose(event)
            case GateChangeAgreed():
                return self._agree(event, recorded_at)
            case GateChangeDropped():
                return self._drop(event, recorded_at)
            case _:
                assert_never(event)

    def change(self, change_id: str) -> GateChangeProposed | None:
        """Return a change that waits, or one that was agreed on and is kept."""
        agreed = (one.change for one in self.versions if one.change.change_id == change_id)
        return self._open.get(change_id) or next(agreed, None)

    def _propose(self, event: GateChangeProposed) -> str:
        filled = {"policy": bool(event.rules), "caps": bool(event.caps), "destinations": bool(event.destinations)}
        if any(is_filled for part, is_filled in filled.items() if part != event.part):
            return f"a change of {event.part} alone expected in {event.change_id}, found another part in it"
        if not event.by:
            return f"a person who proposes {event.change_id} expected, found nobody"
        self._open[event.change_id] = event
        if len(self._open) > OPEN_MAX:
            del self._open[next(iter(self._open))]
        return ""

    def _agree(self, event: GateChangeAgreed, recorded_at: datetime) -> str:
        change = self._open.get(event.change_id)
        if change is None:
            return f"a change that waits expected, found {event.change_id} agreed on by {event.by}"
        of_part = self._versions[change.part]
        due = self.due(change.part)
        earliest = recorded_at + COOL_OFF if of_part else event.holds_from
        if event.by in ("", change.by):
            return f"another person than {change.by} expected to agree to {event.change_id}, found {event.by!r}"
        if change.version != due:
            return (
                f"version {due} of {change.part} expected, found {change.version} in {event.change_id}: propose again"
            )
        if event.holds_from < earliest:
            return f"a change that holds from {earliest:%Y-%m-%d %H:%M} UTC expected, found {event.holds_from}"
        del self._open[event.change_id]
        of_part[due] = GateVersion(
            change=change,
            agreed_by=event.by,
            agreed_at=recorded_at,
            holds_from=event.holds_from,
            assertion=event.assertion,
        )
        if len(of_part) > VERSIONS_KEPT:
            del of_part[min(of_part)]
        return ""

    def _drop(self, event: GateChangeDropped, recorded_at: datetime) -> str:
        if self._open.pop(event.change_id, None) is not None:
            return ""
        for version in self.versions:
            if version.change.change_id == event.change_id and version.holds_from > recorded_at:
                dropped = replace(version, is_dropped=True)
                self._versions[version.change.part][version.change.version] = dropped
                return ""
        return f"a change that does not hold yet expected, found {event.change_id} dropped by {event.by}"
