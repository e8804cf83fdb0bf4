"""Move circumstances: what a move is judged by besides the book, as it is now; from PostgreSQL alone."""

from datetime import datetime

from portfolio.core.book import Book
from portfolio.core.custodians import move_lock
from portfolio.core.move_checks import Circumstances
from portfolio.core.move_headroom import floor_usd, headroom_after_usd
from portfolio.core.move_prices import price_of
from portfolio.core.move_states import Move
from portfolio.core.valuation import Valuation
from portfolio.queries.feeds import heard
from portfolio.queries.people import deciders


def circumstances(move: Move, book: Book, at: datetime) -> Circumstances:
    """Return what a move is judged by at a time, by the marks that the log took last."""
    feeds = tuple(heard(book))
    valuation = Valuation(book, book.marks, at, feeds)
    return Circumstances(
        valuation=valuation,
        people=deciders(),
        price=price_of(move.payload.asset, book, book.marks, at, feeds),
        headroom_after_usd=headroom_after_usd(move.payload, valuation),
        headroom_floor_usd=floor_usd(move.payload.source, book.catalogue),
        settlement=move_lock(book, move.payload.custodian),
    )
