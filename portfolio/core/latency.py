"""Latency: how long a message takes from our socket until it is in the exposure.  marks x at -> percentiles"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from hedgeapp.core.marks import Mark
from marketdata.core.board import LatencySummary

KEPT: Final = 10_000  # measurements, the latest ones


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
            if self._waiting is None or mark.received_at < self._waiting:
                self._waiting = mark.received_at

    def measured(self, at: datetime) -> None:
        """Note that exposure was measured."""
        if self._waiting is not None:
            self._ms.append((at - self._waiting).total_seconds() * 1000)
            self._waiting = None

    def summary(self) -> LatencySummary:
        """Return the median and the 99th percentile of the latest measurements, in ms; zeros before the first."""
        ordered = sorted(self._ms)
        count = len(ordered)
        return LatencySummary(
            count=count,
            p50_ms=ordered[count // 2] if count else 0.0,
            p99_ms=ordered[min(count - 1, count * 99 // 100)] if count else 0.0,
        )
