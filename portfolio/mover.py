"""The mover: what the engine wants moved of collateral, said once a second under its fence; it sends nothing."""

from datetime import datetime

import structlog

from hedgeapp.eventlog.append import LogIsBusy, SameKeyOtherContent
from hedgeapp.services import Lease
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.frames import Frame
from portfolio.core.move_automation import automatic
from portfolio.core.valuation import Marks, Valuation
from portfolio.operations.moves.automatics import BookIsBehind, append_automatic

log = structlog.get_logger()


class Mover:
    """What the engine knows of moves beside the book: which event of its own must be in the book first."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._appended = 0

    async def step(self, book: Book, marks: Marks, feeds: tuple[FeedHealth, ...], frame: Frame, at: datetime) -> None:
        """Append what is due as of a frame."""
        if book.seq < self._appended:  # what we appended last must be in the book before it is decided again
            return
        events = automatic(book, frame.margin, Valuation(book, dict(marks), at, feeds), feeds)
        if not events:
            return
        known = book.seq
        try:
            self._appended = await self._lease.in_database(
                append_automatic, events, known_seq=known, at=at, fence=self._lease.fence
            )
        except (BookIsBehind, LogIsBusy, SameKeyOtherContent) as behind:
            log.info("mover.again", reason=str(behind))
            return
        for event in events:
            log.warning("move." + type(event).__name__.removeprefix("Move").lower(), key=event.key)
