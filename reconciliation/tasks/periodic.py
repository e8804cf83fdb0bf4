"""Periodic tasks: runs that are due, each as a task of its own, so that a slow venue holds up only its own."""

from datetime import UTC, datetime
from typing import Final, cast

import structlog
from celery import shared_task
from django.db import close_old_connections

from hedgeapp.core.events.breaks import Trigger
from reconciliation.operations import runs
from reconciliation.queries.due import due

QUEUE: Final = "reconciliation"
EXPIRES_S: Final = 30.0  # a run that waited longer is due again by itself

log = structlog.get_logger()


@shared_task(name="reconciliation.tasks.reconcile_due")
def reconcile_due() -> None:
    """Ask for a run of each subject that is due; one that runs already is left to its run."""
    for subject, trigger in due(datetime.now(UTC)):
        reconcile_subject.apply_async(args=(subject, trigger), queue=QUEUE, expires=EXPIRES_S)


@shared_task(name="reconciliation.tasks.reconcile_subject")
def reconcile_subject(subject: str, trigger: str) -> None:
    """Compare one subject."""
    # Not above: only the workers that compare load the venues' client.
    from reconciliation.running import reconcile

    try:
        outcome = reconcile(subject, cast(Trigger, trigger))
    finally:
        close_old_connections()
    log.info("run.done", subject=subject, outcome=outcome)


@shared_task(name="reconciliation.tasks.prune_runs")
def prune_runs() -> None:
    """Let go of rows of old runs."""
    log.info("runs.pruned", count=runs.prune_runs(datetime.now(UTC)))
