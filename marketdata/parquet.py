"""Parquet: recorded market data as files, one for each kind and day, whole or not there."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pyarrow
from psycopg import sql
from pyarrow import parquet

from hedgeapp.core.records import record
from marketdata.core.recorded import RECORDED, Column, Kind, Recorded

ROWS: Final = 50_000  # read, and written as a group, at once
_TYPES: Final = {"time": pyarrow.timestamp("us", tz="UTC"), "text": pyarrow.string(), "number": pyarrow.float64()}

Told = Callable[[int], None]


@record
class Part:
    """What becomes one file: a kind, and the part of a day from its first moment up to before its last."""

    kind: Kind
    since: datetime
    until: datetime
    rows: int

    @property
    def file(self) -> str:
        """The name of the file; a part of a day says which."""
        whole = self.until - self.since == timedelta(days=1)
        span = f"{self.since:%Y%m%d}" if whole else f"{self.since:%Y%m%dT%H%M%S}-{self.until:%Y%m%dT%H%M%S}"
        return f"{self.kind}-{span}.parquet"


def parts(
    connection: psycopg.Connection[Any], kinds: Sequence[Kind], since: datetime, until: datetime
) -> Iterator[Part]:
    """Yield the parts of a time that hold rows, by kind and day."""
    for kind in kinds:
        for day in _days(since, until):
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            first, last = max(since, begin), min(until, begin + timedelta(days=1))
            query = "SELECT count(*) FROM {} WHERE received_at >= %s AND received_at < %s"
            counted = connection.execute(
                sql.SQL(query).format(sql.Identifier(RECORDED[kind].table)), [first, last]
            ).fetchone()
            if counted and counted[0]:
                yield Part(kind=kind, since=first, until=last, rows=counted[0])


def _days(since: datetime, until: datetime) -> Iterator[date]:
    day = since.date()
    while datetime(day.year, day.month, day.day, tzinfo=UTC) < until:
        yield day
        day += timedelta(days=1)


def write(connection: psycopg.Connection[Any], part: Part, folder: Path, told: Told = lambda _: None) -> Path:
    """Write one part, replacing the file of its name only once it is whole; return the file.

    `told` hears of each group of rows that was written.
    """
    recorded, schema = RECORDED[part.kind], schema_of(part)
    path = folder / part.file
    with _whole(path) as begun, parquet.ParquetWriter(begun, schema, compression="zstd") as writer:
        for rows in _read(connection, recorded, part):
            columns = list(zip(*rows, strict=True))
            arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            told(len(rows))
    return path


def schema_of(part: Part) -> Any:
    """Return the schema of a part: each column says its unit, the whole what a row is and of which time."""
    recorded = RECORDED[part.kind]
    about = {
        "kind": part.kind,
        "row": recorded.row,
        "from": part.since.isoformat(),
        "to": part.until.isoformat(),
        "order": "received_at",
    }
    return pyarrow.schema([_field(column) for column in recorded.columns], metadata=about)


def _field(column: Column) -> Any:
    return pyarrow.field(column.name, _TYPES[column.holds], metadata={"unit": column.unit})


def _read(connection: psycopg.Connection[Any], recorded: Recorded, part: Part) -> Iterator[list[tuple[Any, ...]]]:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in recorded.columns)
    query = sql.SQL("SELECT {} FROM {} WHERE received_at >= %s AND received_at < %s ORDER BY received_at").format(
        names, sql.Identifier(recorded.table)
    )
    with connection.transaction(), connection.cursor("export", binary=True) as cursor:
        cursor.execute(query, [part.since, part.until])
        while rows := cursor.fetchmany(ROWS):
            yield rows


@contextmanager
def _whole(path: Path) -> Iterator[str]:
    """Give the name to write under; it becomes the file's when all went well, and is gone when not."""
    begun = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield str(begun)
        with begun.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(begun, path)
    finally:
        with suppress(FileNotFoundError):
            begun.unlink()
