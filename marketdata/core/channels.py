"""Channels: how much of each kind a feed hears, and how far off its source's clock is.  messages -> counts, ms"""

from typing import Final, Literal

ChannelName = Literal["book", "quote", "trade", "mark", "liquidation"]

DRIFT_WINDOW_MS: Final = 10_000  # the drift is measured over so long
_NOTHING: Final = -(2**62)


class Channel:
    """One kind of messages: how many came, and when the last one did; counted for every message, so mutable."""

    __slots__ = ("count", "last_ms")

    def __init__(self) -> None:
        self.count = 0
        self.last_ms = 0


class Drift:
    """By how much a source's clock runs ahead of ours, at least: the largest lead among its latest messages.

    A message is always later here than there, so each lead is the drift less the way; the largest is the nearest.
    """

    __slots__ = ("_from_ms", "_last_ms", "lead_ms")

    def __init__(self) -> None:
        self.lead_ms = _NOTHING  # the largest time there minus time here since the window began, in ms
        self._last_ms: int | None = None
        self._from_ms = 0

    def read(self, at_ms: int) -> int | None:
        """Return the drift in ms, of this window or of the one before; None before the first message."""
        if self.lead_ms != _NOTHING and (self._last_ms is None or at_ms - self._from_ms >= DRIFT_WINDOW_MS):
            self._last_ms, self._from_ms, self.lead_ms = self.lead_ms, at_ms, _NOTHING
        return self._last_ms
