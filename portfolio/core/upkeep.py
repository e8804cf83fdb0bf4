"""Upkeep: what keeps the system itself going, and what is wrong with it.  Upkeep x at -> readings

A service without a holder does nothing and says nothing: only whoever looks from outside can tell. The same holds for
the log's second store.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.events.alerts import Severity
from hedgeapp.core.records import record
from portfolio.core.alert_watch import Reading, Verdict
from portfolio.core.forced_fills import ForcedFills
from portfolio.core.rests import RestState
from portfolio.core.scenarios.standing import StandingRun

HEARTBEAT_AGE_MAX: Final = timedelta(seconds=10)  # a holder that is silent for longer calls somebody
UPKEEP_AGE_MAX: Final = timedelta(seconds=30)  # what was looked up longer ago says nothing of now
EVIDENCE: Final = "/data/#services"
SINK: Final = "sink"  # the subject of the second store


@record
class ServiceState:
    """A service that ought to run: who holds it under which epoch, and for how long the holder has been silent.

    `silent_for` is None when nobody ever held it.
    """

    name: str
    holder: str
    epoch: int
    is_held: bool
    silent_for: timedelta | None

    @property
    def because(self) -> str:
        """Say what is wrong with it; empty when it runs."""
        if self.silent_for is None or not self.is_held:
            return "nobody holds it"
        if self.silent_for > HEARTBEAT_AGE_MAX:
            return f"its holder {self.holder} has been silent for {self.silent_for.total_seconds():.0f} s"
        return ""


@record
class SinkState:
    """The log's second store: how far behind the log, `because` is what is wrong with it, empty when nothing is."""

    url: str
    events: int
    seconds: float
    stored_at: datetime | None
    because: str


@record
class Upkeep:
    """The services and the second store as they were at a time; `rest` is None until a minute is attributed.

    `standing` is what standing scenarios came to last, `forced` what venues forced within the hour.
    """

    at: datetime
    services: tuple[ServiceState, ...]
    sink: SinkState
    rest: RestState | None = None
    standing: tuple[StandingRun, ...] = ()
    forced: tuple[ForcedFills, ...] = ()


def upkeep_readings(upkeep: Upkeep | None, at: datetime) -> Iterator[Reading]:
    """Yield a reading for each service and for the second store; they are not known when nobody could look."""
    if upkeep is None or at - upkeep.at > UPKEEP_AGE_MAX:
        since = "ever" if upkeep is None else f"since {upkeep.at:%H:%M:%S} UTC"
        said = f"a look at the services within {UPKEEP_AGE_MAX.total_seconds():g} s expected, found none {since}"
        yield _reading("service", "all services", "no_data", "critical", said, is_starting=upkeep is None)
        return
    for one in upkeep.services:
        said = f"service {one.name} held by a worker expected, found: {one.because}"
        yield _reading("service", one.name, "ill" if one.because else "well", "critical", said)
    because = upkeep.sink.because
    yield _reading("sink", SINK, "ill" if because else "well", "critical", f"second store: {because}")


def _reading(
    rule: str, subject: str, verdict: Verdict, severity: Severity, said: str, *, is_starting: bool = False
) -> Reading:
    return Reading(
        rule=rule,
        subject=subject,
        verdict=verdict,
        severity=severity,
        said=said,
        evidence=EVIDENCE,
        is_starting=is_starting,
    )
