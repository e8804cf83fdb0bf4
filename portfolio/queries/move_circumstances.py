"""Move circumstances: what a move is judged by besides the book, as it is now; from PostgreSQL alone."""

from datetime import datetime

from portfolio.core.book import Book
from portfolio.core.custodians import move_lock
from portfolio.core.margin import margin_rows
from portfolio.core.move_checks import Circumstances
from portfolio.core.move_headrooms import floor_of, headroom_after, headrooms
from portfolio.core.move_prices import price_of
from portfolio.core.move_states import Move
from portfolio.core.pnl import valued_positions
from portfolio.core.valuation import Valuation
from portfolio.queries.feeds import heard
from portfolio.queries.gate import unproven_now
from portfolio.queries.people import breakers, deciders


def circumstances(move: Move, book: Book, at: datetime) -> Circumstances:
    """Return what a move is judged by at a time, by the marks that the log took last."""
    payload, feeds = move.payload, tuple(heard(book))
    valuation = Valuation(book, book.marks, at, feeds)
    rooms = headrooms(margin_rows(valued_positions(valuation), valuation), book)
    return Circumstances(
        valuation=valuation,
        people=deciders(),
        price=price_of(payload.asset, book, book.marks, at, feeds),
        headroom_after_usd=headroom_after(payload, rooms, valuation),
        headroom_floor_usd=floor_of(move.account, book.catalogue),
        settlement=move_lock(book, payload.custodian),
        doubts=tuple(unproven_now(book.gate, at)),
        breakers=breakers(),
    )
