"""Move steps: what an event makes of a move, and what of it contradicts what is known.  Move x event -> Step

A step that `NEXT` does not have is refused with a sentence. The custodian's word is one exception: money that moved
has moved, so it is believed against ours, and alarming. A break-glass is the other: it overrules the policy's refusal.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final, assert_never

from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.break_glass import BreakGlassSigned, GlassBroken
from hedgeapp.core.events.moves import (
    MoveApproved,
    MoveDone,
    MoveExpired,
    MoveIntended,
    MoveJudged,
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MoveProposed,
    MoveRefused,
    MoveRejected,
    MoveReported,
    MoveSeenAtVenue,
    MoveSubmitted,
    MoveWithdrawn,
)
from hedgeapp.core.records import record
from portfolio.core.move_payloads import payload_hash
from portfolio.core.move_states import AS_REPORTED, FINAL, NEXT, OUT, UNSENT, WITHOUT_WORD, Move, MoveEvent, State

DECISIONS_MAX: Final = 100  # that are kept of one move


@record
class Step:
    """A move after an event; `said` is what contradicts, `is_alarming` whether moves must stop because of it."""

    move: Move
    said: str = ""
    is_alarming: bool = False


def step(move: Move, event: MoveEvent, seq: int, recorded_at: datetime) -> Step:
    """Return what an event of a move makes of it."""
    match event:
        case MoveProposed():
            return Step(move=move, said=f"a new move expected, found {move.move_id}, which was proposed before")
        case MoveJudged():
            state: State = "refused" if event.outcome == "refuse" else "awaiting_approval"
            return _to(move, state, seq, event.at, judged=event, because=event.said)
        case MoveDecided():
            return _decided(move, event, seq)
        case MoveApproved():
            return _to(move, "approved", seq, event.at, approved_by=event.approved_by)
        case BreakGlassSigned():
            return _glass_signed(move, event, seq)
        case GlassBroken():
            return _glass_broken(move, event, seq)
        case MoveWithdrawn():
            return _to(move, "withdrawn", seq, event.at, because=f"{event.by}: {event.reason}")
        case MoveExpired():
            return _to(move, "expired", seq, event.at, because=event.said)
        case MoveRefused():
            return _to(move, "refused", seq, event.at, because=event.said)
        case MoveIntended() if event.payload_hash != payload_hash(move.payload).hex():
            return Step(move=move, said=f"{move.move_id} is intended with another payload than was proposed")
        case MoveIntended():
            return _to(move, "intended", seq, event.at, intended=event, intended_at=recorded_at)
        case MoveSubmitted():
            return _to(move, "submitted", seq, event.at, submitted_at=event.at, valid_until=event.valid_until)
        case MoveReported() | MoveRejected() | MoveOutcomeUnknown() | MoveNeverArrived() | MoveSeenAtVenue():
            return _heard(move, event, seq)
        case MoveDone():
            return _to(move, "done", seq, event.at)
        case _:
            assert_never(event)


def _heard(
    move: Move,
    event: MoveReported | MoveRejected | MoveOutcomeUnknown | MoveNeverArrived | MoveSeenAtVenue,
    seq: int,
) -> Step:
    """Return what a word of the custodian or the venue, or the want of one, makes of a move."""
    match event:
        case MoveReported():
            return _reported(move, event, seq)
        case MoveSeenAtVenue():
            return _seen(move, event, seq)
        case MoveRejected():
            return _unheard(move, "failed", seq, event.at, f"{event.code}: {event.said}")
        case MoveNeverArrived():
            return _unheard(move, "never_arrived", seq, event.at, event.said)
        case MoveOutcomeUnknown() if move.state != "submitted":  # the custodian's word came first
            return Step(move=move)
        case MoveOutcomeUnknown():
            return _to(move, "outcome_unknown", seq, event.at, because=event.because)
        case _:
            assert_never(event)


def _decided(move: Move, event: MoveDecided, seq: int) -> Step:
    name = move.move_id
    if event.payload_hash != payload_hash(move.payload).hex():
        return Step(move=move, said=f"{event.by} decided on another payload than that of {name}: it does not count")
    if len(move.decisions) >= DECISIONS_MAX:
        said = f"at most {DECISIONS_MAX} decisions on {name} expected: the one of {event.by} does not count"
        return Step(move=move, said=said)
    decided = replace(move, decisions=(*move.decisions, event), seq=seq)
    if event.verdict == "reject":
        taken = _to(decided, "rejected", seq, event.at, because=f"{event.by}: {event.reason}")
        return replace(taken, move=move) if taken.said else taken
    if move.state not in ("awaiting_approval", "approved"):
        return Step(move=move, said=f"{event.by} approves {name}, which is {move.state}: it does not count")
    return Step(move=decided)


def _glass_signed(move: Move, event: BreakGlassSigned, seq: int) -> Step:
    name = move.move_id
    if said := move.unbreakable:
        return Step(move=move, said=said)
    if event.payload_hash != payload_hash(move.payload).hex():
        return Step(move=move, said=f"{event.by} signed break-glass for another payload than that of {name}")
    if any(one.by == event.by or one.reason != event.reason for one in move.glass) or len(move.glass) >= DECISIONS_MAX:
        said = (
            f"one signature of each person for the reason of the first expected, found another of {event.by} on {name}"
        )
        return Step(move=move, said=said)
    return Step(move=replace(move, glass=(*move.glass, event), seq=seq))


def _glass_broken(move: Move, event: GlassBroken, seq: int) -> Step:
    """Return a move that two people bring home; it is the one way back from a refusal, of the policy alone."""
    name, both = move.move_id, {event.by, event.agreed_by}
    if said := move.unbreakable:
        return Step(move=move, said=said)
    of_this = event.payload_hash == payload_hash(move.payload).hex()
    if not of_this or len(both & {one.by for one in move.glass if one.reason == event.reason}) < 2:
        said = f"a break-glass of {name} that two people signed expected, found {event.by!r} and {event.agreed_by!r}"
        return Step(move=move, said=said)
    names = (event.by, event.agreed_by)
    return Step(
        move=replace(move, state="approved", seq=seq, approved_by=names, broken=event, ended_at=None, because="")
    )


def _reported(move: Move, event: MoveReported, seq: int) -> Step:
    name = move.move_id
    if move.custodian_order_id not in ("", event.custodian_order_id):
        said = f"one order {move.custodian_order_id} as {name} expected, found {event.custodian_order_id} beside it"
        return Step(move=move, said=said, is_alarming=True)
    if event.custodian != move.payload.custodian:
        said = f"{name} at {move.payload.custodian} expected, found at {event.custodian}"
        return Step(move=move, said=said, is_alarming=True)
    state = AS_REPORTED[event.state]
    known: dict[str, Any] = {"custodian_order_id": event.custodian_order_id}
    if state == "confirmed":
        known["confirmed_at"] = event.at
        state = "seen_at_venue" if move.seen_at else state
    if move.state in UNSENT or move.state == "never_arrived" or (move.state == "failed" and state != "failed"):
        said = f"{name} is {event.state} at {event.custodian}, where {move.state} expected"
        ended = event.at if state in FINAL else None
        believed = replace(move, state=state, seq=seq, because=said, ended_at=ended, **known)
        return Step(move=believed, said=said, is_alarming=True)
    if state == "failed":
        known["because"] = event.said
    is_old = (state == "accepted" and move.state not in WITHOUT_WORD) or (
        event.state == "success" and move.confirmed_at
    )
    return Step(move=move) if is_old else _to(move, state, seq, event.at, **known)


def _seen(move: Move, event: MoveSeenAtVenue, seq: int) -> Step:
    expected = move.account or move.payload.destination
    if event.where != expected:
        return Step(move=move, said=f"{move.move_id} seen at {expected} expected, found at {event.where}")
    if move.seen_at:
        return Step(move=move)
    seen = replace(move, seen_at=event.at, seq=seq)
    if move.state == "confirmed":
        return _to(seen, "seen_at_venue", seq, event.at)
    if move.state in OUT:  # the custodian's word is still to come
        return Step(move=seen)
    return Step(move=seen, said=f"{move.move_id} is seen at {event.where}, where it is {move.state}", is_alarming=True)


def _unheard(move: Move, state: State, seq: int, at: datetime, said: str) -> Step:
    """Return the end of a move of which nobody has seen anything; what was seen stands."""
    if move.seen_at:
        return Step(move=move, said=f"{move.move_id} is {state}, after it was seen: {said}")
    return _to(move, state, seq, at, because=said)


def _to(move: Move, state: State, seq: int, at: datetime, **known: Any) -> Step:
    """Take a step, or refuse it with a sentence."""
    if state == move.state and state in FINAL:
        return Step(move=move)
    if state not in NEXT[move.state]:
        follows = " or ".join(sorted(NEXT[move.state])) or "nothing more"
        return Step(move=move, said=f"{move.move_id} is {move.state}: {follows} expected, found {state}")
    ended = at if state in FINAL else None
    return Step(move=replace(move, state=state, seq=seq, ended_at=ended, **known))
