"""While somebody else holds the log, a press says in a sentence that nothing has happened."""

from collections.abc import Iterator

import psycopg
import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.database import conninfo
from hedgeapp.eventlog import append, steps
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.models import Halt, Work
from tests.builders.desks import history, written
from tests.builders.orders import AT, NAME, intended
from tests.web.test_tickets import TYPED

BUSY = "the log&#x27;s lock expected"


@pytest.fixture(autouse=True)
def _held(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let another connection hold the log's lock, and nobody wait long for it."""
    monkeypatch.setattr(append, "BOUNDS", steps.BOUNDS.replace(f"'{steps.LOCK_WAIT_MS_MAX}'", "'50'"))
    Work.objects.all().delete()
    Halt.objects.all().delete()
    written(*history(), intended(), HaltDeclared(at=AT, halt_id="all-1", scope="*", by="bob", reason="looks wrong"))
    Halt.objects.create(halt_id="all-1", scope="*", declared_at=AT, declared_by="bob", reason="looks wrong")
    with psycopg.connect(conninfo()) as connection:
        # Not by `lock`, which lets the server put out whoever is idle for long.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [steps.LOCK_ID])
        yield
    Halt.objects.all().delete()


@pytest.fixture
def trader() -> Client:
    grant_roles()
    user = User.objects.create_user("ann")
    user.groups.set(Group.objects.filter(name__in=["trader", "risk"]))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/orders/ticket/", TYPED),
        (f"/orders/{NAME}/cancel", {}),
        ("/halt/", {"scope": "*", "reason": "looks wrong"}),
        ("/halt/all-1/ask", {"reason": "all is well"}),
        ("/halt/all-1/approve", {}),
    ],
)
def test_a_press_that_finds_the_log_held_is_answered_by_a_sentence(
    trader: Client, path: str, given: dict[str, str]
) -> None:
    before = LoggedEvent.objects.count()
    answer = trader.post(path, given)
    assert answer.status_code == 503
    assert BUSY in answer.content.decode().replace("The log", "the log")
    assert LoggedEvent.objects.count() == before
