"""Suspensions: which instruments take no new risk, and why.  event x Suspensions -> Suspensions"""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from hedgeapp.core.events.suspensions import (
    InstrumentReleased,
    InstrumentSuspended,
    SuspensionCause,
    SuspensionEvent,
)

BY_ENGINE: Final[frozenset[SuspensionCause]] = frozenset({"divergence", "latency"})  # what it releases by itself
WHY: Final[dict[SuspensionCause, str]] = {
    "specification": "for its specification",
    "divergence": "for its prices",
    "latency": "for coming late",
    "person": "by hand",
}
WHO_RELEASES: Final[dict[SuspensionCause, str]] = {
    "specification": "one person takes the venue's word over, or keeps ours when the venue says it again",
    "divergence": "it ends by itself when the prices agree again",
    "latency": "it ends by itself when the prices come in time again",
    "person": "one person releases it",
}


class Suspensions:
    """The suspensions in force, by instrument and cause; mutable, owned by a book."""

    __slots__ = ("_of",)

    def __init__(self, suspended: Iterable[InstrumentSuspended] = ()) -> None:
        self._of = {(one.instrument, one.cause): one for one in suspended}

    def __iter__(self) -> Iterator[InstrumentSuspended]:
        return iter(self._of.values())

    def __len__(self) -> int:
        return len(self._of)

    def get(self, instrument: str, cause: SuspensionCause) -> InstrumentSuspended | None:
        """Return what an instrument is suspended by for one cause."""
        return self._of.get((instrument, cause))

    def of(self, instrument: str) -> tuple[InstrumentSuspended, ...]:
        """Return all that an instrument is suspended by, the oldest first; nothing when it may take risk."""
        if not self._of:  # as nearly always
            return ()
        return tuple(one for one in self._of.values() if one.instrument == instrument)

    def apply(self, event: SuspensionEvent) -> str:
        """Fold an event; return a sentence where it contradicts what is known, else nothing.

        A later word for the same cause takes the place of the earlier one.
        """
        key = (event.instrument, event.cause)
        match event:
            case InstrumentSuspended():
                self._of[key] = event
            case InstrumentReleased():
                if self._of.pop(key, None) is None:
                    return f"a suspension of {event.instrument} for {event.cause} expected, found none to release"
            case _:
                assert_never(event)
        return ""
