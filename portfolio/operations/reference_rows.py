"""Reference rows, built again from the log's events by the projection that the catalogue's operations use."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from hedgeapp.core.events import Event
from marketdata import projections
from marketdata.core.catalogue import is_reference
from marketdata.projections import Projection, projection

Rows = tuple[str, Sequence[str], list[Sequence[Any]]]


class ReferenceRows:
    """The latest projection of each row of reference data."""

    TABLES: ClassVar[list[str]] = [model._meta.db_table for model in projections.TABLES]

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], Projection] = {}

    def apply(self, event: Event) -> None:
        """Take an event; those of other kinds change nothing."""
        if is_reference(event):
            to = projection(event)
            self._latest[to.model._meta.db_table, to.key] = to

    def rows(self) -> Iterator[Rows]:
        """Yield each table's name, columns and rows."""
        found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in self.TABLES}
        for (table, key), to in self._latest.items():
            primary = str(to.model._meta.pk.column)
            found[table].append({primary: key, **to.columns})
            for children in to.children:
                found[children.model._meta.db_table] += children.rows
        for table, rows in found.items():
            if rows:
                columns = list(rows[0])
                yield table, columns, [[row[column] for column in columns] for row in rows]
