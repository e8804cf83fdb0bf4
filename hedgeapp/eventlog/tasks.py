"""Tasks of the log: its head is signed each minute."""

from datetime import UTC, datetime

import structlog
from celery import shared_task
from django.conf import settings
from django.db import connection

from hedgeapp.eventlog import notary
from hedgeapp.eventlog.read import head

log = structlog.get_logger()


@shared_task
def sign_head() -> None:
    """Sign the log's head to the month's file."""
    connection.ensure_connection()
    found = head(connection.connection)
    if found.seq:
        signed = notary.sign(settings.VAR_DIR, found, datetime.now(UTC))
        log.info("log.head_signed", seq=signed.seq, hash=signed.hash)
