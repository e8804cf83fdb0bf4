"""Rights: a role of the app gets what it needs of every table, and of the log only reading and adding."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from hedgeapp.eventlog.grants import secure

ROLE = "grants_test_role"


@pytest.fixture
def role(owner: psycopg.Connection[Any]) -> Iterator[str]:
    """A role without any right."""
    try:
        owner.execute(f"CREATE ROLE {ROLE}")
    except psycopg.errors.InsufficientPrivilege:
        pytest.skip("the database's owner may not create roles")
    yield ROLE
    owner.execute(f"DROP OWNED BY {ROLE}")
    owner.execute(f"DROP ROLE {ROLE}")


def may(owner: psycopg.Connection[Any], table: str) -> set[str]:
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    found = (
        owner.execute("SELECT has_table_privilege(%s, %s, %s)", (ROLE, table, right)).fetchone() for right in rights
    )
    return {right for right, row in zip(rights, found, strict=True) if row and row[0]}


def test_a_new_role_of_the_app_gets_its_rights(owner: psycopg.Connection[Any], role: str) -> None:
    secure(connection, role)
    assert may(owner, "portfolio_position") == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert may(owner, "eventlog_event") == {"SELECT", "INSERT"}


def test_rights_that_somebody_gave_by_mistake_are_taken_back(owner: psycopg.Connection[Any], role: str) -> None:
    owner.execute(f"GRANT ALL ON eventlog_event TO {ROLE}")
    secure(connection, connection.settings_dict["USER"])
    assert may(owner, "eventlog_event") == {"SELECT", "INSERT"}
