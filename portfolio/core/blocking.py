"""Blocking: venues at which nothing automatic may act, for a break above its limit.  ReconciliationEvent -> Blocking

What a break is and when it is above its limit is said by `reconciliation`; here is only where that matters.
"""

from collections.abc import Iterable, Iterator

from hedgeapp.core.events.breaks import ReconciliationEvent, VenueBlocked, VenueFreed
from hedgeapp.core.events.halts import EVERYWHERE


class Blocking:
    """The blocked venues by name; mutable, owned by a book."""

    __slots__ = ("_of_venue",)

    def __init__(self, blocked: Iterable[VenueBlocked] = ()) -> None:
        self._of_venue = {one.venue: one for one in blocked}

    def __iter__(self) -> Iterator[VenueBlocked]:
        return iter(self._of_venue.values())

    def of(self, venue: str) -> VenueBlocked | None:
        """Return why nothing automatic may act at a venue, or anywhere; None when it may."""
        return self._of_venue.get(venue) or self._of_venue.get(EVERYWHERE)

    def apply(self, event: ReconciliationEvent) -> None:
        """Fold an event; all others of reconciliation change nothing here."""
        if isinstance(event, VenueBlocked):
            self._of_venue[event.venue] = event
        elif isinstance(event, VenueFreed):
            self._of_venue.pop(event.venue, None)
