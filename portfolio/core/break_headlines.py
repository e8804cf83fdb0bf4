"""Break headlines: an event of reconciliation in one sentence for the desk.  ReconciliationEvent -> text"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, assert_never

from hedgeapp.core.differences import Difference
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored, RebaseTaken
from hedgeapp.core.events.breaks import (
    BalanceAnchored,
    BreakAccepted,
    BreakAssigned,
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
    ReconciliationEvent,
    RunBegun,
    RunEnded,
    VenueBlocked,
    VenueFreed,
)

PLACES: Final = Decimal("1e-8")  # finer than that is our own arithmetic


def reconciliation_sentence(event: ReconciliationEvent) -> str:
    """Return what happened."""
    match event:
        case RunBegun():
            return f"run of {event.subject} begun: {event.trigger}"
        case RunEnded():
            rows = sum(max(one.ours, one.theirs) for one in event.compared)
            differing = sum(one.differing for one in event.compared)
            said = f"; {event.said}" if event.said else ""
            return f"run of {event.subject} {event.outcome}: {differing} of {rows} rows differ{said}"
        case BalanceAnchored():
            what = f"{event.total.normalize():,f} {event.asset}"
            return f"balance of {event.account} is explained from {what} on, by {event.by}"
        case DelegationAnchored():
            what = f"{event.total.normalize():,f} {event.asset}"
            why = f": {event.because}" if event.because else ""
            return f"delegation {event.custodian} to {event.account} is explained from {what} on, by {event.by}{why}"
        case HoldingAnchored():
            what = f"{event.total.normalize():,f} {event.asset}"
            return f"{event.wallet} at {event.custodian} is explained from {what} on, by {event.by}"
        case LeverageAnchored():
            what = f"{event.leverage.normalize():f} times"
            return f"leverage of {event.instrument} in {event.account} has to be {what} from now on, by {event.by}"
        case RebaseTaken():
            what = f"{event.amount.normalize():,f} {event.asset} in {event.wallet} at {event.custodian}"
            return f"{what} is taken for a rebase, which may be up to {event.most.normalize():,f}"
        case VenueBlocked():
            return f"nothing automatic may act at {event.venue}: {event.because}"
        case VenueFreed():
            return f"{event.venue} is free again: no break is above its limit"
        case DifferenceSeen():
            so_far = f"; so far explained: {event.explained_by}" if event.explained_by else ""
            return f"difference {event.break_id}: {told(event.difference)}{so_far}"
        case DifferenceSettled():
            return f"difference {event.break_id} went within its grace"
        case BreakFound() | BreakResized() | BreakReopened():
            word = {BreakFound: "found", BreakResized: "resized", BreakReopened: "reopened"}[type(event)]
            return f"{event.severity} break {event.break_id} {word}: {told(event.difference)}"
        case _:
            return _life(event)


def _life(
    event: BreakAssigned
    | BreakInvestigated
    | BreakExplained
    | HealProposed
    | ClosingAsked
    | ClosingWithdrawn
    | BreakHealed
    | BreakAccepted
    | BreakVerified,
) -> str:
    name = f"break {event.break_id}"
    match event:
        case BreakAssigned():
            return f"{name} assigned to {event.assignee or 'nobody'} by {event.by}"
        case BreakInvestigated():
            return f"{name} investigated by {event.by}: {event.note}"
        case BreakExplained():
            return f"{name} explained by {event.by}: {event.explanation}"
        case HealProposed():
            return f"{name} can be healed by {len(event.facts)} facts: {event.because}"
        case ClosingAsked():
            return f"{event.by} asks to {event.closing} {name}: {event.reason}"
        case ClosingWithdrawn():
            return f"{event.by} withdrew what was asked of {name}: {event.reason}"
        case BreakHealed():
            return f"{name} healed by {_people(event)}: {event.reason}"
        case BreakAccepted():
            return f"{name} accepted by {_people(event)}: {event.reason}"
        case BreakVerified():
            return f"{name} verified: both sides say the same"
        case _:
            assert_never(event)


def _people(event: BreakHealed | BreakAccepted) -> str:
    return f"{event.asked_by} and {event.approved_by}" if event.approved_by else event.asked_by


def told(difference: Difference) -> str:
    """Return a difference in words."""
    what = f"{difference.kind.replace('_', ' ')} {difference.item} of {difference.subject}"
    if difference.amount is not None:
        way = f"{difference.amount.quantize(PLACES, ROUND_HALF_EVEN).normalize() + 0:+,f} {difference.unit}"
    elif not difference.ours:
        way = "only on their side"
    elif not difference.theirs:
        way = "only on our side"
    else:
        way = "not the same on both sides"
    return f"{what}: {way}, {dollars(difference.usd)}"


def dollars(usd: Decimal | None) -> str:
    """Return what a difference is worth, in words."""
    return "USD not known" if usd is None else f"{usd:,.2f} USD"
