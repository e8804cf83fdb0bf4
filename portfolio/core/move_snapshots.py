"""Move snapshots: what a book knows of moves, of their rules and of delegations, written out.  Book <-> MovesState"""

from hedgeapp.core.events.approvals import GateChangeProposed
from hedgeapp.core.events.break_glass import GlassBroken
from hedgeapp.core.events.collateral import CustodianStateChanged, SettlementSeen
from hedgeapp.core.events.moves import DelegationStated, UnintendedMoveSeen
from hedgeapp.core.records import record
from portfolio.core.book import Book
from portfolio.core.move_gates import Gate, GateVersion
from portfolio.core.move_states import Move
from portfolio.core.price_highs import High, PriceHighs
from portfolio.core.row_changes import RowChange, RowChanges


@record
class MovesState:
    """The part of a book that is about moves, written out."""

    moves: tuple[Move, ...]
    ended: tuple[str, ...]
    alarms: tuple[UnintendedMoveSeen, ...]
    unreviewed: tuple[GlassBroken, ...]
    mirrored: tuple[DelegationStated, ...]
    custodians: tuple[CustodianStateChanged, ...]
    settled: tuple[SettlementSeen, ...]
    gate_versions: tuple[GateVersion, ...]
    gate_changes: tuple[GateChangeProposed, ...]
    row_changes: tuple[RowChange, ...]
    price_highs: tuple[High, ...]


def dump_moves(book: Book) -> MovesState:
    """Write a book's moves out."""
    return MovesState(
        moves=tuple(book.moves),
        ended=book.moves.ended,
        alarms=book.moves.alarms,
        unreviewed=book.moves.unreviewed,
        mirrored=tuple(book.mirrored.values()),
        custodians=tuple(book.custodians.values()),
        settled=tuple(book.settled.values()),
        gate_versions=tuple(book.gate.versions),
        gate_changes=book.gate.waiting,
        row_changes=tuple(book.row_changes),
        price_highs=tuple(book.price_highs),
    )


def load_moves(book: Book, state: MovesState) -> None:
    """Put moves that were written out into a book."""
    book.moves.load(state.moves, state.ended, state.alarms, state.unreviewed)
    book.mirrored = {(one.custodian, one.account, one.asset): one for one in state.mirrored}
    book.custodians = {one.custodian: one for one in state.custodians}
    book.settled = {one.account: one for one in state.settled}
    book.gate = Gate(state.gate_versions, state.gate_changes)
    book.row_changes = RowChanges(state.row_changes)
    book.price_highs = PriceHighs(state.price_highs)
