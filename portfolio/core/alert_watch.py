"""Alert watch: when an alert opens, escalates and is over.  readings x Alerts x at -> events

A reading says of one rule and subject whether it is well, ill, or not known. What is not known is an alert of its own,
and never the end of another: a number that is missing proves nothing. A fault must stand for a while before it opens an
alert and be gone for longer before that is over, so that what flickers is one alert. What has just begun neither opens
nor ends an alert, for `STARTING` at most.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from hedgeapp.core.events.alerts import AlertEscalated, AlertOpened, AlertResolved, Severity
from hedgeapp.core.records import record
from portfolio.core.alerts import SEVERITIES, Alert, Alerts
from portfolio.core.starting import STARTING

Verdict = Literal["well", "ill", "no_data"]
Pair = tuple[str, str]

NO_DATA: Final = "no_data"  # the rule of alerts about what is not known; its subject names the rule that waits
OPEN_AFTER: Final[Mapping[Severity, timedelta]] = {
    "notice": timedelta(seconds=10),
    "warning": timedelta(seconds=5),
    "critical": timedelta(seconds=1),
}
RESOLVE_AFTER: Final = timedelta(seconds=30)
ESCALATE_AFTER: Final[Mapping[Severity, timedelta]] = {
    "notice": timedelta(hours=24),
    "warning": timedelta(minutes=30),
    "critical": timedelta(minutes=5),
}
LEVEL_MAX: Final = 3  # who has not come by then is not called again by this alert
SAID_MAX: Final = 500  # characters of a sentence


@record
class Reading:
    """What a rule says of a subject now; `said` and `evidence` are for whoever is called.

    `is_starting` is whether it rests on a source that has just begun.
    """

    rule: str
    subject: str
    verdict: Verdict
    severity: Severity
    said: str
    evidence: str
    is_starting: bool = False

    @property
    def pair(self) -> Pair:
        return self.rule, self.subject


@record
class Watch:
    """Since when each pair is ill, well again, or starting; what is remembered from step to step."""

    ill: Mapping[Pair, datetime] = field(default_factory=dict)
    well: Mapping[Pair, datetime] = field(default_factory=dict)
    starting: Mapping[Pair, datetime] = field(default_factory=dict)


AlertDecision = AlertOpened | AlertEscalated | AlertResolved


def decided(
    alerts: Alerts, readings: Iterable[Reading], before: Watch, at: datetime
) -> tuple[tuple[AlertDecision, ...], Watch]:
    """Return the events that ought to be in the log now, and what to remember until the next step."""
    found = _with_absences(readings)
    starting = {pair: min(before.starting.get(pair, at), at) for pair, one in found.items() if one.is_starting}
    calm = {pair for pair, since in starting.items() if at - since < STARTING}
    waits = calm | {one.pair for one in found.values() if one.verdict == "no_data"}
    now_ill = [pair for pair, one in found.items() if one.verdict == "ill" and pair not in calm]
    ill = {pair: min(before.ill.get(pair, at), at) for pair in now_ill}  # our clock may have been set back
    standing = {alert.pair for alert in alerts}
    well = {pair: min(before.well.get(pair, at), at) for pair in standing - ill.keys() - waits}
    events: list[AlertDecision] = []
    for pair, since in ill.items():
        reading, alert = found[pair], alerts.of(*pair)
        if alert is None:
            if at - since >= OPEN_AFTER[reading.severity]:
                events.append(_opened(reading, at))
        elif (escalated := _escalated(alert, reading, at)) is not None:
            events.append(escalated)
    for pair, since in well.items():
        alert = alerts.of(*pair)
        if alert is not None and at - since >= RESOLVE_AFTER:
            reason = "is well again" if pair in found else "is no longer watched"
            events.append(AlertResolved(at=at, alert_id=alert.alert_id, reason=f"{pair[1]} {reason}"))
    return tuple(events), Watch(ill=ill, well=well, starting=starting)


def _with_absences(readings: Iterable[Reading]) -> dict[Pair, Reading]:
    """Return readings by their pairs, the worse of two of one pair, and one for each that is not known."""
    found: dict[Pair, Reading] = {}
    for one in readings:
        other = found.get(one.pair)
        if other is None or _badness(one) > _badness(other):
            found[one.pair] = one
    for one in tuple(found.values()):
        verdict: Verdict = "ill" if one.verdict == "no_data" else "well"
        absent = replace(one, rule=NO_DATA, subject=f"{one.rule} of {one.subject}", verdict=verdict, severity="warning")
        found[absent.pair] = absent
    return found


def _badness(one: Reading) -> tuple[int, int]:
    return ("well", "no_data", "ill").index(one.verdict), SEVERITIES[one.severity]


def _opened(reading: Reading, at: datetime) -> AlertOpened:
    return AlertOpened(
        at=at,
        alert_id=f"{reading.rule}-{reading.subject}-{at:%Y%m%dT%H%M%S.%f}".replace(" ", "_").replace("/", "_"),
        rule=reading.rule,
        subject=reading.subject,
        severity=reading.severity,
        said=reading.said[:SAID_MAX],
        evidence=reading.evidence,
    )


def _escalated(alert: Alert, reading: Reading, at: datetime) -> AlertEscalated | None:
    """Return the escalation of an alert that became worse, or that nobody took in time."""
    level, said = alert.level + 1, reading.said[:SAID_MAX]
    if SEVERITIES[reading.severity] > SEVERITIES[alert.severity]:
        return AlertEscalated(at=at, alert_id=alert.alert_id, level=level, severity=reading.severity, because=said)
    if alert.level >= LEVEL_MAX or alert.state(at) != "open":
        return None
    # A snooze that ended begins the time anew.
    since = alert.raised_at if alert.snoozed is None else max(alert.raised_at, alert.snoozed.until)
    if at - since < ESCALATE_AFTER[alert.severity]:
        return None
    return AlertEscalated(at=at, alert_id=alert.alert_id, level=level, severity=alert.severity, because=said)
