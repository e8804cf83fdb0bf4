"""The watchman: the engine's alerts, opened, called again and ended once a second."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import psycopg
import structlog
from django.db import DatabaseError

from hedgeapp.eventlog.append import AsyncLog, SameKeyOtherContent
from hedgeapp.services import Lease
from portfolio.core.alert_rules import readings
from portfolio.core.alert_watch import Watch, decided
from portfolio.core.book import Book
from portfolio.core.frames import Frame
from portfolio.core.upkeep import Upkeep
from portfolio.queries.upkeep import upkeep_now

LOOK: Final = timedelta(seconds=5)  # services and the second store are looked at this often

log = structlog.get_logger()


def looking(lease: Lease) -> Callable[[], Awaitable[Upkeep]]:
    """Return how a holder of a lease looks at the services."""
    return lambda: lease.in_database(upkeep_now)


class Watchman:
    """What the engine knows of alerts beside the book: since when each thing is ill, or well again."""

    def __init__(self, events: AsyncLog, look: Callable[[], Awaitable[Upkeep]]) -> None:
        self._log, self._look = events, look
        self._upkeep: Upkeep | None = None
        self._looked_at: datetime | None = None
        self._watch = Watch()
        self._appended = 0

    async def step(self, book: Book, frame: Frame, at: datetime) -> None:
        """Append the alerts that are due as of a frame."""
        if book.seq < self._appended:  # what we appended last must be in the book before it is decided again
            return
        await self._look_around(at)
        events, self._watch = decided(book.alerts, readings(book, frame, at, self._upkeep), self._watch, at)
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

    async def _look_around(self, at: datetime) -> None:
        if self._looked_at is not None and at - self._looked_at < LOOK:
            return
        self._looked_at = at
        try:
            self._upkeep = await self._look()
        except (DatabaseError, psycopg.Error, OSError) as error:
            log.warning("watchman.could_not_look", error=str(error).strip())  # the last look grows old, and is told so
