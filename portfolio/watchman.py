"""The watchman: the engine's alerts, opened, called again and ended once a second."""

from datetime import datetime

import structlog

from hedgeapp.eventlog.append import AsyncLog, SameKeyOtherContent
from portfolio.core.alert_rules import readings
from portfolio.core.alert_watch import Watch, decided
from portfolio.core.book import Book
from portfolio.core.frames import Frame

log = structlog.get_logger()


class Watchman:
    """What the engine knows of alerts beside the book: since when each thing is ill, or well again."""

    def __init__(self, events: AsyncLog) -> None:
        self._log = events
        self._watch = Watch()
        self._appended = 0

    async def step(self, book: Book, frame: Frame, at: datetime) -> None:
        """Append the alerts that are due as of a frame."""
        if book.seq < self._appended:  # what we appended last must be in the book before it is decided again
            return
        events, self._watch = decided(book.alerts, readings(book, frame, at), self._watch, at)
        if not events:
            return
        try:
            taken = await self._log.append(events)
        except SameKeyOtherContent as known:
            log.info("watchman.alert_known", reason=str(known))
            return
        self._appended = taken[-1].seq if taken else self._appended
        for event in events:
            log.warning("alert." + type(event).__name__.removeprefix("Alert").lower(), alert=event.alert_id)
