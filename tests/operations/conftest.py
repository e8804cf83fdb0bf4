"""A log of one's own for each test that asks for it."""

import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest


@pytest.fixture
def log_url(transactional_db: None) -> str:
    """The test database with an empty log, as its owner."""
    from hedgeapp.database import conninfo

    return conninfo()


@pytest.fixture
def owner(log_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the owner, autocommit, to an empty log."""
    with psycopg.connect(log_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def app_url(log_url: str, app_database_url: str) -> str:
    """The same database as the app's own role."""
    assert urlsplit(app_database_url).scheme.startswith("postgres")
    return app_database_url


@pytest.fixture
def app(app_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the app's role, autocommit, to an empty log."""
    with psycopg.connect(app_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _venues_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each test has a venue of its own, whose limit on requests it does not reach: nothing has to wait for it.
    if (venues := sys.modules.get("marketdata.venues")) is not None:
        monkeypatch.setattr(venues, "BURST_WEIGHT", 1_500)


@pytest.fixture(autouse=True)
def _rows_equal_the_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that commits: the read models are what the log folds into, unless the test spoils one of both."""
    mark = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or bool(mark and mark.kwargs.get("transaction"))
    if not commits or request.node.get_closest_marker("spoils"):
        yield
        return
    request.getfixturevalue("transactional_db")  # emptied after this, not before
    yield
    from hedgeapp.database import conninfo
    from tests.builders.replayed import prove_rows

    prove_rows(conninfo())
