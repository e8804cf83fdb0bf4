"""Each cell of docs/roles.md is so, and no address is without its row."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve

from hedgeapp.access.roles import ROLES, grant_roles
from hedgeapp.core.records import record
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.models import Epoch, LoggedEvent, SecondStore
from tests.builders.addresses import example, patterns, sockets
from tests.builders.log import AT, fill
from tests.web.test_socket import Browser, session_of

TABLE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
METHODS = {"GET", "POST"}
PEOPLE = ("stranger", *ROLES)
OUT = ("/login/out", "/admin/logout/")
OWN = (*OUT, "/login/account", "/admin/password_change/")


@record
class Row:
    """A line of the table: an address, a method, and what each person may."""

    method: str
    path: str
    cells: dict[str, str]


def spelled_out(path: str) -> list[str]:
    parts = [part.split(",") if number % 2 else [part] for number, part in enumerate(re.split("[{}]", path))]
    return ["".join(words) for words in product(*parts)]


def table() -> Iterator[Row]:
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 2 + len(PEOPLE) and cells[1].startswith("`"):
            for method, path in product(cells[0].split(", "), spelled_out(cells[1].split("`")[1])):
                yield Row(method=method, path=path, cells=dict(zip(PEOPLE, cells[2:], strict=True)))


ROWS = list(table())


def test_every_address_has_its_row_and_every_row_its_address() -> None:
    said = [(row.method, row.path) for row in ROWS]
    assert sorted(said) == sorted(set(said))
    paths, known = {path for method, path in said if method in METHODS}, set(patterns())
    assert known <= paths
    assert all(resolve(example(path)) for path in paths - known)  # one of the words that a pattern takes
    assert {path for method, path in said if method == "WS"} == set(sockets())
    assert {cell for row in ROWS for cell in row.cells.values()} <= {"yes", "no", "login", "key"}


class Everybody:
    """A client for each role, and what one may look at."""

    def __init__(self) -> None:
        self.clients = {name: Client(raise_request_exception=False) for name in PEOPLE}
        for role in ROLES:
            user = User.objects.create_user(role)
            user.groups.set(Group.objects.filter(name=role))
            self.clients[role].force_login(user)
        connection.ensure_connection()
        append(connection.connection, [fill(1)], at=AT)
        Epoch.objects.create(
            service="engine", lock_id=1, epoch=1, holder="me", backend_pid=1, heartbeat_at=AT, wanted_at=AT
        )
        SecondStore.objects.create(name="second", url="file:///nowhere", seq=1, stored_at=AT)

    def path(self, pattern: str) -> str:
        known = {
            "/admin/auth/user/": str(User.objects.get(username="viewer").pk),
            "/admin/auth/group/": str(Group.objects.get(name="viewer").pk),
            "/admin/eventlog/loggedevent/": "1",
            "/admin/eventlog/epoch/": "engine",
            "/admin/eventlog/secondstore/": "second",
        }
        row = next((key for prefix, key in known.items() if pattern.startswith(prefix)), "999999")
        return example(pattern.replace("<path:object_id>", row).replace("<id>", row))

    def answer(self, name: str, method: str, pattern: str) -> str:
        client = self.clients[name]
        answer = client.get(self.path(pattern)) if method == "GET" else client.post(self.path(pattern))
        return verdict(answer)  # type: ignore[arg-type]


def verdict(answer: HttpResponse) -> str:
    where = answer.get("Location", "")
    if answer.status_code == 405:
        return "no such method"
    if answer.status_code == 403:
        return "no"
    if answer.status_code == 401:
        return "key"
    if where.startswith("/login/?"):
        return "login"
    # The admin's door: it sends a stranger to the login, and says to anybody else that no role opens it.
    return "door" if where.startswith("/admin/login/") else "yes"


@pytest.fixture
def everybody(db: None, screen_store: object) -> Everybody:
    return Everybody()


def agrees(found: str, cell: str, name: str) -> bool:
    return found == cell or (found == "door" and cell == ("login" if name == "stranger" else "no"))


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_each_cell_is_so(everybody: Everybody, method: str, name: str) -> None:
    rows = [row for row in ROWS if row.method == method and row.path not in OUT]
    found = {row.path: everybody.answer(name, method, row.path) for row in rows}
    assert {row.path: found[row.path] for row in rows if not agrees(found[row.path], row.cells[name], name)} == {}


@pytest.mark.parametrize("path", OUT)
def test_whoever_may_leave_by_a_door_leaves(everybody: Everybody, path: str) -> None:
    cells = next(row for row in ROWS if row.path == path).cells
    for name in ROLES:
        everybody.clients[name].post(path)
        assert everybody.answer(name, "GET", "/") == ("login" if cells[name] == "yes" else "yes")


def test_a_method_without_a_row_does_not_exist(everybody: Everybody) -> None:
    said = {(row.method, row.path) for row in ROWS}
    unsaid = [(method, path) for method, path in product(sorted(METHODS), patterns()) if (method, path) not in said]
    found = {(method, path, everybody.answer("admin", method, path)) for method, path in unsaid}
    assert {one for one in found if one[2] != "no such method"} == set()


def test_whoever_audits_writes_nothing(everybody: Everybody) -> None:
    kept = [model for model in apps.get_models() if model._meta.managed or model._meta.model_name == "loggedevent"]

    def rows() -> dict[str, int]:
        return {model._meta.label: model._base_manager.count() for model in kept}

    before, head = rows(), LoggedEvent.objects.count()
    for path in patterns():
        if path not in OWN:
            everybody.answer("auditor", "POST", path)
    refusals = LoggedEvent.objects.filter(kind__in=("PersonDenied", "PersonKeptOut"), seq__gt=head)
    denied = refusals.count()  # what was asked for in vain is told
    assert denied > 0
    before[LoggedEvent._meta.label] += denied
    assert rows() == before


def session_as(role: str) -> str:
    grant_roles()
    user = User.objects.create_user(role)
    user.groups.set(Group.objects.filter(name=role))
    return session_of(user)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("path", [row.path for row in ROWS if row.method == "WS"])
async def test_each_cell_of_a_socket_is_so(path: str, name: str) -> None:
    channel_layers.backends.clear()
    cell = next(row for row in ROWS if (row.method, row.path) == ("WS", path)).cells[name]
    session = "" if name == "stranger" else await database_sync_to_async(session_as)(name)
    browser = await Browser(session, path=path).open()
    if cell == "yes":
        assert await browser.receive_nothing()  # type: ignore[no-untyped-call]
    else:
        assert await browser.close_code() == 4401
    channel_layers.backends.clear()
