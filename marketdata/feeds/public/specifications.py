"""Specifications: the venue's own word on its instruments, taken at the start and every hour where it needs no key."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import aiohttp
import structlog
from django.utils.module_loading import import_string

from hedgeapp.core.reference import Venue
from hedgeapp.services import Lease
from marketdata.core.reference import ReferenceContradicts
from marketdata.core.wellformed import RowRefused
from marketdata.feeds import PUBLIC
from marketdata.feeds.public.protocol import PublicProtocol, SpecificationIsMissing
from marketdata.operations.instruments import symbols_of, take_instruments

EVERY_S: Final = 3_600.0
AGAIN_S: Final = 5.0  # after a venue did not say
LOOK_S: Final = 5.0  # between two looks whether they are due
ANSWER_S_MAX: Final = 10.0

log = structlog.get_logger()


def public_protocol(venue: Venue) -> PublicProtocol:
    """Return how the venue's public data is spoken."""
    found: PublicProtocol = import_string(PUBLIC[venue.protocol])
    return found


class Specifications:
    """When they are due, and why the last ones could not be taken."""

    def __init__(self, lease: Lease) -> None:
        self.complaint = ""
        self._lease = lease
        self._due = 0.0
        self._symbols: list[str] = []

    async def keep(self, venue: Venue) -> None:
        """Take them whenever they are due."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.take(venue)

    async def take(self, venue: Venue) -> bool:
        """Take them when they are due and tell whether any changed.

        What is wrong with them is said in `complaint`, and nothing is changed.
        """
        specify, clock = public_protocol(venue).specify, asyncio.get_running_loop().time
        if specify is None:
            return False
        symbols = await self._lease.in_database(symbols_of, venue.name)
        if clock() < self._due and symbols == self._symbols:
            return False
        self._symbols = symbols
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX)) as session:
                specified = await specify(session, venue, symbols)
            by, at = self._lease.name, datetime.now(UTC)
            changed = await self._lease.in_database(take_instruments, venue.name, specified, by=by, at=at)
        except (SpecificationIsMissing, ReferenceContradicts, RowRefused) as error:
            self.complaint, self._due = str(error), clock() + AGAIN_S
            log.warning("feed.specifications", feed=self._lease.name, complaint=self.complaint)
            return False
        self.complaint, self._due = "", clock() + EVERY_S
        for event in changed:
            log.info("instrument.changed", instrument=event.instrument.id, version=event.version)
        return bool(changed)
