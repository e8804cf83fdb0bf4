"""Unwind books: what a run of redemptions starts from, as it is now."""

from datetime import datetime

from portfolio.core.scenarios.unwind_book import UnwindBook
from portfolio.core.scenarios.unwind_live import live_unwind
from portfolio.queries.prices import market_at


def unwind_book(at: datetime) -> tuple[UnwindBook, int]:
    """Return the book that an unwind starts from, and the event that it is as of."""
    market = market_at(at)
    return live_unwind(market), market.valuation.book.seq
