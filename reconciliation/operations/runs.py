"""Runs: begun, concluded, or failed; each leaves an event, whatever came of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from hedgeapp.core.differences import Compared
from hedgeapp.core.events import Event
from hedgeapp.core.events.anchors import DelegationAnchored, HoldingAnchored, LeverageAnchored, RebaseTaken
from hedgeapp.core.events.breaks import BalanceAnchored, RunBegun, RunEnded, Trigger
from reconciliation import models
from reconciliation.core.grades import Limits
from reconciliation.core.runs import Run, conclusions
from reconciliation.operations.writing import locked, watched, with_blocking, written

SAID_LENGTH_MAX: Final = 1_000  # characters
KEPT_FOR: Final = timedelta(days=30)  # rows of runs; their events stay

log = structlog.get_logger()


def begin_run(subject: str, trigger: Trigger, at: datetime) -> str:
    """Write that a run of a subject begins and return its id. Refuses with LogIsBusy."""
    run_id = f"{subject}@{at:%Y%m%dT%H%M%S.%f}"
    with transaction.atomic(durable=True):
        locked()
        written([RunBegun(at=at, run_id=run_id, subject=subject, trigger=trigger)], at)
    return run_id


def conclude_run(
    run: Run,
    *,
    compared: Sequence[Compared],
    anchors: Sequence[BalanceAnchored | LeverageAnchored | DelegationAnchored | HoldingAnchored | RebaseTaken],
    log_seq: int,
    said: str,
    bounds: Limits,
) -> int:
    """Write what a run found and that it ended; return how many breaks of its subject are open.

    The breaks are read under the log's lock, so that nobody acts on them meanwhile. Refuses with LogIsBusy.
    """
    with transaction.atomic(durable=True):
        locked()
        breaks = watched(finding.break_id for finding in run.findings)
        events: list[Event] = [*anchors, *with_blocking(conclusions(run, breaks, bounds), breaks, run.at)]
        ended = RunEnded(
            at=run.at,
            run_id=run.run_id,
            subject=run.subject,
            outcome="differing" if run.findings else "clean" if run.kinds else "failed",
            log_seq=log_seq,
            compared=tuple(compared),
            said=said[:SAID_LENGTH_MAX],
        )
        written([*events, ended], run.at)
    open_now = sum(one.is_open for one in breaks if one.difference.subject == run.subject)
    log.info("run.ended", run=run.run_id, outcome=ended.outcome, differing=len(run.findings), open_breaks=open_now)
    return open_now


def fail_run(run_id: str, subject: str, said: str, at: datetime) -> None:
    """Write that a run could compare nothing; no difference is seen or gone by it. Refuses with LogIsBusy."""
    ended = RunEnded(
        at=at, run_id=run_id, subject=subject, outcome="failed", log_seq=0, compared=(), said=said[:SAID_LENGTH_MAX]
    )
    with transaction.atomic(durable=True):
        locked()
        written([ended], at)
    log.warning("run.failed", run=run_id, said=said)


def prune_runs(at: datetime) -> int:
    """Delete rows of runs older than KEPT_FOR and return how many; the log keeps what they were."""
    deleted, _ = models.Run.objects.filter(begun_at__lt=at - KEPT_FOR).delete()
    return deleted
