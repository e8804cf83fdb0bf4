"""Calls: word of alerts that wait for somebody, and of moves to those who could approve, again until it is taken."""

import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.urls import reverse

from portfolio.core.alert_rules import advice
from portfolio.core.alerts import Alert, undelivered
from portfolio.operations.alerts import LogIsBusy, note_delivered
from portfolio.operations.moves.calls import note_called
from portfolio.queries.books import FOLLOWING
from portfolio.queries.move_calls import MoveCall, due_calls

CALLS_MAX: Final = 20  # of one run; the next comes in seconds
TIMEOUT_S: Final = 5.0
LOCK: Final = 7_201_968  # advisory lock: one run at a time in the whole fleet
APPROVERS_LOCK: Final = 7_201_969  # the same for word of moves
EMAIL: Final = "email"

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
    with _alone(LOCK) as is_alone:
        return _sent(channels) if is_alone else 0


@shared_task(name="portfolio.tasks.call_approvers")
def call_approvers() -> int:
    """Mail each who could approve a move that waits, once; return how many were; the next run tries the others again.

    Whoever could not be reached holds up nobody: he is passed over until the next run.
    """
    if not settings.MOVE_EMAIL:
        return 0
    with _alone(APPROVERS_LOCK) as is_alone:
        return _mailed() if is_alone else 0


@contextmanager
def _alone(lock: int) -> Iterator[bool]:
    """Tell whether no other run of the fleet holds a lock, and hold it meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        is_alone = bool(cursor.fetchone()[0])
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


def _mailed() -> int:
    count, attempts, unreached = 0, 0, set[str]()
    for due in due_calls(EMAIL, datetime.now(UTC)):
        if due.person in unreached:
            continue
        if attempts == CALLS_MAX:
            break
        attempts += 1
        try:
            _mail_approver(due)
            note_called(due.person, due.move_id, EMAIL, at=datetime.now(UTC))
        except (OSError, ValueError, LogIsBusy) as error:
            unreached.add(due.person)
            log.warning("approver.not_called", person=due.person, move=due.move_id, error=repr(error))
        else:
            count += 1
            log.info("approver.called", person=due.person, move=due.move_id)
    return count


def _mail_approver(due: MoveCall) -> None:
    link = settings.PASSKEY_ORIGIN + reverse("portfolio:move", args=[due.move_id])
    text = (
        f"A collateral move waits for your word: {due.sentence}.\n"
        f"{due.missing.capitalize()} must agree yet; it expires at {due.expires_at:%Y-%m-%d %H:%M} UTC.\n\n{link}\n\n"
        "Decide there, with your passkey. No answer to this mail decides anything.\n"
    )
    subject = f"[{settings.ENVIRONMENT.hedgeapp_env}] A move waits for your word: {due.sentence}"
    EmailMessage(subject=subject[:200], body=text, to=[due.address]).send()


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
        found[EMAIL] = _mail
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
