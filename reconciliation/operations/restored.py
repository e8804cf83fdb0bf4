"""Restored: the rows of runs, breaks and anchors written again from their events, after the log was restored."""

from datetime import datetime

from django.db import connection, transaction

from hedgeapp.core.events.breaks import RunBegun, RunEnded
from hedgeapp.eventlog.read import read
from reconciliation.models import Anchor, BreakRow, DelegationAnchor, HoldingAnchor, Run
from reconciliation.operations.runs import KEPT_FOR
from reconciliation.operations.writing import locked
from reconciliation.projections import KINDS, project


def rebuild(*, at: datetime) -> int:
    """Write all rows anew, runs as old as are kept, in one transaction; return how many events they are made of."""
    with transaction.atomic(durable=True):
        return write_again(at)


def write_again(at: datetime) -> int:
    """Do it in the caller's transaction."""
    locked()
    recorded = list(read(connection.connection, kinds=KINDS))
    kept = [one for one in recorded if not isinstance(one.event, RunBegun | RunEnded) or one.event.at >= at - KEPT_FOR]
    for model in (Run, BreakRow, Anchor, DelegationAnchor, HoldingAnchor):
        model.objects.all().delete()
    project(kept)
    return len(kept)
