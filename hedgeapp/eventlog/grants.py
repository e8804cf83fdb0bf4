"""Grants: what each database role may do; the app's role owns nothing, may only add to the log, and sends no moves."""

from typing import Any

import structlog
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

LOG_TABLE = "eventlog_event"
WORK_TABLE = "portfolio_work"
SENDING = "eventlog_send_moves()"  # who may run it may write that a move goes out (migration 0004)

log = structlog.get_logger()

_OTHERS_WITH_RIGHTS = """
SELECT DISTINCT grantee FROM information_schema.role_table_grants
 WHERE table_schema = current_schema() AND table_name = %s AND grantee <> %s AND grantee <> 'PUBLIC'
"""


def after_migrate(*, using: str, **_: Any) -> None:
    """Give the roles their rights; runs with the owner's connection after each migration."""
    app_role = settings.DATABASES["default"]["USER"]
    secure(connections[using], app_role)
    let_send(connections[using], app_role, settings.MOVES_ROLE)


def secure(connection: BaseDatabaseWrapper, app_role: str, schema: str = "public") -> None:
    """Grant the app's role the use of every table in a schema, and take from everyone all but reading and adding to the
    log.

    Where the app's role is the owner (one URL was given), nothing can be taken from it: the log's triggers still refuse
    UPDATE, DELETE and TRUNCATE, but an owner could drop them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text, to_regclass(%s) IS NOT NULL", [LOG_TABLE])
        owner, has_log = cursor.fetchone()
        if app_role and app_role != owner:
            for statement in _GRANTS:
                cursor.execute(sql.SQL(statement).format(schema=sql.Identifier(schema), role=sql.Identifier(app_role)))
        if not has_log:
            return
        cursor.execute(_OTHERS_WITH_RIGHTS, [LOG_TABLE, owner])
        others = [name for (name,) in cursor.fetchall()]
        for name in others:
            cursor.execute(
                sql.SQL("REVOKE ALL ON {log} FROM {role}; GRANT SELECT, INSERT ON {log} TO {role}").format(
                    log=sql.Identifier(LOG_TABLE), role=sql.Identifier(name)
                )
            )
        if not others:
            log.warning("grants.one_role", role=owner, advice="give DATABASE_OWNER_URL: the app's role owns the log")


def let_send(connection: BaseDatabaseWrapper, app_role: str, moves_role: str, schema: str = "public") -> None:
    """Let one role alone write that collateral moves go out; all else of a database it only reads.

    Where there is no such role (DATABASE_MOVES_URL was not given), the app's role may: then whoever takes over the web
    process writes what he likes into the log, and only the signatures of people stand between him and a move.
    """
    names = {"schema": sql.Identifier(schema), "work": sql.Identifier(WORK_TABLE), "log": sql.Identifier(LOG_TABLE)}
    with connection.cursor() as cursor:
        found = "to_regprocedure(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL"
        cursor.execute(f"SELECT current_user::text, {found}", [SENDING, WORK_TABLE])
        owner, is_there = cursor.fetchone()
        if not is_there:
            return
        is_apart = moves_role not in ("", app_role, owner)
        if is_apart:
            for statement in _SENDER_GRANTS:
                cursor.execute(sql.SQL(statement).format(role=sql.Identifier(moves_role), **names))
        else:
            log.warning("grants.moves_one_role", role=app_role, advice="give DATABASE_MOVES_URL: the app's role sends")
        if app_role and app_role != owner:
            verb = "REVOKE ALL ON FUNCTION {} FROM {}" if is_apart else "GRANT EXECUTE ON FUNCTION {} TO {}"
            cursor.execute(sql.SQL(verb).format(sql.SQL(SENDING), sql.Identifier(app_role)))


_SENDER_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT INSERT ON {log} TO {role}",
    "GRANT UPDATE ON {work} TO {role}",
    f"GRANT EXECUTE ON FUNCTION {SENDING} TO {{role}}",
)
_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
)
