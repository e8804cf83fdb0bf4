"""Alerts: those that stand, the worst first, and the latest that are over."""

from datetime import datetime
from typing import Final

from hedgeapp.core.events.alerts import Severity
from hedgeapp.core.records import record
from portfolio.core.alert_rules import advice
from portfolio.core.alert_watch import NO_DATA
from portfolio.core.alerts import SEVERITIES, SNOOZE_MAX, Alert, State
from portfolio.queries.books import FOLLOWING
from portfolio.queries.past import Moment
from portfolio.queries.past_frames import past_book

RESOLVED_SHOWN: Final = 20
SNOOZES_MIN: Final = (10, 30, 120, 1440)  # minutes that are offered, as far as the severity allows
STATES: Final[dict[State, int]] = {"open": 0, "acknowledged": 1, "snoozed": 2, "resolved": 3}
LEVELS: Final[dict[Severity, str]] = {"notice": "idle", "warning": "warn", "critical": "bad"}


@record
class AlertLine:
    """An alert as a person reads it: what to do about it, and for how many minutes it may be quiet."""

    alert: Alert
    state: State
    level: str
    advice: str
    snoozes_min: tuple[int, ...]


@record
class AlertList:
    """All that stand, and the latest that are over; `open_count` waits for somebody."""

    standing: tuple[AlertLine, ...]
    over: tuple[AlertLine, ...]
    open_count: int


def alert_list(at: datetime) -> AlertList:
    """Return the alerts as of the log's head: open ones first, then by severity, the oldest first."""
    with FOLLOWING.held() as book:
        standing, over = tuple(book.alerts), tuple(book.alerts.resolved)
    return _listed(standing, over, at)


def past_alerts(moment: Moment) -> AlertList:
    """Return the alerts as they stood at a moment."""
    alerts = past_book(moment).alerts
    return _listed(tuple(alerts), tuple(alerts.resolved), moment.at)


def _listed(standing: tuple[Alert, ...], over: tuple[Alert, ...], at: datetime) -> AlertList:
    lines = sorted((_line(one, at) for one in standing), key=_place)
    return AlertList(
        standing=tuple(lines),
        over=tuple(_line(one, at) for one in reversed(over[-RESOLVED_SHOWN:])),
        open_count=sum(line.state == "open" for line in lines),
    )


def _line(alert: Alert, at: datetime) -> AlertLine:
    most = SNOOZE_MAX[alert.severity].total_seconds() / 60
    rule = alert.opened.rule
    return AlertLine(
        alert=alert,
        state=alert.state(at),
        level=LEVELS[alert.severity],
        advice=advice(rule),
        snoozes_min=tuple(minutes for minutes in SNOOZES_MIN if minutes <= most),
    )


def _place(line: AlertLine) -> tuple[int, int, bool, datetime]:
    alert = line.alert
    return STATES[line.state], -SEVERITIES[alert.severity], alert.opened.rule == NO_DATA, alert.opened.at
