"""Alerts: what asks for a person, who took it, until when it is quiet.  event x Alerts -> Alerts

One alert stands for each rule and subject, from its opening until what it was for is gone. A person acknowledges it, or
lets it be quiet for a time; when it escalates, both end and somebody must take it again.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

from hedgeapp.core.events.alerts import (
    AlertAcknowledged,
    AlertDelivered,
    AlertEscalated,
    AlertOpened,
    AlertResolved,
    AlertSnoozed,
    Severity,
)
from hedgeapp.core.records import record

AlertEvent = AlertOpened | AlertEscalated | AlertAcknowledged | AlertSnoozed | AlertDelivered | AlertResolved
State = Literal["open", "acknowledged", "snoozed", "resolved"]

SEVERITIES: Final[dict[Severity, int]] = {"notice": 0, "warning": 1, "critical": 2}
# How long an alert may be quiet at a person's word.
SNOOZE_MAX: Final[dict[Severity, timedelta]] = {
    "notice": timedelta(days=7),
    "warning": timedelta(hours=24),
    "critical": timedelta(minutes=30),
}
DELIVERY_MAX: Final = timedelta(hours=1)  # word that could not go out for so long is given up
RESOLVED_KEPT: Final = 200  # the latest that are over


@record
class Alert:
    """An alert as it stands; `severity` and `said` are of its opening or of what made it worse since.

    `delivered` are the channels that took word of it at its level.
    """

    opened: AlertOpened
    seq: int
    severity: Severity
    said: str
    level: int = 0
    raised_at: datetime
    acknowledged: AlertAcknowledged | None = None
    snoozed: AlertSnoozed | None = None
    resolved: AlertResolved | None = None
    delivered: tuple[str, ...] = ()

    @property
    def alert_id(self) -> str:
        return self.opened.alert_id

    @property
    def pair(self) -> tuple[str, str]:
        """What there is one alert for at a time."""
        return self.opened.rule, self.opened.subject

    def state(self, at: datetime) -> State:
        """Return how it stands at a time; when a snooze is over, it is open again."""
        if self.resolved is not None:
            return "resolved"
        if self.snoozed is not None and at < self.snoozed.until:
            return "snoozed"
        return "acknowledged" if self.acknowledged is not None and self.snoozed is None else "open"


class Alerts:
    """The alerts that stand, by id, and the latest that are over. Mutable, owned by a book."""

    __slots__ = ("_of_id", "_of_pair", "resolved")

    def __init__(self, alerts: Iterable[Alert] = (), resolved: Iterable[Alert] = ()) -> None:
        self._of_id = {alert.alert_id: alert for alert in alerts}
        self._of_pair = {alert.pair: alert.alert_id for alert in self._of_id.values()}
        self.resolved: deque[Alert] = deque(resolved, maxlen=RESOLVED_KEPT)

    def __iter__(self) -> Iterator[Alert]:
        return iter(self._of_id.values())

    def __len__(self) -> int:
        return len(self._of_id)

    def get(self, alert_id: str) -> Alert | None:
        """Return an alert that stands."""
        return self._of_id.get(alert_id)

    def of(self, rule: str, subject: str) -> Alert | None:
        """Return the alert that stands for a rule and a subject."""
        return self._of_id.get(self._of_pair.get((rule, subject), ""))

    def apply(self, event: AlertEvent, seq: int) -> str:
        """Fold an event; return a sentence where it contradicts what is known, else nothing."""
        if isinstance(event, AlertOpened):
            return self._open(event, seq)
        alert = self._of_id.get(event.alert_id)
        if alert is None:
            return f"{type(event).__name__} of an alert that does not stand: {event.alert_id}"
        match event:
            case AlertEscalated():
                return self._escalate(alert, event)
            case AlertAcknowledged():
                self._of_id[alert.alert_id] = replace(alert, acknowledged=event, snoozed=None)
            case AlertSnoozed():
                if said := too_long(alert, event.at, event.until):
                    return f"{said}: {alert.alert_id} is not quiet"
                self._of_id[alert.alert_id] = replace(alert, snoozed=event, acknowledged=None)
            case AlertDelivered():
                if event.level == alert.level and event.channel not in alert.delivered:
                    channels = (*alert.delivered, event.channel)
                    self._of_id[alert.alert_id] = replace(alert, delivered=channels)
            case AlertResolved():
                del self._of_id[alert.alert_id]
                del self._of_pair[alert.pair]
                self.resolved.append(replace(alert, resolved=event))
            case _:
                assert_never(event)
        return ""

    def _open(self, event: AlertOpened, seq: int) -> str:
        pair = event.rule, event.subject
        if pair in self._of_pair:
            return f"one alert for {event.rule} of {event.subject} expected, found {self._of_pair[pair]} standing"
        self._of_id[event.alert_id] = Alert(
            opened=event, seq=seq, severity=event.severity, said=event.said, raised_at=event.at
        )
        self._of_pair[pair] = event.alert_id
        return ""

    def _escalate(self, alert: Alert, event: AlertEscalated) -> str:
        if event.level != alert.level + 1:
            return f"escalation {alert.level + 1} of {alert.alert_id} expected, found {event.level}"
        self._of_id[alert.alert_id] = replace(
            alert,
            level=event.level,
            severity=event.severity,
            said=event.because,
            raised_at=event.at,
            acknowledged=None,
            snoozed=None,
            delivered=(),
        )
        return ""


def undelivered(alerts: Iterable[Alert], channels: Iterable[str], at: datetime) -> tuple[tuple[Alert, str], ...]:
    """Return the word that must still go out: of alerts that wait for somebody, not long ago, and by which channel."""
    wanted = tuple(channels)
    return tuple(
        (alert, channel)
        for alert in alerts
        if alert.state(at) == "open" and at - alert.raised_at < DELIVERY_MAX and alert.severity != "notice"
        for channel in wanted
        if channel not in alert.delivered
    )


def too_long(alert: Alert, at: datetime, until: datetime) -> str:
    """Return why an alert may not be quiet until a time; empty when it may."""
    most = SNOOZE_MAX[alert.severity]
    if at < until <= at + most:
        return ""
    found = f"{(until - at).total_seconds() / 60:g} min"
    return f"a snooze of at most {most.total_seconds() / 60:g} min of a {alert.severity} alert expected, found {found}"
