"""Emptying the database after a test that commits: only what it filled, where Django would flush and rebuild all.

Django's flush truncates every table and gives out all permissions again: half a second after each of a thousand tests.
Here the rows that migrations bring (what may be permitted, and to which role) stay, as long as they and the rights on
all tables are the same.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase
from psycopg import sql

KEPT: Final = ("auth_group", "auth_group_permissions", "auth_permission", "django_content_type")
_REFERRING: Final = """
SELECT DISTINCT referred.relname, referring.relname FROM pg_constraint AS key
  JOIN pg_class AS referred ON referred.oid = key.confrelid
  JOIN pg_class AS referring ON referring.oid = key.conrelid
 WHERE key.contype = 'f' AND referring.relnamespace = 'public'::regnamespace
"""
_RIGHTS: Final = """
SELECT md5(string_agg(concat(relname, relacl), ' ' ORDER BY relname)) FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""
_of_migrations: dict[str, tuple[str, ...]] = {}  # database -> what its kept tables hold and who may what, as text


def remember(database: str = "default") -> None:
    """Remember what the migrations have brought."""
    _of_migrations.setdefault(database, _held(connections[database]))


def empty(case: Any) -> None:
    """Empty the databases of a test case."""
    for name in case._databases_names(include_mirrors=False):
        connection = connections[name]
        if _held(connection) != _of_migrations.get(name):
            _flush(case)
            _of_migrations[name] = _held(connection)
            return
        _truncate(connection, _filled(connection))


_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def install() -> None:
    """Let every test that commits be followed by this."""
    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]


def _held(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    found = []
    with connection.cursor() as cursor:
        for table in KEPT:
            query = "SELECT count(*), coalesce(md5(string_agg(row::text, ' ' ORDER BY row::text)), '') FROM {} AS row"
            cursor.execute(sql.SQL(query).format(sql.Identifier(table)))
            found.append(str(cursor.fetchone()))
        cursor.execute(_RIGHTS)
        found.append(str(cursor.fetchone()))
    return tuple(found)


def _filled(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the tables of models that hold rows."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    looks = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(table), sql.Identifier(table))
        for table in tables
        if table not in KEPT
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(looks))
        return {table for (table,) in cursor.fetchall()}


def _truncate(connection: BaseDatabaseWrapper, filled: Iterable[str]) -> None:
    """Truncate tables, with those that refer to them."""
    wanted = set(filled)
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(_REFERRING)
        referring = cursor.fetchall()
        while more := {one for other, one in referring if other in wanted} - wanted:
            wanted |= more
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, sorted(wanted)))))
