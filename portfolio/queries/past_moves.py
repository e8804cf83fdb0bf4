"""Past moves: one move as it was at a moment, and what the book of then made of it."""

from hedgeapp.core.events import Recorded
from portfolio.core.move_effects import MoveEffect, move_effect
from portfolio.core.move_states import Move
from portfolio.queries.move_blotter import folded, history
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book, past_health


def past_move(move_id: str, moment: Moment) -> tuple[Move, tuple[Recorded, ...]] | None:
    """Return a move as of a moment and the events that had made it so, the first one first; None before it was."""
    move, told = past_book(moment).moves.get(move_id), history(move_id, moment.seq)
    if move is None:
        move = folded(move_id, told)
    return None if move is None else (move, told)


def past_effect(move: Move, moment: Moment) -> MoveEffect:
    """Return what a move would have changed, by the book and the marks of a moment."""
    book = past_book(moment)
    return move_effect(move.payload, book, book.marks, moment.at, past_health(book, moment.at))
