"""Moves: of collateral, from the proposal to both sides showing it.  event x Moves -> Moves

What we wrote and what the custodian and the venue report meet here under the move's id (`move_steps` says how). A move
that somebody reports and that we never intended raises an alarm: moves stop until two people have looked at it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.break_glass import BreakGlassReviewed, GlassBroken
from hedgeapp.core.events.moves import (
    MoveIntended,
    MoveProposed,
    MoveReported,
    UnintendedMoveReviewed,
    UnintendedMoveSeen,
)
from portfolio.core.move_states import Move, MoveEvent
from portfolio.core.move_steps import step

KEPT_FOR: Final = timedelta(days=31)  # a move that went out counts in the caps: no window of one is longer
ENDED_KEPT: Final = 1_000  # moves that ended and of which nothing moved, or only longer ago than that

AlarmEvent = UnintendedMoveSeen | UnintendedMoveReviewed


class Moves:
    """The moves by id, and the alarms that stop all others; mutable, owned by a book."""

    __slots__ = ("_alarms", "_ended", "_in_flight", "_unreviewed", "of_id")

    def __init__(self) -> None:
        self.of_id: dict[str, Move] = {}
        self._ended: dict[str, None] = {}
        self._in_flight: dict[str, None] = {}
        self._alarms: dict[tuple[str, str], UnintendedMoveSeen] = {}
        self._unreviewed: dict[str, GlassBroken] = {}

    def __iter__(self) -> Iterator[Move]:
        return iter(self.of_id.values())

    def __len__(self) -> int:
        return len(self.of_id)

    def get(self, move_id: str) -> Move | None:
        """Return a move, or None when it is not ours or was let go."""
        return self.of_id.get(move_id)

    def of_request(self, custodian: str, request_id: str) -> Move | None:
        """Return the move that a custodian names by our request id."""
        for move in self.of_id.values():
            if move.intended and (move.payload.custodian, move.intended.request_id) == (custodian, request_id):
                return move
        return None

    def in_flight(self) -> tuple[Move, ...]:
        """Return the moves that may be on their way, in the order of their proposals."""
        if not self._in_flight:
            return ()
        return tuple(sorted((self.of_id[name] for name in self._in_flight), key=lambda one: one.proposed_seq))

    @property
    def alarms(self) -> tuple[UnintendedMoveSeen, ...]:
        """The moves that we never intended and that nobody has reviewed; while there is one, moves stop."""
        return tuple(self._alarms.values())

    @property
    def unreviewed(self) -> tuple[GlassBroken, ...]:
        """The break-glasses that two others have not reviewed, the oldest first."""
        return tuple(self._unreviewed.values())

    @property
    def ended(self) -> tuple[str, ...]:
        """The ids of those that ended, the longest ended first."""
        return tuple(self._ended)

    def load(
        self,
        moves: Iterable[Move],
        ended: Iterable[str],
        alarms: Iterable[UnintendedMoveSeen],
        unreviewed: Iterable[GlassBroken],
    ) -> None:
        """Take back what `__iter__`, `ended`, `alarms` and `unreviewed` gave."""
        self._unreviewed = {one.move_id: one for one in unreviewed}
        self.of_id = {one.move_id: one for one in moves}
        self._in_flight = {one.move_id: None for one in self if one.is_in_flight}
        self._ended = dict.fromkeys(ended)
        self._alarms = {(one.source, one.reference): one for one in alarms}

    def apply(self, event: MoveEvent, seq: int, recorded_at: datetime) -> str:
        """Fold an event; return a sentence where it contradicts what is known, else nothing."""
        name = event.payload.move_id if isinstance(event, MoveProposed) else event.move_id
        move = self.of_id.get(name)
        if move is None:
            return self._of_none(event, name, seq, recorded_at)
        if isinstance(event, MoveIntended) and (said := self._named_twice(move, event)):
            return said
        taken = step(move, event, seq, recorded_at)
        if taken.is_alarming:
            reference = event.custodian_order_id if isinstance(event, MoveReported) else name
            self._raise(move.payload.custodian, reference, event.at, taken.said, move)
        if taken.move is not move:
            self._keep(taken.move)
            if isinstance(event, GlassBroken):
                self._unreviewed[name] = event
        return taken.said

    def alarm(self, event: AlarmEvent) -> str:
        """Fold a move that nobody intended, or its review by two people; return what contradicts, else nothing."""
        key = (event.source, event.reference)
        if isinstance(event, UnintendedMoveSeen):
            self._alarms[key] = event
            return ""
        if key not in self._alarms:
            return f"an open alarm expected, found a review of {event.reference} of {event.source}"
        if not event.by or not event.agreed_by or event.by == event.agreed_by:
            return (
                f"a review of {event.reference} by two people expected, found {event.by!r} and {event.agreed_by!r}: "
                "the alarm stays"
            )
        del self._alarms[key]
        return ""

    def reviewed(self, event: BreakGlassReviewed) -> str:
        """Fold the review of a break-glass by two people who did not sign it; return what contradicts, else nothing."""
        broken = self._unreviewed.get(event.move_id)
        if broken is None:
            return f"a break-glass that waits for its review expected, found a review of {event.move_id}"
        if len({event.by, event.agreed_by} - self.signers(broken) - {""}) < 2:
            return (
                f"a review of the break-glass of {event.move_id} by two people who did not sign it expected, found "
                f"{event.by!r} and {event.agreed_by!r}: it stays open"
            )
        del self._unreviewed[event.move_id]
        return ""

    def signers(self, broken: GlassBroken) -> frozenset[str]:
        """Return who signed a break-glass, whether his signature counted or not: none of them reviews it."""
        move = self.of_id.get(broken.move_id)
        return frozenset({broken.by, broken.agreed_by, *(one.by for one in (move.glass if move else ()))})

    def count(self, move_id: str, *, is_counted: bool) -> None:
        """Remember whether its account's delegated balance has a move already."""
        self.of_id[move_id] = replace(self.of_id[move_id], is_counted=is_counted)

    def _of_none(self, event: MoveEvent, name: str, seq: int, recorded_at: datetime) -> str:
        if isinstance(event, MoveProposed):
            self.of_id[name] = Move(
                proposed=event, state="proposed", seq=seq, proposed_seq=seq, proposed_at=recorded_at
            )
            return ""
        said = f"{type(event).__name__} of a move that nobody proposed: {name}"
        if isinstance(event, MoveReported):
            self._raise(event.custodian, event.custodian_order_id, event.at, said)
        return said

    def _named_twice(self, move: Move, event: MoveIntended) -> str:
        other = self.of_request(move.payload.custodian, event.request_id)
        if other is None or other.move_id == move.move_id:
            return ""
        return f"one request id for one move expected, found {event.request_id} of {other.move_id} for {move.move_id}"

    def _raise(self, source: str, reference: str, at: datetime, said: str, move: Move | None = None) -> None:
        self._alarms[source, reference] = UnintendedMoveSeen(
            at=at,
            source=source,
            reference=reference,
            kind=move.payload.kind if move else "unknown",
            asset=move.payload.asset if move else "",
            amount=move.payload.amount if move else ZERO,
            said=said,
        )

    def _keep(self, move: Move) -> None:
        name = move.move_id
        self.of_id[name] = move
        if move.is_in_flight:
            self._in_flight[name] = None
        else:
            self._in_flight.pop(name, None)
        self._ended.pop(name, None)
        if not move.is_final or move.ended_at is None:
            return
        self._ended[name] = None
        if len(self._ended) > ENDED_KEPT:
            gone = next((one for one in self._ended if _may_go(self.of_id[one], move.ended_at)), None)
            if gone is not None:
                del self._ended[gone], self.of_id[gone]


def _may_go(move: Move, at: datetime) -> bool:
    """Tell whether an ended move counts in no cap any more."""
    return move.state != "done" or move.ended_at is None or move.ended_at + KEPT_FOR < at
