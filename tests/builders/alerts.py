"""The life of one alert, as events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hedgeapp.core.events import Event
from hedgeapp.core.events.alerts import (
    AlertAcknowledged,
    AlertDelivered,
    AlertEscalated,
    AlertOpened,
    AlertResolved,
    AlertSnoozed,
)

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NAME = "feed-feed:x-1"


def opened(name: str = NAME, **given: Any) -> AlertOpened:
    """Return the opening of an alert about a feed."""
    fields: dict[str, Any] = {
        "at": AT,
        "alert_id": name,
        "rule": "feed",
        "subject": "feed:x",
        "severity": "warning",
        "said": "feed:x live expected, found stale",
        "evidence": "/data/",
    }
    return AlertOpened(**{**fields, **given})


def acknowledged(by: str = "ann", at: datetime = AT, name: str = NAME) -> AlertAcknowledged:
    """Return that somebody took it."""
    return AlertAcknowledged(at=at, alert_id=name, by=by, note="looking")


def snoozed(minutes: float, at: datetime = AT, name: str = NAME) -> AlertSnoozed:
    """Return that somebody wants to hear of it later."""
    return AlertSnoozed(at=at, alert_id=name, by="ann", until=at + timedelta(minutes=minutes), note="known")


def escalated(level: int = 1, **given: Any) -> AlertEscalated:
    """Return that nobody took it."""
    fields: dict[str, Any] = {"at": AT, "alert_id": NAME, "level": level, "severity": "warning", "because": "stale"}
    return AlertEscalated(**{**fields, **given})


def resolved(name: str = NAME) -> AlertResolved:
    """Return that it is over."""
    return AlertResolved(at=AT, alert_id=name, reason="feed:x is well again")


def delivered(level: int = 0, channel: str = "webhook", name: str = NAME) -> AlertDelivered:
    """Return that a channel took word of it."""
    return AlertDelivered(at=AT, alert_id=name, level=level, channel=channel)


ALERTS: list[Event] = [opened(), delivered(), escalated(), acknowledged(), snoozed(30), resolved()]
