"""Laps: the same work done several times in parts, each of which counts with the fastest time that it took.

What else the machine does only slows, in bursts that are shorter than a round.
"""

import time
from collections.abc import Callable, Sequence

from hedgeapp.core.records import record


@record
class Lap:
    """One part of a round: how many of what is counted, in how many seconds of the core and of the clock."""

    count: int
    core_s: float
    wall_s: float


class Watch:
    """Measures laps from its making on."""

    def __init__(self) -> None:
        self.laps: list[Lap] = []
        self._core, self._wall = time.process_time(), time.perf_counter()

    def lap(self, count: int) -> None:
        """End a lap of so many."""
        core, wall = time.process_time(), time.perf_counter()
        self.laps.append(Lap(count=count, core_s=core - self._core, wall_s=wall - self._wall))
        self._core, self._wall = core, wall


def undisturbed(rounds: Sequence[list[Lap]], took: Callable[[Lap], float]) -> float:
    """Return how many a second, each part with its fastest time of all rounds."""
    fastest_s = sum(min(map(took, part)) for part in zip(*rounds, strict=True))
    return sum(lap.count for lap in rounds[0]) / fastest_s
