"""Board: the latest of everything, how old it is, and how its feeds do.  Mark x budget x at -> Freshness"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from hedgeapp.core.records import record

Freshness = Literal["live", "late", "stale"]


def freshness(age: timedelta, budget: timedelta) -> Freshness:
    """Return how fresh a datum of this age is: late past half of its budget, stale past the whole of it."""
    if age > budget:
        return "stale"
    return "late" if age > budget / 2 else "live"


@record
class Depth:
    """A book next to its touch: levels of (price in the quote, contracts), each side from its best outward.

    `at` is the venue's time of the book's latest change, `received_at` ours.
    """

    instrument: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    at: datetime
    received_at: datetime


@record
class FeedHealth:
    """How a feed does: what it is connected to, when it last heard something, what went wrong.

    `messages_per_s` is a mean over the last seconds; `counters` are totals since the service began (messages, gaps,
    resyncs, refused, reconnects); `error` is the last one in a sentence, empty while connected.
    """

    feed: str
    is_connected: bool
    since: datetime
    last_message_at: datetime | None
    messages_per_s: float
    counters: Mapping[str, int]
    error: str
    epoch: int
    posted_at: datetime


@record
class LatencySummary:
    """How long a message took from our socket to the measured exposure: of `count` measurements.

    `percentiles_ms` are the 1st to the 99th; zeros before the first measurement.
    """

    count: int
    percentiles_ms: tuple[float, ...]

    @property
    def p50_ms(self) -> float:
        """The median, in ms."""
        return self.percentiles_ms[49]

    @property
    def p99_ms(self) -> float:
        """What one measurement in a hundred exceeds, in ms."""
        return self.percentiles_ms[98]
