"""Events of suspension: an instrument on which no new risk is taken, why, and who or what let it go on.  (records)"""

from datetime import datetime
from typing import Literal

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import fact

# What an instrument is suspended for: each of these stands once at a time for it.
SuspensionCause = Literal[
    "specification",  # the venue's own word on it contradicts the catalogue: a person releases it
    "divergence",  # its prices are too far from what others say
    "latency",  # its prices come too late
    "person",  # somebody wanted it so
]


@fact
class InstrumentSuspended:
    """New risk on an instrument stopped; `offered` is the specification that contradicts ours, where that is why."""

    at: datetime
    instrument: str
    cause: SuspensionCause
    by: str
    reason: str
    offered: Instrument | None = None

    @property
    def key(self) -> str:
        return f"instrument-suspended:{self.instrument}:{self.cause}:{self.at:%Y%m%dT%H%M%S.%f}"


@fact
class InstrumentReleased:
    """One cause of a suspension ended; `by` is a person, or the engine where its cause was gone for long enough."""

    at: datetime
    instrument: str
    cause: SuspensionCause
    by: str
    reason: str

    @property
    def key(self) -> str:
        return f"instrument-released:{self.instrument}:{self.cause}:{self.at:%Y%m%dT%H%M%S.%f}"


SuspensionEvent = InstrumentSuspended | InstrumentReleased
