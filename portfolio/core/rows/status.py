"""Rows of status: headlines, feeds, events and faults.  (records)"""

from datetime import datetime
from typing import Literal

from hedgeapp.core.records import record
from portfolio.core.figures import Figure

Health = Literal["good", "warning", "bad", "unknown"]
FeedCondition = Literal["live", "late", "stale", "quarantined", "disconnected", "unknown"]


@record
class Kpi:
    """A headline number: `key` for the cell's id, `unit` for the header, `health` for its color and word."""

    key: str
    label: str
    figure: Figure
    unit: str
    detail: str
    health: Health


@record
class FeedRow:
    """How one source of facts does.

    `age_s` is the age of its last message, with the state that its budget gives; counters are since the service began.
    """

    feed: str
    condition: FeedCondition
    age_s: Figure
    last_message_at: datetime | None
    messages_per_s: float
    messages: int
    gaps: int
    resyncs: int
    refused: int
    reconnects: int
    because: str


@record
class EventRow:
    """An event in one sentence."""

    seq: int
    at: datetime
    recorded_at: datetime
    kind: str
    sentence: str


@record
class Fault:
    """An event that the book could not place, and how often: kept, shown, and gone when what it lacks arrives.

    `subject` is what is missing or wrong; `seq` and `at` are of the latest such event.
    """

    seq: int
    at: datetime
    kind: str
    because: str
    subject: str = ""
    count: int = 1
