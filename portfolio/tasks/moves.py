"""Moves: carry one that was approved to its end, in one request to its custodian.  Claim -> outcome

The steps, in order: `intend_move`, `submit_move`, the gateway's `submit`, then one of `note_reported`, `note_rejected`,
`note_unknown`; after an unknown outcome `ask_again` and the gateway's `submit_again`, the same request under the same
name; the gateway's `report` until the custodian's last word; `note_shown` once the other side has it.
Whatever ends between two of them, the next worker goes on from the move's state in the log. The claim itself is
believed in nothing: a row or a message that names a move which is not approved ends here.
"""

from datetime import UTC, datetime
from typing import Final

import structlog

from hedgeapp.core.events.moves import (
    MoveIntended,
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MoveRejected,
    MoveReported,
    MoveSubmitted,
)
from portfolio.core.move_states import WITHOUT_WORD, Move
from portfolio.gateways.ceffu import VALID_FOR, CeffuGateway
from portfolio.operations.move_life import MoveMustWait, ask_again, intend_move, submit_move
from portfolio.operations.move_words import (
    note_never_arrived,
    note_rejected,
    note_reported,
    note_shown,
    note_unknown,
)
from portfolio.operations.work import Claim
from portfolio.tasks.custodian_doors import CustodianIsShut
from portfolio.tasks.desk import Again, Done, backoff_s
from portfolio.tasks.moves_desk import MovesDesk

STEPS_MAX: Final = 8  # of a move in one try
PATIENT_TRIES: Final = 10  # in which a fresh word or the end of a settlement is waited for: some 30 s
ABANDONED: Final = "the worker that submitted it did not say what came of it"

log = structlog.get_logger()


async def carry_move(claim: Claim, desk: MovesDesk) -> Done | Again:
    """Take a move's next steps until it has ended or must be waited for."""
    for _ in range(STEPS_MAX):
        move = await desk.move(claim.subject)
        if move is None:
            return Done(said="not known, or ended long ago")
        if move.is_final:
            return Done(said=f"{move.state}: {move.because}" if move.because else move.state)
        try:
            outcome = await _step(move, desk, claim)
        except (MoveMustWait, CustodianIsShut) as hindrance:
            return Again(after_s=backoff_s(claim.tries), said=str(hindrance))
        if outcome is not None:
            return outcome
    return Again(after_s=backoff_s(claim.tries), said="more steps than one try takes")


async def _step(move: Move, desk: MovesDesk, claim: Claim) -> Done | Again | None:
    """Take one step; return nothing when the next may follow at once."""
    match move.state:
        case "approved":
            return await _intend(move, desk, claim)
        case "intended":
            return await _submit(move, desk, claim)
        case "submitted" | "outcome_unknown" | "accepted":
            return await _ask(move, desk, claim)
        case "confirmed" | "seen_at_venue":
            if await desk.in_database(note_shown, move.move_id, at=_now()):
                return None
            return Again(after_s=backoff_s(claim.tries), said=f"{_other_side(move)} does not show it yet")
        case _:
            log.warning("move.not_approved", move=move.move_id, state=move.state)
            return Done(said=f"an approved move expected, found it {move.state}")


async def _intend(move: Move, desk: MovesDesk, claim: Claim) -> Done | None:
    decided = await desk.in_database(intend_move, move.move_id, clock=_now, is_patient=_is_patient(claim))
    if decided is None or isinstance(decided, MoveIntended):
        return None
    log.warning("move.unsent", move=move.move_id, said=decided.said)
    return Done(said=decided.said)


async def _submit(move: Move, desk: MovesDesk, claim: Claim) -> Done | Again | None:
    """Mark a move as submitted and send its request: the only place from which one goes out, once for each mark."""
    assert move.intended is not None
    # One that has expired ends here, whether its custodian can be spoken to or not.
    gateway = _gateway(move, desk) if _now() < move.payload.expires_at else None
    decided = await desk.in_database(submit_move, move.move_id, VALID_FOR, clock=_now, is_patient=_is_patient(claim))
    if decided is None:
        return None
    if not isinstance(decided, MoveSubmitted):
        log.warning("move.unsent", move=move.move_id, said=decided.said)
        return Done(said=decided.said)
    assert gateway is not None  # or the move would have expired
    answer = await gateway.submit(move.payload, move.intended.request_id, decided.at)
    match answer:
        case MoveReported():
            await desk.in_database(note_reported, answer, at=_now())
            return None
        case MoveRejected():
            log.warning("move.rejected", move=move.move_id, code=answer.code, said=answer.said)
            await desk.in_database(note_rejected, answer, at=_now())
            return None
        case MoveOutcomeUnknown():
            log.warning("move.outcome_unknown", move=move.move_id, because=answer.because)
            await desk.in_database(note_unknown, answer, at=_now())
            return Again(after_s=backoff_s(0), said=answer.because)


async def _ask(move: Move, desk: MovesDesk, claim: Claim) -> Done | Again | None:
    """Ask the custodian what became of a move; only its word ends this."""
    assert move.intended is not None
    gateway, request_id = _gateway(move, desk), move.intended.request_id
    if move.state == "submitted":
        unknown = MoveOutcomeUnknown(at=_now(), move_id=move.move_id, because=ABANDONED)
        await desk.in_database(note_unknown, unknown, at=unknown.at)
    asked_at, hindrance = _now(), ""
    answer: MoveReported | MoveOutcomeUnknown | MoveNeverArrived | None = None
    if move.state in WITHOUT_WORD:
        may = await desk.in_database(ask_again, move.move_id, clock=_now)
        if isinstance(may, datetime):
            answer = await gateway.submit_again(move.payload, request_id, may)
        else:
            hindrance = may
    if not isinstance(answer, MoveReported):
        answer = await gateway.report(move.payload, request_id, move.custodian_order_id) or answer
    match answer:
        case MoveReported():
            await desk.in_database(note_reported, answer, at=_now())
            is_over = answer.state in ("success", "failed")
            return None if is_over else Again(after_s=backoff_s(claim.tries), said=f"{answer.state} at the custodian")
        case MoveNeverArrived():
            if await desk.in_database(note_never_arrived, answer, asked_at=asked_at, at=_now()):
                log.warning("move.never_arrived", move=move.move_id)
                return None
            return Again(after_s=backoff_s(claim.tries), said=answer.said)
        case MoveOutcomeUnknown():
            return Again(after_s=backoff_s(claim.tries), said=answer.because)
        case None:
            return Again(after_s=backoff_s(claim.tries), said=hindrance or f"no word yet of {move.payload.custodian}")


def _gateway(move: Move, desk: MovesDesk) -> CeffuGateway:
    return desk.doors.of(move.payload.custodian)


def _is_patient(claim: Claim) -> bool:
    return claim.tries < PATIENT_TRIES


def _other_side(move: Move) -> str:
    return move.account or move.payload.destination


def _now() -> datetime:
    return datetime.now(UTC)
