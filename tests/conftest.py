"""Every test: it leaves an empty log, and no verdict depends on how fast the machine is, or on luck."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from tests.builders.log import emptied

settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("any machine", settings.get_profile("search"), derandomize=True)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Make the test database, and let it be emptied quickly after each test that commits."""
    from tests import emptying

    with django_db_blocker.unblock():
        emptying.remember()
    emptying.install()


@pytest.fixture(autouse=True)
def _log_is_left_empty(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the log after a test that commits: Django's own flush leaves the tables that it does not manage."""
    yield
    mark = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (mark and mark.kwargs.get("transaction")):
        from hedgeapp.database import conninfo

        with psycopg.connect(conninfo()) as connection:
            emptied(connection)
