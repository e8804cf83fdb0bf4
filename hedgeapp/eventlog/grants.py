"""Grants: what each database role may do; the app's role owns nothing and may only add to the log."""

from typing import Any

import structlog
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

LOG_TABLE = "eventlog_event"

log = structlog.get_logger()

_OTHERS_WITH_RIGHTS = """
SELECT DISTINCT grantee FROM information_schema.role_table_grants
 WHERE table_schema = current_schema() AND table_name = %s AND grantee <> %s AND grantee <> 'PUBLIC'
"""


def after_migrate(*, using: str, **_: Any) -> None:
    """Give the app's role its rights; runs with the owner's connection after each migration."""
    secure(connections[using], settings.DATABASES["default"]["USER"])


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


_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
)
