"""Replay: the rows of runs, breaks and anchors built again from the log, in one transaction."""

from collections.abc import Mapping
from typing import Final

import psycopg
from django.db import models, transaction

from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import read_batches
from reconciliation.models import Anchor, BreakRow, Run
from reconciliation.operations.writing import locked
from reconciliation.projections import KINDS, project

TABLES: Final[tuple[type[models.Model], ...]] = (Run, BreakRow, Anchor)


class RowsDiffer(RuntimeError):
    """Live rows are not what the log folds into."""

    def __init__(self, differing: Mapping[str, int]) -> None:
        self.differing = dict(differing)
        found = ", ".join(f"{count} rows of {table}" for table, count in differing.items())
        super().__init__(
            f"live rows equal to the log's expected, found differences in {found}: look into them, then rebuild with "
            "--accept-differences"
        )


def rebuild_rows(*, accept_differences: bool = False) -> dict[str, int]:
    """Build all rows again and return how many there are by table; refuses with RowsDiffer and leaves all as it was.

    Nobody appends meanwhile. Rows of old runs that were let go are there again.
    """
    with transaction.atomic(durable=True):
        locked()
        before = {model: _rows(model) for model in TABLES}
        for model in TABLES:
            model._default_manager.all().delete()
        # A connection of its own: one that reads in batches is busy until the last.
        with psycopg.connect(conninfo(), autocommit=True) as reader:
            for batch in read_batches(reader, kinds=KINDS):
                project(batch)
        after = {model: _rows(model) for model in TABLES}
        # A row of a run that was let go may be missing; one that is there must be the same.
        differing = {
            model._meta.db_table: len(before[model] - after[model]) for model in TABLES if before[model] - after[model]
        }
        if differing and not accept_differences:
            raise RowsDiffer(differing)
    return {model._meta.db_table: len(after[model]) for model in TABLES}


def _rows(model: type[models.Model]) -> set[str]:
    """Return the rows of a table as text, without the number that the database gave them."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname != "id"]
    return {repr(row) for row in model._default_manager.values_list(*names)}
