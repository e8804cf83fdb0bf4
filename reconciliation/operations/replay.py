"""Replay: the rows of runs, breaks and anchors built again from the log, in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import models, transaction

from reconciliation.models import Anchor, BreakRow, DelegationAnchor, HoldingAnchor, Run
from reconciliation.operations.restored import write_again
from reconciliation.operations.runs import KEPT_FOR
from reconciliation.operations.writing import locked

TABLES: Final[tuple[type[models.Model], ...]] = (Run, BreakRow, Anchor, DelegationAnchor, HoldingAnchor)


class RowsDiffer(RuntimeError):
    """Live rows are not what the log folds into."""

    def __init__(self, differing: Mapping[str, int]) -> None:
        self.differing = dict(differing)
        found = ", ".join(f"{count} rows of {table}" for table, count in differing.items())
        super().__init__(
            f"live rows equal to the log's expected, found differences in {found}: look into them, then rebuild with "
            "--accept-differences"
        )


def rebuild_rows(at: datetime, *, accept_differences: bool = False) -> dict[str, int]:
    """Build all rows again and return how many there are by table; refuses with RowsDiffer and leaves all as it was.

    Nobody appends meanwhile. Rows that are gone come back; one that is there must be the same, or of a run so old that
    it is not kept.
    """
    with transaction.atomic(durable=True):
        locked()
        Run.objects.filter(begun_at__lt=at - KEPT_FOR).delete()
        before = {model: _rows(model) for model in TABLES}
        write_again(at)
        after = {model: _rows(model) for model in TABLES}
        differing = {model._meta.db_table: len(before[model] - after[model]) for model in TABLES}
        if any(differing.values()) and not accept_differences:
            raise RowsDiffer({table: count for table, count in differing.items() if count})
    return {model._meta.db_table: len(after[model]) for model in TABLES}


def _rows(model: type[models.Model]) -> set[str]:
    """Return the rows of a table as text, without the number that the database gave them."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname != "id"]
    return {repr(row) for row in model._default_manager.values_list(*names)}
