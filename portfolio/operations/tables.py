"""Tables: made beside others, compared with them row by row, and put in their place with their rights."""

from collections.abc import Iterable
from typing import Any, Final

import psycopg
from psycopg import sql

RETIRED: Final = "replay_retired"  # schema of the tables that were replaced, until the swap is committed

_INDEXES = """
SELECT pg_get_indexdef(index.indexrelid), constraint_.conname, pg_get_constraintdef(constraint_.oid)
  FROM pg_index AS index LEFT JOIN pg_constraint AS constraint_
    ON constraint_.conindid = index.indexrelid AND constraint_.contype IN ('p', 'u')
 WHERE index.indrelid = %s::regclass
"""
_RIGHTS = """
SELECT grantee, string_agg(privilege_type, ', ') FROM information_schema.role_table_grants
 WHERE table_schema = %s AND table_name = %s AND grantee <> current_user GROUP BY grantee
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
 WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' ORDER BY attnum
"""


def current_schema(connection: psycopg.Connection[Any]) -> str:
    """Return the schema in which tables are found and made."""
    row = connection.execute("SELECT current_schema()").fetchone()
    assert row is not None
    return str(row[0])


def create_beside(connection: psycopg.Connection[Any], live: str, beside: str, names: Iterable[str]) -> None:
    """Make empty tables like the live ones, without their indexes, in a schema of their own, and commit."""
    _do(connection, "DROP SCHEMA IF EXISTS {} CASCADE", sql.Identifier(beside))
    _do(connection, "CREATE SCHEMA {}", sql.Identifier(beside))
    for name in names:
        like = "CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)"
        _do(connection, like, sql.Identifier(beside, name), sql.Identifier(live, name))
    connection.commit()


def index_as(connection: psycopg.Connection[Any], live: str, beside: str, names: Iterable[str]) -> None:
    """Give tables the indexes, keys and rights of the live ones."""
    for name in names:
        table, qualified = sql.Identifier(beside, name), _qualified(connection, live, name)
        for index, key, definition in connection.execute(_INDEXES, (qualified,)).fetchall():
            if key:
                add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(table, sql.Identifier(key))
                connection.execute(add + sql.SQL(definition))
            else:
                was, is_ = (
                    sql.SQL(" ON {} USING ").format(sql.Identifier(schema, name)).as_string(connection)
                    for schema in (live, beside)
                )
                connection.execute(sql.SQL(_requoted(index, live, name, was).replace(was, is_)))
        for role, rights in connection.execute(_RIGHTS, (live, name)).fetchall():
            connection.execute(sql.SQL("GRANT " + rights + " ON {} TO {}").format(table, sql.Identifier(role)))
        _do(connection, "ANALYZE {}", table)


def swap(connection: psycopg.Connection[Any], live: str, beside: str, names: Iterable[str]) -> None:
    """Put tables in the place of the live ones, which go, in the caller's transaction."""
    _do(connection, "DROP SCHEMA IF EXISTS {} CASCADE", sql.Identifier(RETIRED))
    _do(connection, "CREATE SCHEMA {}", sql.Identifier(RETIRED))
    for name in names:
        _do(connection, "ALTER TABLE {} SET SCHEMA {}", sql.Identifier(live, name), sql.Identifier(RETIRED))
        _do(connection, "ALTER TABLE {} SET SCHEMA {}", sql.Identifier(beside, name), sql.Identifier(live))
    _do(connection, "DROP SCHEMA {} CASCADE", sql.Identifier(RETIRED))
    _do(connection, "DROP SCHEMA {} CASCADE", sql.Identifier(beside))


def differences(connection: psycopg.Connection[Any], one: str, other: str, names: Iterable[str]) -> dict[str, int]:
    """Return how many rows stand in only one of two schemas, by table, for the tables where there are any."""
    found = {}
    for name in names:
        select = sql.SQL("SELECT count(*) FROM {} AS d").format(_only_one(connection, one, other, name))
        row = connection.execute(select).fetchone()
        if row and row[0]:
            found[name] = int(row[0])
    return found


def example(connection: psycopg.Connection[Any], one: str, other: str, name: str) -> str:
    """Return the first row that stands in only one of two schemas, as text."""
    select = sql.SQL("SELECT d::text FROM {} AS d ORDER BY 1 LIMIT 1").format(_only_one(connection, one, other, name))
    row = connection.execute(select).fetchone()
    return f"{name}{row[0]}" if row else ""


def count(connection: psycopg.Connection[Any], schema: str, name: str) -> int:
    """Return how many rows a table has."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, name))).fetchone()
    return int(row[0]) if row else 0


def _only_one(connection: psycopg.Connection[Any], one: str, other: str, name: str) -> sql.Composed:
    """Select the rows that are not in both tables; generated numbers of rows do not count."""
    columns = sql.SQL(", ").join(
        sql.Identifier(column)
        for (column,) in connection.execute(_COLUMNS, (_qualified(connection, one, name),)).fetchall()
    )
    return sql.SQL(
        "((SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other})"
        " UNION ALL (SELECT {columns} FROM {other} EXCEPT ALL SELECT {columns} FROM {one}))"
    ).format(columns=columns, one=sql.Identifier(one, name), other=sql.Identifier(other, name))


def _qualified(connection: psycopg.Connection[Any], schema: str, name: str) -> str:
    return sql.Identifier(schema, name).as_string(connection)


def _requoted(index: str, schema: str, name: str, wanted: str) -> str:
    """Return an index's definition with its table's name in quotes, as PostgreSQL leaves them out where it may."""
    return index if wanted in index else index.replace(f" ON {schema}.{name} USING ", wanted)


def _do(connection: psycopg.Connection[Any], text: Any, *parts: sql.Composable) -> None:
    connection.execute(sql.SQL(text).format(*parts))
