"""Move folding: where an event of moves, of the gate or of a delegation belongs in a book.  event x Book -> Book"""

from typing import TYPE_CHECKING

from hedgeapp.core.events.approvals import GateChangeAgreed, GateChangeDropped, GateChangeProposed
from hedgeapp.core.events.break_glass import BreakGlassReviewed
from hedgeapp.core.events.collateral import CustodianStateChanged
from hedgeapp.core.events.moves import DelegationStated, MoveProposed, UnintendedMoveReviewed, UnintendedMoveSeen
from portfolio.core.move_delegations import follow, follow_statement
from portfolio.core.move_gates import GateEvent
from portfolio.core.move_states import MoveEvent
from portfolio.core.moves import AlarmEvent

if TYPE_CHECKING:
    from portfolio.core.book import Book

MoveDeskEvent = MoveEvent | AlarmEvent | BreakGlassReviewed | GateEvent | DelegationStated | CustodianStateChanged


def fold_move(event: MoveDeskEvent, book: "Book") -> str:
    """Fold an event into a book; return a sentence where it contradicts what is known, else nothing."""
    assert book.recorded_at is not None
    match event:
        case DelegationStated():
            follow_statement(book.delegated, book.mirrored, book.moves, event)
            return ""
        case CustodianStateChanged():
            before = book.custodians.get(event.custodian)
            if before is None or event.at >= before.at:
                book.custodians[event.custodian] = event
            return ""
        case UnintendedMoveSeen() | UnintendedMoveReviewed():
            return book.moves.alarm(event)
        case BreakGlassReviewed():
            return book.moves.reviewed(event)
        case GateChangeProposed() | GateChangeAgreed() | GateChangeDropped():
            said = book.gate.apply(event, book.recorded_at)
            if isinstance(event, GateChangeAgreed) and not said:
                _note_change(event, book)
            return said
        case _:
            said = book.moves.apply(event, book.seq, book.recorded_at)
            name = event.payload.move_id if isinstance(event, MoveProposed) else event.move_id
            follow(book.delegated, book.moves, name)
            return said


def _note_change(event: GateChangeAgreed, book: "Book") -> None:
    """Remember both who changed a part of the gate, as of when it begins to hold."""
    change = book.gate.change(event.change_id)
    assert change is not None
    assert book.recorded_at is not None
    for who in (change.by, event.by):
        book.row_changes.note(change.part, who, max(book.recorded_at, event.holds_from))
