"""Move words: what the custodian and the other side say of a move of ours, written down under the log's lock.

The book is looked at under the lock: the first word of a fact stands, and silence is not an answer. That a move never
arrived counts only if the custodian was asked after its expiry: until then the same request may go out again.
"""

from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events import Event
from hedgeapp.core.events.moves import MoveDone, MoveNeverArrived, MoveOutcomeUnknown, MoveRejected, MoveReported
from portfolio.core.book import Book
from portfolio.core.move_sightings import sighting
from portfolio.core.move_states import WITHOUT_WORD
from portfolio.operations.words import note

SETTLE: Final = timedelta(seconds=60)  # how long after a move's expiry the custodian's "not known" may be wrong


def note_reported(reported: MoveReported, *, at: datetime) -> None:
    """Write the custodian's word on a move."""
    note(lambda _: [reported], at)


def note_rejected(rejected: MoveRejected, *, at: datetime) -> None:
    """Write the custodian's word that it refused a move, unless another word of it came first."""
    note(lambda book: [rejected] if _is_wordless(book, rejected.move_id) else [], at)


def note_unknown(unknown: MoveOutcomeUnknown, *, at: datetime) -> None:
    """Write that a move was submitted and that nobody knows what became of it."""

    def decide(book: Book) -> list[Event]:
        move = book.moves.get(unknown.move_id)
        return [unknown] if move is not None and move.state == "submitted" else []

    note(decide, at)


def note_never_arrived(told: MoveNeverArrived, *, asked_at: datetime, at: datetime) -> bool:
    """Write that a move never arrived, if it was asked late enough; return whether it counts."""
    counts: list[bool] = []

    def decide(book: Book) -> list[Event]:
        move = book.moves.get(told.move_id)
        if move is None or move.state not in WITHOUT_WORD or asked_at < move.payload.expires_at + SETTLE:
            return []
        counts.append(True)
        return [told]

    note(decide, at)
    return bool(counts)


def note_shown(move_id: str, *, at: datetime) -> bool:
    """Write that the other side shows a move which the custodian confirmed, and its end; return whether it is done."""
    done: list[bool] = []

    def decide(book: Book) -> list[Event]:
        move = book.moves.get(move_id)
        if move is None or move.state not in ("confirmed", "seen_at_venue"):
            return []
        end = MoveDone(at=at, move_id=move_id)
        if move.state == "seen_at_venue":
            done.append(True)
            return [end]
        seen = sighting(move, book, at)
        if seen is None:
            return []
        done.append(True)
        return [seen, end]

    note(decide, at)
    return bool(done)


def _is_wordless(book: Book, move_id: str) -> bool:
    move = book.moves.get(move_id)
    return move is not None and move.state in WITHOUT_WORD
