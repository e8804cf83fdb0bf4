"""Look-back: how long the last look at a quote waits for market data.  health of feeds -> LookBack

A quote that was asked at a moment may be accepted once every venue has told what happened there up to that moment. What
a venue stamps with our time is here after its way and with its clock's error, which is what the drift measures: so the
wait is the usual one and the largest drift on top, whichever sign it has.
"""

from collections.abc import Iterable
from typing import Final

from hedgeapp.core.records import record
from marketdata.core.board import FeedHealth

LOOK_BACK_MS: Final = 250  # with clocks that agree: the venues' books come ten times a second
LOOK_BACK_MS_MAX: Final = 5_000  # a price is another one by then


@record
class LookBack:
    """How many milliseconds the last look waits, None where it cannot be given; and what makes it so."""

    ms: int | None
    because: str


def look_back(feeds: Iterable[FeedHealth]) -> LookBack:
    """Return the look-back of quotes that rest on the connected feeds of public data."""
    heard = [one for one in feeds if one.channels and one.is_connected]
    if not heard:
        return LookBack(ms=None, because="no venue is heard")
    unmeasured = [one.feed for one in heard if one.drift_ms is None]
    if unmeasured:
        return LookBack(ms=None, because=f"the clock of {', '.join(unmeasured)} is not measured yet")
    farthest = max(heard, key=lambda one: (abs(one.drift_ms or 0), one.feed))
    drift_ms = farthest.drift_ms or 0
    ms = LOOK_BACK_MS + abs(drift_ms)
    if ms > LOOK_BACK_MS_MAX:
        expected = f"at most {LOOK_BACK_MS_MAX - LOOK_BACK_MS} ms of drift expected"
        return LookBack(ms=None, because=f"{expected}, found {drift_ms:+d} ms at {farthest.feed}")
    return LookBack(ms=ms, because=f"{LOOK_BACK_MS} ms, and {abs(drift_ms)} ms for the clock of {farthest.feed}")
