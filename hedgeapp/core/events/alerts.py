"""Events of alerts: what asked for somebody, who took it, and how it ended.  (records)"""

from datetime import datetime
from typing import Literal

from hedgeapp.core.records import fact

Severity = Literal["notice", "warning", "critical"]


@fact
class AlertOpened:
    """Something asks for a person: `rule` was broken by `subject`; one alert stands for each pair.

    `said` is a sentence with what was expected and found; `evidence` is a path of a page that shows it.
    """

    at: datetime
    alert_id: str
    rule: str
    subject: str
    severity: Severity
    said: str
    evidence: str

    @property
    def key(self) -> str:
        return f"alert-opened:{self.alert_id}"


@fact
class AlertEscalated:
    """Nobody took an alert in time, or it became worse; `level` counts from 1. Whoever took it must take it again."""

    at: datetime
    alert_id: str
    level: int
    severity: Severity
    because: str

    @property
    def key(self) -> str:
        return f"alert-escalated:{self.alert_id}:{self.level}"


@fact
class AlertAcknowledged:
    """A person took the alert."""

    at: datetime
    alert_id: str
    by: str
    note: str

    @property
    def key(self) -> str:
        return f"alert-acknowledged:{self.alert_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class AlertSnoozed:
    """A person wants to hear of the alert again at `until`, not before."""

    at: datetime
    alert_id: str
    by: str
    until: datetime
    note: str

    @property
    def key(self) -> str:
        return f"alert-snoozed:{self.alert_id}:{int(self.at.timestamp() * 1_000_000)}"


@fact
class AlertDelivered:
    """A channel took word of the alert as it stood at a level (0: its opening)."""

    at: datetime
    alert_id: str
    level: int
    channel: str

    @property
    def key(self) -> str:
        return f"alert-delivered:{self.alert_id}:{self.level}:{self.channel}"


@fact
class AlertResolved:
    """What the alert was for is gone."""

    at: datetime
    alert_id: str
    reason: str

    @property
    def key(self) -> str:
        return f"alert-resolved:{self.alert_id}"
