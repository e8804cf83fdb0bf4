"""Calls: word of alerts that wait for somebody, to a webhook and by e-mail, again until it is taken."""

import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection

from portfolio.core.alert_rules import advice
from portfolio.core.alerts import Alert, undelivered
from portfolio.operations.alerts import LogIsBusy, note_delivered
from portfolio.queries.books import FOLLOWING

CALLS_MAX: Final = 20  # of one run; the next comes in seconds
TIMEOUT_S: Final = 5.0
LOCK: Final = 7_201_968  # advisory lock: one run at a time in the whole fleet

log = structlog.get_logger()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Let an answer that points elsewhere be a failure: whoever is there has not taken the word."""

    def redirect_request(self, *_: Any) -> None:
        """Return no request."""


_open: Final = urllib.request.build_opener(_NoRedirects).open


@shared_task(name="portfolio.tasks.call")
def call() -> int:
    """Send what must still go out and return how much did; what fails is tried again by the next run."""
    channels = _channels()
    if not channels:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        try:
            return _sent(channels)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _sent(channels: dict[str, Callable[[Alert], None]]) -> int:
    with FOLLOWING.held() as book:
        due = undelivered(tuple(book.alerts), channels, datetime.now(UTC))
    count = 0
    for alert, channel in due[:CALLS_MAX]:
        try:
            channels[channel](alert)
            note_delivered(alert, channel, at=datetime.now(UTC))
        except (OSError, ValueError, LogIsBusy) as error:  # smtplib's errors are OSErrors, those of URLs too
            log.warning("call.failed", channel=channel, alert=alert.alert_id, error=repr(error))
        else:
            count += 1
            log.info("call.delivered", channel=channel, alert=alert.alert_id)
    return count


def _channels() -> dict[str, Callable[[Alert], None]]:
    found: dict[str, Callable[[Alert], None]] = {}
    if settings.ALERT_WEBHOOK:
        found["webhook"] = _post
    if settings.ALERT_EMAIL:
        found["email"] = _mail
    return found


def _post(alert: Alert) -> None:
    body = msgspec.json.encode(_word(alert))
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(settings.ALERT_WEBHOOK, data=body, headers=headers, method="POST")
    with _open(asked, timeout=TIMEOUT_S):  # raises on anything but 2xx
        pass


def _mail(alert: Alert) -> None:
    told = _word(alert)
    text = "\n".join(f"{name}: {value}" for name, value in told.items())
    subject = f"[{settings.ENVIRONMENT.hedgeapp_env}] {alert.severity}: {alert.opened.rule} {alert.opened.subject}"
    EmailMessage(subject=subject[:200], body=text, to=settings.ALERT_EMAIL).send()


def _word(alert: Alert) -> dict[str, Any]:
    return {
        "environment": settings.ENVIRONMENT.hedgeapp_env,
        "alert_id": alert.alert_id,
        "rule": alert.opened.rule,
        "subject": alert.opened.subject,
        "severity": alert.severity,
        "level": alert.level,
        "since": alert.opened.at,
        "said": alert.said,
        "advice": advice(alert.opened.rule),
        "evidence": alert.opened.evidence,
    }
