"""Move headlines: an event of moves or of the gate in one sentence for the desk.  event -> sentence"""

from typing import assert_never

from hedgeapp.core.events.approvals import GateChangeAgreed, GateChangeDropped, GateChangeProposed, MoveDecided
from hedgeapp.core.events.break_glass import BreakGlassReviewed, BreakGlassSigned, GlassBroken
from hedgeapp.core.events.collateral import CustodianStateChanged
from hedgeapp.core.events.moves import (
    DelegationStated,
    MoveApproved,
    MoveDone,
    MoveExpired,
    MoveIntended,
    MoveJudged,
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MovePayload,
    MoveProposed,
    MoveRefused,
    MoveRejected,
    MoveReported,
    MoveSeenAtVenue,
    MoveSubmitted,
    MoveWithdrawn,
    Quota,
    UnintendedMoveReviewed,
    UnintendedMoveSeen,
)
from portfolio.core.move_folding import MoveDeskEvent
from portfolio.core.move_gates import GateEvent
from portfolio.core.move_payloads import spoken
from portfolio.core.moves import AlarmEvent


def move_headline(event: MoveDeskEvent) -> str:
    """Return an event in one sentence."""
    match event:
        case MoveProposed():
            return f"{event.by} wants to {move_sentence(event.payload)} as move {event.payload.move_id}: {event.reason}"
        case MoveJudged() | MoveDecided() | MoveApproved() | MoveWithdrawn() | MoveExpired() | MoveRefused():
            return _before(event)
        case MoveIntended() | MoveSubmitted() | MoveReported() | MoveRejected() | MoveOutcomeUnknown():
            return _after(event)
        case MoveNeverArrived() | MoveSeenAtVenue() | MoveDone():
            return _after(event)
        case BreakGlassSigned() | GlassBroken() | BreakGlassReviewed():
            return _glass(event)
        case UnintendedMoveSeen() | UnintendedMoveReviewed():
            return _alarm(event)
        case GateChangeProposed() | GateChangeAgreed() | GateChangeDropped():
            return _gate(event)
        case DelegationStated():
            return f"{event.custodian} mirrors {spoken(event.total)} {event.asset} to {event.account}"
        case CustodianStateChanged():
            return event.said
        case _:
            assert_never(event)


def move_sentence(payload: MovePayload) -> str:
    """Return what a move does, as an approver reads it."""
    what = f"{payload.kind} {spoken(payload.amount)} {payload.asset}"
    return f"{what} from {payload.source} to {payload.destination} by {payload.custodian} ({payload.route})"


def asked_of(quotas: tuple[Quota, ...]) -> str:
    """Return who must agree, in words."""
    return " and ".join(f"{one.needed} of {one.group}" for one in quotas)


def _before(event: MoveJudged | MoveDecided | MoveApproved | MoveWithdrawn | MoveExpired | MoveRefused) -> str:
    name = f"move {event.move_id}"
    match event:
        case MoveJudged():
            word = f"asks {asked_of(event.quotas)}" if event.outcome == "ask" else f"{event.outcome}s"
            return f"policy {event.policy_version} {word} for {name}: {event.said}"
        case MoveDecided():
            did = "approves" if event.verdict == "approve" else "rejects"
            return f"{event.by} {did} {name}" + (f": {event.reason}" if event.reason else "")
        case MoveApproved():
            return f"{name} approved by {', '.join(event.approved_by) or 'its rule alone'}"
        case MoveWithdrawn():
            return f"{name} withdrawn by {event.by}: {event.reason}"
        case MoveExpired():
            return f"{name} expired: {event.said}"
        case MoveRefused():
            return f"{name} refused by us: {event.said}"
        case _:
            assert_never(event)


def _glass(event: BreakGlassSigned | GlassBroken | BreakGlassReviewed) -> str:
    name = f"break-glass of move {event.move_id}"
    match event:
        case BreakGlassSigned():
            return f"{event.by} signs {name}: {event.reason}"
        case GlassBroken():
            return f"BREAK-GLASS: {event.by} and {event.agreed_by} bring move {event.move_id} home: {event.reason}"
        case BreakGlassReviewed():
            return f"{name} reviewed by {event.by} and {event.agreed_by}: {event.reason}"
        case _:
            assert_never(event)


def _after(
    event: MoveIntended
    | MoveSubmitted
    | MoveReported
    | MoveRejected
    | MoveOutcomeUnknown
    | MoveNeverArrived
    | MoveSeenAtVenue
    | MoveDone,
) -> str:
    name = f"move {event.move_id}"
    match event:
        case MoveIntended():
            return (
                f"{name} is to be sent as {event.request_id}, approved by {', '.join(event.approved_by) or 'its rule'}"
            )
        case MoveSubmitted():
            return f"{name} submitted"
        case MoveReported():
            state = event.state.replace("_", " ")
            return f"{name} is {state} at {event.custodian} as {event.custodian_order_id}: {event.said}".removesuffix(
                ": "
            )
        case MoveRejected():
            return f"{name} rejected by its custodian: {event.code} {event.said}"
        case MoveOutcomeUnknown():
            return f"{name}: outcome unknown, {event.because}"
        case MoveNeverArrived():
            return f"{name} never arrived: {event.said}"
        case MoveSeenAtVenue():
            return f"{name} seen at {event.where} by {event.reference}"
        case MoveDone():
            return f"{name} is done"
        case _:
            assert_never(event)


def _alarm(event: AlarmEvent) -> str:
    name = f"{event.reference} of {event.source}"
    if isinstance(event, UnintendedMoveReviewed):
        return f"unintended move {name} reviewed by {event.by} and {event.agreed_by}: {event.reason}"
    return f"MOVES STOPPED: {name}, {event.kind} {spoken(event.amount)} {event.asset}, was never intended: {event.said}"


def _gate(event: GateEvent) -> str:
    match event:
        case GateChangeProposed():
            return (
                f"{event.by} proposes version {event.version} of the {event.part} ({event.change_id}): {event.reason}"
            )
        case GateChangeAgreed():
            return f"{event.by} agrees to {event.change_id}, which holds from {event.holds_from:%Y-%m-%d %H:%M} UTC"
        case GateChangeDropped():
            return f"{event.by} drops {event.change_id}: {event.reason}"
        case _:
            assert_never(event)
