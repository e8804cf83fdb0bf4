"""The inspector: instruments whose prices cannot be trusted are suspended, and released when they can be again."""

from datetime import datetime

import structlog

from hedgeapp.eventlog.append import AsyncLog, SameKeyOtherContent
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.inspection import Watch, decided, findings
from portfolio.core.valuation import Marks, Valuation

log = structlog.get_logger()


class Inspector:
    """What the engine knows of prices beside the book: since when each is off, or well again."""

    def __init__(self, events: AsyncLog) -> None:
        self._log = events
        self._watch = Watch()
        self._appended = 0

    async def step(self, book: Book, marks: Marks, feeds: tuple[FeedHealth, ...], at: datetime) -> None:
        """Append the suspensions and releases that are due."""
        if book.seq < self._appended:  # what we appended last must be in the book before it is decided again
            return
        found = findings(Valuation(book, dict(marks), at, feeds))
        events, self._watch = decided(book.suspensions, found, self._watch, at)
        if not events:
            return
        try:
            taken = await self._log.append(events)
        except SameKeyOtherContent as known:
            log.info("inspector.known", reason=str(known))
            return
        self._appended = taken[-1].seq if taken else self._appended
        for event in events:
            kind = type(event).__name__.removeprefix("Instrument").lower()
            log.warning(f"instrument.{kind}", instrument=event.instrument, cause=event.cause, reason=event.reason)
