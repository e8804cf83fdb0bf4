"""Grants: what of people the app's role may not write; in live mode who has which role is not its to say."""

from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from hedgeapp.access.backends import is_live

# What nothing but a migration writes.
_ALWAYS = ("REVOKE INSERT, UPDATE, DELETE ON django_migrations, django_content_type, auth_permission FROM {role}",)
# Roles change by access_carry_out_person_change, which runs as the owner and asks for two signatures.
_LIVE = (
    "REVOKE INSERT, UPDATE, DELETE ON auth_group, auth_group_permissions FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON auth_user, auth_user_groups, auth_user_user_permissions FROM {role}",
    "GRANT UPDATE (password, last_login, email) ON auth_user TO {role}",
)


def after_migrate(*, using: str, **_: Any) -> None:
    """Take from the app's role what it need not have; runs with the owner's connection after the tables' grants."""
    withhold(connections[using], settings.DATABASES["default"]["USER"], is_live=is_live())


def withhold(connection: BaseDatabaseWrapper, app_role: str, *, is_live: bool) -> None:
    """Take from a role what it need not have; nothing can be taken from an owner."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text")
        (owner,) = cursor.fetchone()
        if not app_role or app_role == owner:
            return
        for statement in (*_ALWAYS, *(_LIVE if is_live else ())):
            cursor.execute(sql.SQL(statement).format(role=sql.Identifier(app_role)))
