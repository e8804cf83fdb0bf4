"""Events of feeds: when a source came, went, or was caught with a gap.  (records)"""

from datetime import datetime
from typing import Literal

from hedgeapp.core.records import fact

FeedState = Literal["live", "stale", "disconnected"]


@fact
class FeedStateChanged:
    """A feed changed its state; `reason` is a sentence for the desk."""

    at: datetime
    feed: str
    state: FeedState
    reason: str

    @property
    def key(self) -> str:
        return f"feed:{self.feed}:{self.state}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class ServiceTaken:
    """A worker took a service over under a new epoch; anything an older epoch writes from now on is refused."""

    at: datetime
    service: str
    epoch: int
    holder: str

    @property
    def key(self) -> str:
        return f"service:{self.service}:{self.epoch}"
