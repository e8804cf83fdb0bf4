"""Early fills: those that the log took before the word whose order they are.  (records)"""

from datetime import datetime

from hedgeapp.core.events.trading import FillRecorded
from hedgeapp.core.records import record

OrderKey = tuple[str, str, str]  # account, instrument and the venue's id of an order


@record
class EarlyFill:
    """A fill that waits for its order's word, and when the log took it."""

    fill: FillRecorded
    recorded_at: datetime


def order_key(fill: FillRecorded) -> OrderKey:
    """Return what tells a fill's order from others: a venue's ids do so within an instrument, not within an account."""
    return fill.account, fill.instrument, fill.venue_order_id
