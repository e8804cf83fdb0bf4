"""Board: the latest of everything, how old it is, and how its feeds do.  Mark x budget x at -> Freshness"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Final, Literal

from hedgeapp.core.records import record

Freshness = Literal["live", "late", "stale"]

# A datum may be this far ahead of our clock: venues' clocks differ. One that is further was taken before our clock was
# set back, or is of a clock that is wrong: how old it is nobody knows.
AHEAD_MAX: Final = timedelta(seconds=5)


def freshness(age: timedelta, budget: timedelta) -> Freshness:
    """Return how fresh a datum of this age is: late past half of its budget, stale past the whole of it.

    One of the future is stale, for it would be live until its time has come.
    """
    if age > budget or age < -AHEAD_MAX:
        return "stale"
    return "late" if age > budget / 2 else "live"


@record
class Depth:
    """A book next to its touch: levels of (price in the quote, contracts), each side from its best outward.

    `at` is the venue's time of the book's latest change, `received_at` ours. `open_interest` is what everybody holds of
    the instrument by the venue's latest word, in units of the base if linear, of the quote if inverse; none where its
    feed does not hear of it.
    """

    instrument: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    at: datetime
    received_at: datetime
    open_interest: float | None = None


@record
class ChannelHealth:
    """How one kind of messages of a feed does: how many came, how many a second lately, when the last one."""

    messages: int
    messages_per_s: float
    last_message_at: datetime | None


@record
class FeedHealth:
    """How a feed does: what it is connected to, when it last heard something, what went wrong.

    `messages_per_s` is a mean over the last seconds; `counters` are totals since the service began (messages, gaps,
    resyncs, refused, reconnects); `error` is the last one in a sentence, empty while connected; `last_fault` names
    what was refused last, `quarantined` why nothing of it may be used now, `missing` what it has not said for too
    long. `drift_ms` is by how much the source's clock runs ahead of ours, at least (negative: behind, or far away).
    `unproven` is what of its books cannot be proven. `requests_used` of `requests_max` is what the source says of its
    limit on requests, in its own units. What is not known is None.
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
    channels: Mapping[str, ChannelHealth] = field(default_factory=dict)
    last_fault: str = ""
    quarantined: str = ""
    missing: str = ""
    drift_ms: int | None = None
    requests_used: int | None = None
    requests_max: int | None = None
    unproven: str = ""


@record
class RecorderHealth:
    """How the recorder does: since when, what it wrote (rows by kind), what was lost (rows by feed), its last fault."""

    since: datetime
    posted_at: datetime
    written_at: datetime | None
    written: Mapping[str, int]
    lost: Mapping[str, int]
    waiting: int
    error: str


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
