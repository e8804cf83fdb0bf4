"""Replay: all read models built again from the log beside the live ones, proved equal, and put in their place.

The rows are built in a schema of their own up to the live checkpoint, while everything runs on. Then, with the
projector held, the last events are added, every table is compared row by row with the live one, and the two change
places in one transaction. Reference rows are written with their events, so they are compared under the log's lock.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg

from hedgeapp.core.records import record
from hedgeapp.eventlog.append import lock as lock_log
from hedgeapp.eventlog.read import head, read, read_batches, rebuilding
from marketdata.core.catalogue import KINDS, is_reference
from portfolio.core.book import Book
from portfolio.models import Checkpoint
from portfolio.operations import read_models, tables
from portfolio.operations.reference_rows import ReferenceRows
from portfolio.projections import TABLES, Table, Versions, changes

SCHEMA: Final = "replay"
PARTS_PER_COPY: Final = 64  # pieces of a table's lines, each of some 300 rows, that are held in memory

Told = Callable[[str], None]


class RowsDiffer(RuntimeError):
    """Live read models are not what the log folds into."""

    def __init__(self, differing: Mapping[str, int], example: str) -> None:
        self.differing = dict(differing)
        found = ", ".join(f"{count} rows of {table}" for table, count in differing.items())
        super().__init__(
            f"live rows equal to the log's expected, found differences in {found}, first of all {example}: "
            "look into them, then swap with --accept-differences"
        )


@record
class Replayed:
    """What was built: events folded, rows by table, how long the fold took, and the seq of the swap."""

    events: int
    seq: int
    rows: Mapping[str, int]
    fold_s: float
    differing: Mapping[str, int]

    @property
    def events_per_s(self) -> float:
        """Events folded into all read models per second, hashes verified."""
        return self.events / self.fold_s if self.fold_s else 0.0


def replay(url: str, *, accept_differences: bool = False, told: Told = lambda _: None) -> Replayed:
    """Build, prove and swap with the owner's connections; refuses with RowsDiffer and leaves all as it was."""
    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as reader:
        live = tables.current_schema(writer)
        tables.create_beside(writer, live, SCHEMA, names())
        rebuild = Rebuild(reader, writer)
        began = time.perf_counter()
        with rebuilding():
            rebuild.until(_checkpoint(reader))
            rebuild.finish()
        fold_s = time.perf_counter() - began
        told(f"folded {rebuild.book.seq} events in {fold_s:.1f} s, {rebuild.book.seq / (fold_s or 1):,.0f} a second")
        tables.index_as(writer, live, SCHEMA, names())
        writer.commit()
        told("indexed; waiting for the projector")
        differing = _prove(rebuild, live, accept_differences=accept_differences)
        tables.swap(writer, live, SCHEMA, names())
        writer.commit()
        counts = {name: tables.count(reader, live, name) for name in names()}
        return Replayed(events=rebuild.folded, seq=rebuild.book.seq, rows=counts, fold_s=fold_s, differing=differing)


def _prove(rebuild: "Rebuild", live: str, *, accept_differences: bool) -> dict[str, int]:
    """Bring the new rows to where the live ones are and hold both there; return the differences, if accepted."""
    writer = rebuild.writer
    read_models.lock(writer)
    rebuild.catch_up(_checkpoint(rebuild.reader))
    differing = tables.differences(writer, live, SCHEMA, [table.name for table in TABLES])
    lock_log(writer)
    rebuild.reference_until(head(rebuild.reader).seq)
    differing |= tables.differences(writer, live, SCHEMA, ReferenceRows.TABLES)
    if differing and not accept_differences:
        raise RowsDiffer(differing, tables.example(writer, live, SCHEMA, next(iter(differing))))
    return differing


class Rebuild:
    """The fold into the schema beside: one reader of the log, one writer of rows."""

    def __init__(self, reader: psycopg.Connection[Any], writer: psycopg.Connection[Any]) -> None:
        self.reader, self.writer = reader, writer
        self.book = Book()
        self.reference = ReferenceRows()
        self.folded = 0
        self._versions = Versions()
        self._lines: dict[Table, list[bytes]] = {table: [] for table in TABLES}

    def until(self, seq: int) -> None:
        """Fold the events up to a seq, hashes verified, rows sent as they become complete; it may be asked on."""
        if seq <= self.book.seq:
            return
        book, versions, reference = self.book, self._versions, self.reference
        for batch in read_batches(self.reader, after=book.seq, until=seq, verify=True):
            for recorded in batch:
                versions.add(recorded.seq, changes(book, recorded))
                if is_reference(recorded.event):
                    reference.apply(recorded.event)
            self.folded += len(batch)
            self._send(PARTS_PER_COPY)

    def finish(self) -> None:
        """Send the rows that are current."""
        self._versions.finish()
        self._send(0)

    def catch_up(self, seq: int) -> None:
        """Fold the events that the live rows have taken meanwhile."""
        if seq > self.book.seq:
            batch = list(read(self.reader, after=self.book.seq, until=seq, verify=True))
            for recorded in batch:
                self.reference.apply(recorded.event)
            read_models.store(self.writer, SCHEMA, read_models.fold(self.book, batch))
            self.folded += len(batch)

    def reference_until(self, seq: int) -> None:
        """Fold the changes of reference data up to the log's head, and send all reference rows."""
        for recorded in read(self.reader, after=self.book.seq, until=seq, kinds=KINDS):
            self.reference.apply(recorded.event)
        for name, columns, rows in self.reference.rows():
            read_models.copy_rows(self.writer, SCHEMA, name, columns, rows)

    def _send(self, more_than: int) -> None:
        """Turn rows into lines while the processor's cache still holds them, and send those that are many enough."""
        for table, rows in self._versions.rows.items():
            lines, parts = self._lines[table], read_models.lines(rows)
            if parts is None:
                read_models.copy_rows(self.writer, SCHEMA, table.name, table.columns, rows)
            else:
                lines += parts
            rows.clear()
            if len(lines) > more_than:
                read_models.copy_lines(self.writer, SCHEMA, table, lines)
                lines.clear()


def names() -> list[str]:
    """Return the tables that a replay builds."""
    return [*(table.name for table in TABLES), *ReferenceRows.TABLES]


def _checkpoint(connection: psycopg.Connection[Any]) -> int:
    select = "SELECT seq FROM portfolio_checkpoint WHERE name = %s"
    row = connection.execute(select, (Checkpoint.READ_MODELS,)).fetchone()
    return int(row[0]) if row else 0
