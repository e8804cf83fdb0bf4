"""Latency: how long a venue's message takes from our socket until it is in the exposure.  marks x at -> percentiles"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from hedgeapp.core.marks import Mark, MarkKind
from marketdata.core.board import LatencySummary

KEPT: Final = 10_000  # measurements, the latest ones
# Marks that are weighed out of several: as old as the one they take their value from, which may have come long before
# the message that made it the middle one.
WEIGHED: Final[frozenset[MarkKind]] = frozenset({"usd", "market_rate"})


class Latency:
    """The time from a message's arrival at a feed to the exposure that has it in, of the latest measurements.

    Both stamps are ours, so the source's clock does not count; feeds and engine must share a clock, or keep it in step.
    """

    def __init__(self) -> None:
        self._waiting: datetime | None = None
        self._ms: deque[float] = deque(maxlen=KEPT)

    def arrived(self, marks: Iterable[Mark]) -> None:
        """Note marks that the next measurement will have in; the one stamped first counts."""
        for mark in marks:
            if mark.kind not in WEIGHED and (self._waiting is None or mark.received_at < self._waiting):
                self._waiting = mark.received_at

    def measured(self, at: datetime) -> None:
        """Note that exposure was measured."""
        if self._waiting is not None:
            self._ms.append((at - self._waiting).total_seconds() * 1000)
            self._waiting = None

    def summary(self) -> LatencySummary:
        """Return the percentiles of the latest measurements."""
        ordered = sorted(self._ms) or [0.0]
        places = (min(len(ordered) - 1, len(ordered) * percent // 100) for percent in range(1, 100))
        return LatencySummary(count=len(self._ms), percentiles_ms=tuple(ordered[place] for place in places))
