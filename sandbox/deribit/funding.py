"""Funding that accrues all the time: the rate of now, of the last 8 hours, and what each hour came to.

Source: Deribit, "Inverse perpetual": F = max(0.025 %, premium) + min(-0.025 %, premium), within 0.5 %, for 8 hours.
"""

from collections import deque
from dataclasses import dataclass

from sandbox.market import Market

DAMPER = 0.00025
RATE_MAX = 0.005
SECOND_MS = 1_000
HOUR_MS = 3_600_000
PERIOD_H = 8
HOURS_MAX = 744  # of the past that are remembered, as the venue gives them


@dataclass(slots=True, kw_only=True)
class Hour:
    """One hour: when it ends, the index at its beginning and its end, and the funding that accrued in it."""

    ends_ms: int
    index_before: float
    index: float
    accrued: float = 0.0


def rate_of_premium(premium: float) -> float:
    """Give the rate of a premium, for 8 hours."""
    return min(RATE_MAX, max(-RATE_MAX, max(DAMPER, premium) + min(-DAMPER, premium)))


class Funding:
    """The funding of one market since it began."""

    def __init__(self, market: Market) -> None:
        self._market = market
        market.rate_of = rate_of_premium  # what is settled, too
        self._hours: deque[Hour] = deque(maxlen=HOURS_MAX)

    @property
    def current(self) -> float:
        """Give the rate of now, for 8 hours."""
        return rate_of_premium(self._market.prices.premium)

    @property
    def last_8h(self) -> float:
        """Give what accrued in the last 8 hours, in hours of the clock."""
        return sum(hour.accrued for hour in list(self._hours)[-PERIOD_H:])

    def second(self) -> None:
        """Let a second's funding accrue."""
        now_ms, index = self._market.now_ms, self._market.prices.index
        ends_ms = (now_ms // HOUR_MS + 1) * HOUR_MS
        if not self._hours or self._hours[-1].ends_ms != ends_ms:
            before = self._hours[-1].index if self._hours else index
            self._hours.append(Hour(ends_ms=ends_ms, index_before=before, index=index))
        hour = self._hours[-1]
        hour.index = index
        hour.accrued += self.current * SECOND_MS / (PERIOD_H * HOUR_MS)

    def history(self, since_ms: int, until_ms: int) -> list[tuple[Hour, float]]:
        """List the hours that ended within a time, each with what accrued in 8 hours up to its end."""
        hours = list(self._hours)
        return [
            (hour, sum(each.accrued for each in hours[max(0, number + 1 - PERIOD_H) : number + 1]))
            for number, hour in enumerate(hours)
            if since_ms <= hour.ends_ms <= min(until_ms, self._market.now_ms)
        ]
