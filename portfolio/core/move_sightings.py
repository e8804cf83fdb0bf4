"""Move sightings: what shows that the other side has a move.  Move x Book x at -> MoveSeenAtVenue

A venue's balance that changed by exactly the amount while the move was under way shows it at once. Where something else
was booked in the same moment, later words of both sides show it: the custodian's on what it mirrors and the venue's on
its balance, once the custodian's "done" is some seconds old. A transfer is shown by the wallet that it went to.
"""

from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.moves import MoveSeenAtVenue
from portfolio.core.book import Book
from portfolio.core.move_states import Move

GRACE: Final = timedelta(seconds=10)  # after the custodian's "done": by then a venue has stated what it booked


def sighting(move: Move, book: Book, at: datetime) -> MoveSeenAtVenue | None:
    """Return the word that the other side has a move, None while nothing shows it."""
    shown_at = _at_account(move, book, at) if move.account else _in_wallet(move, book)
    if shown_at is None:
        return None
    where = move.account or move.payload.destination
    reference = str(int(shown_at.timestamp() * 1_000))
    return MoveSeenAtVenue(at=at, move_id=move.move_id, where=where, reference=reference)


def _at_account(move: Move, book: Book, at: datetime) -> datetime | None:
    balance = book.balances.get((move.account, move.payload.asset))
    if balance is None:
        return None
    if move.is_counted:
        return balance.at
    mirrored = book.mirrored.get((move.payload.custodian, move.account, move.payload.asset))
    if move.confirmed_at is None or mirrored is None or at < move.confirmed_at + GRACE:
        return None
    return balance.at if min(balance.at, mirrored.at) >= move.confirmed_at else None


def _in_wallet(move: Move, book: Book) -> datetime | None:
    stated = book.collateral.get((move.payload.custodian, move.payload.destination, move.payload.asset))
    if stated is None or move.submitted_at is None or stated.at < move.submitted_at:
        return None
    return stated.at
