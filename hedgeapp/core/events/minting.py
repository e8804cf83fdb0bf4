"""Events of minting: when mint and redeem stopped, why, and who let them go on.  (records)"""

from datetime import datetime
from typing import Literal

from hedgeapp.core.records import fact

# What a pause is for: one of these stands once at a time.
PauseCause = Literal["person", "halt", "price", "feed", "margin", "net_delta"]
# Who ends it: the engine when its cause is gone and stays gone, one person with the right to, or two of them.
ResumedBy = Literal["engine", "one", "two"]


@fact
class MintingPaused:
    """Mint and redeem stopped; `by` is a person or the engine, `resumed_by` says who may let them go on."""

    at: datetime
    pause_id: str
    cause: PauseCause
    by: str
    reason: str
    resumed_by: ResumedBy

    @property
    def key(self) -> str:
        return f"minting-paused:{self.pause_id}"


@fact
class MintingResumeAsked:
    """The first of two people wants a pause to end."""

    at: datetime
    pause_id: str
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"minting-resume-asked:{self.pause_id}:{self.by}"


@fact
class MintingResumed:
    """A pause ended; `asked_by` is the first of two people, empty where one was enough or the engine ended it."""

    at: datetime
    pause_id: str
    by: str
    reason: str
    asked_by: str = ""

    @property
    def key(self) -> str:
        return f"minting-resumed:{self.pause_id}"
