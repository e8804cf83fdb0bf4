"""Read models: rows written after the log, each batch with its checkpoint in one transaction."""

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import msgspec
import psycopg
from django.db import connection, transaction
from psycopg import sql

from hedgeapp.core.events import Recorded
from portfolio.core.book import Book
from portfolio.models import Checkpoint
from portfolio.projections import TABLES, Table, Values, Versions, changes

LOCK_ID: Final = 0x70_72_6F_6A_65_63_74_73  # advisory lock of whoever writes the read models
_LIVE: Final = Checkpoint._meta.db_table

# The commit does not wait for the disk: after a crash of the server rows and checkpoint are both as they were before.
_MOVE = f"""
UPDATE {_LIVE} SET seq = %s, moved_at = clock_timestamp()
  FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
 WHERE name = %s AND seq = %s
"""
_BEGIN = f"INSERT INTO {_LIVE} (name, seq, moved_at) VALUES (%s, %s, clock_timestamp()) ON CONFLICT DO NOTHING"

# A row's JSON without its brackets is a line of CSV, several times faster to write than the driver's rows. Only the
# escapes of control characters mean nothing in CSV: rows that have any go the driver's way.
ROWS_PER_WRITE: Final = 300  # above 128 KiB malloc maps fresh pages for each piece
_CSV: Final = " (FORMAT csv, NULL 'null', ESCAPE '\\', ENCODING 'UTF8')"
_lines: Final = msgspec.json.Encoder().encode_lines
_meaningless: Final = re.compile(rb'\\[^"\\]').search


class CheckpointMoved(RuntimeError):
    """Somebody else wrote the read models meanwhile: this writer's book is not theirs any more."""

    def __init__(self, expected: int) -> None:
        super().__init__(
            f"the read models expected at seq {expected}, found elsewhere: begin again at their checkpoint"
        )


def advance(book: Book, batch: Sequence[Recorded]) -> None:
    """Fold a batch into the book and write the rows and the checkpoint in one transaction.

    Refuses with CheckpointMoved. After any error the book may be ahead of the rows: begin again with another.
    """
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        lock(connection.connection)
        write(connection.connection, book, batch)


def lock(raw: psycopg.Connection[Any]) -> None:
    """Keep every other writer of the read models out until the transaction ends."""
    psycopg.Cursor(raw).execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_ID,))


def write(raw: psycopg.Connection[Any], book: Book, batch: Sequence[Recorded]) -> None:
    """Fold a batch, write what it changed into the live tables and move the checkpoint, in the caller's transaction."""
    if not batch:
        return
    moved = psycopg.Cursor(raw).execute(_MOVE, (batch[-1].seq, Checkpoint.READ_MODELS, book.seq)).rowcount
    if not moved and not book.seq:
        moved = psycopg.Cursor(raw).execute(_BEGIN, (Checkpoint.READ_MODELS, batch[-1].seq)).rowcount
    if not moved:
        raise CheckpointMoved(book.seq)
    store(raw, None, fold(book, batch))


def fold(book: Book, batch: Iterable[Recorded]) -> Versions:
    """Fold a batch and return the rows that it makes."""
    versions = Versions()
    for recorded in batch:
        versions.add(recorded.seq, changes(book, recorded))
    versions.finish()
    return versions


def store(raw: psycopg.Connection[Any], schema: str | None, versions: Versions) -> None:
    """End the rows that a batch has made otherwise, then add its own."""
    for table in TABLES:
        if ended := versions.began[table]:
            _end(raw, schema, table, list(ended.items()))
        insert(raw, schema, table, versions.rows[table])


def _end(
    raw: psycopg.Connection[Any], schema: str | None, table: Table, ended: list[tuple[tuple[str, ...], int]]
) -> None:
    arrays = [sql.SQL("%s::text[]")] * len(table.key) + [sql.SQL("%s::bigint[]")]
    statement = sql.SQL(
        "UPDATE {table} AS held SET to_seq = ended.seq FROM unnest({arrays}) AS ended ({key}, seq)"
        " WHERE {same} AND held.to_seq IS NULL"
    ).format(
        table=identifier(schema, table.name),
        arrays=sql.SQL(", ").join(arrays),
        key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
        same=sql.SQL(" AND ").join(
            sql.SQL("held.{column} = ended.{column}").format(column=sql.Identifier(column)) for column in table.key
        ),
    )
    keys = [[key[place] for key, _ in ended] for place in range(len(table.key))]
    psycopg.Cursor(raw).execute(statement, [*keys, [seq for _, seq in ended]])


def insert(raw: psycopg.Connection[Any], schema: str | None, table: Table, rows: Sequence[Values]) -> None:
    """Add rows to a table by COPY."""
    if not rows:
        return
    parts = lines(rows)
    if parts is None:
        copy_rows(raw, schema, table.name, table.columns, rows)
    else:
        copy_lines(raw, schema, table, parts)


def lines(rows: Sequence[Values]) -> list[bytes] | None:
    """Return rows as lines of CSV in pieces of up to ROWS_PER_WRITE; None if `copy_rows` has to take them."""
    parts = [_csv(rows[at : at + ROWS_PER_WRITE]) for at in range(0, len(rows), ROWS_PER_WRITE)]
    return None if any(map(_meaningless, parts)) else parts


def copy_lines(raw: psycopg.Connection[Any], schema: str | None, table: Table, parts: Iterable[bytes]) -> None:
    """Send what `lines` returned to a table by COPY."""
    with _copy(raw, schema, table.name, table.columns, _CSV) as copy:
        for part in parts:
            copy.write(part)


def _csv(rows: Sequence[Values]) -> bytes:
    """Return rows as lines of CSV; a line break within a value is written as an escape."""
    return _lines(rows)[1:-2].replace(b"]\n[", b"\n") + b"\n"


def copy_rows(
    raw: psycopg.Connection[Any], schema: str | None, table: str, columns: Iterable[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Send rows of any values to a table by COPY."""
    with _copy(raw, schema, table, columns) as copy:
        for row in rows:
            copy.write_row(row)


def _copy(
    raw: psycopg.Connection[Any], schema: str | None, table: str, columns: Iterable[str], options: str = ""
) -> AbstractContextManager[psycopg.Copy]:
    statement = sql.SQL("COPY {table} ({columns}) FROM STDIN" + options).format(
        table=identifier(schema, table), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    return psycopg.Cursor(raw).copy(statement)


def identifier(schema: str | None, table: str) -> sql.Identifier:
    """Return a table's name, within a schema or as it is found."""
    return sql.Identifier(schema, table) if schema else sql.Identifier(table)
