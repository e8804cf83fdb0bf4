"""Breaks in a database of a test: written as runs write them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from hedgeapp.core.differences import Compared, Difference, DifferenceKind, Evidence
from hedgeapp.core.events import Event
from reconciliation.core.breaks import break_id
from reconciliation.core.grades import Limits
from reconciliation.core.runs import Finding, Run
from reconciliation.operations.runs import begin_run, conclude_run
from reconciliation.operations.writing import locked, written
from tests.builders.breaks import SUBJECT

BOUNDS = Limits()


def told(*events: Event, at: datetime) -> None:
    """Append events and write the rows of those that are of reconciliation."""
    with transaction.atomic(durable=True):
        locked()
        written(events, at)


def seen(
    *differences: Difference,
    at: datetime,
    facts: Sequence[Evidence] = (),
    kinds: Sequence[DifferenceKind] = ("balance", "fill", "position"),
) -> None:
    """Conclude a run that found these differences and no others."""
    run_id = begin_run(SUBJECT, "schedule", at)
    findings = tuple(Finding(difference=one, facts=tuple(facts), because="they list it") for one in differences)
    conclude_run(
        Run(run_id=run_id, subject=SUBJECT, at=at, kinds=tuple(kinds), findings=findings),
        compared=[Compared(kind="balance", ours=3, theirs=4, differing=len(differences), digest="ab")],
        anchors=(),
        log_seq=1,
        said="",
        bounds=BOUNDS,
    )


def found(*differences: Difference, at: datetime, facts: Sequence[Evidence] = ()) -> list[str]:
    """Let differences outlive their grace; return the ids of their breaks."""
    seen(*differences, at=at, facts=facts)
    seen(*differences, at=at + timedelta(seconds=60), facts=facts)
    return [break_id(one.subject, one.kind, one.item) for one in differences]
