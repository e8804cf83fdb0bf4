"""Skew: whether our wall clock was set.  steady time x wall time -> seconds"""

from typing import Final

JUMP_S: Final = 1.0  # between two looks; whoever sets a clock right by slewing it moves it by far less


class Skew:
    """Whether our wall clock was set: by how much it moved more than a clock that nobody sets, from look to look."""

    __slots__ = ("_apart_s",)

    def __init__(self, steady_s: float, wall_s: float) -> None:
        self._apart_s = wall_s - steady_s

    def jump_s(self, steady_s: float, wall_s: float) -> float:
        """Return by how much the wall clock jumped since the last look, 0 when it did not.

        A machine that slept has jumped, too: its steady clock stood still meanwhile.
        """
        before, self._apart_s = self._apart_s, wall_s - steady_s
        jump_s = self._apart_s - before
        return jump_s if abs(jump_s) > JUMP_S else 0.0
