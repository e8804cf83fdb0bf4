"""HALT on every page: two presses halt, two people resume."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from marketdata.models import Venue
from portfolio.models import Halt

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _venue(db: None) -> None:
    Venue.objects.create(
        name="binance-usdm",
        protocol="binance-usdm",
        rest_url="",
        ws_url="",
        version=1,
        changed_by="seed",
        changed_at=datetime.now(UTC),
    )


def person(name: str, role: str = "risk", **given: Any) -> Client:
    user = User.objects.create_user(name, **given)
    if role:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def form_of(page: str) -> dict[str, str]:
    """Return what a browser would send if the form that halts were sent as it is shown."""
    form = page[page.index('<form method="post" action="/halt/"') :]
    form = form[: form.index("</form>")]
    found = re.findall(r'<input (?:type="radio" )?name="(\w+)" value="([^"]*)"([^>]*)>', form)
    return {name: value for name, value, rest in found if name != "scope" or "checked" in rest}


def halted(client: Client, scope: str = "*") -> Halt:
    assert client.post("/halt/", {"scope": scope, "reason": "the venue looks wrong"}).status_code == 302
    return Halt.objects.get(lifted_at=None, scope=scope)


@pytest.mark.parametrize(
    "path", ["/events/", "/data/", "/login/account", "/halt/", "/admin/", "/admin/marketdata/venue/"]
)
def test_every_page_leads_to_the_button_in_one_press(path: str, screen_store: Any) -> None:
    operator = Client()
    operator.force_login(User.objects.create_superuser("alice", password=None))
    page = operator.get(path).content.decode()
    assert '<a class="stop" data-halt href="/halt/"' in page
    assert "■ HALT of" not in page
    halted(operator)
    assert "■ HALT of all venues" in operator.get(path).content.decode()


@pytest.mark.usefixtures("no_redis")
def test_the_form_halts_as_it_is_shown_and_without_redis() -> None:
    desk = person("ann")
    form = form_of(desk.get("/halt/").content.decode())
    assert form == {"scope": "*", "reason": "Something looks wrong"}
    answer = desk.post("/halt/", form, follow=True)
    assert "New risk is refused from now on" in answer.content.decode()
    made = Halt.objects.get()
    assert (made.scope, made.declared_by) == ("*", "ann")


@pytest.mark.parametrize("role", ["trader", "risk", "approver", "admin"])
def test_every_role_that_acts_may_halt(role: str) -> None:
    assert halted(person("ann", role)).declared_by == "ann"


@pytest.mark.parametrize("role", ["", "viewer", "auditor"])
def test_nobody_who_only_looks_halts(role: str) -> None:
    stranger = person("eve", role)
    assert "Your role does not allow it" in stranger.get("/halt/").content.decode()
    assert stranger.post("/halt/", {"scope": "*"}).status_code == 403
    assert not Halt.objects.exists()


def test_an_unknown_scope_is_refused_in_a_sentence() -> None:
    answer = person("ann").post("/halt/", {"scope": "mt-gox", "reason": "why not"})
    assert answer.status_code == 400
    assert "found &#x27;mt-gox&#x27;: choose one of them" in answer.content.decode()


@pytest.mark.usefixtures("no_redis")
def test_resuming_takes_two_people() -> None:
    ann, bob = person("ann"), person("bob", "approver")
    name = halted(ann).halt_id
    assert ann.post(f"/halt/{name}/ask", {"reason": "all is well"}).status_code == 302
    assert f"/halt/{name}/approve" not in ann.get("/halt/").content.decode()
    refused = ann.post(f"/halt/{name}/approve")
    assert refused.status_code == 403
    assert "another person than ann expected" in refused.content.decode()
    assert Halt.objects.get().lifted_at is None
    assert f"/halt/{name}/approve" in bob.get("/halt/").content.decode()
    assert bob.post(f"/halt/{name}/approve").status_code == 302
    assert Halt.objects.get().approved_by == "bob"


def test_an_admin_halts_but_does_not_resume() -> None:
    admin = person("ann", "admin")
    name = halted(admin).halt_id
    assert admin.post(f"/halt/{name}/ask", {"reason": "all is well"}).status_code == 403
    assert admin.post(f"/halt/{name}/approve").status_code == 403


def test_asking_needs_a_reason_and_what_is_over_is_said() -> None:
    ann = person("ann")
    name = halted(ann).halt_id
    assert ann.post(f"/halt/{name}/ask", {"reason": " "}).status_code == 400
    assert ann.post(f"/halt/{name}/approve").status_code == 409
    assert ann.post("/halt/other/ask", {"reason": "all is well"}).status_code == 409


def test_an_open_page_hears_of_a_halt_once() -> None:
    ann = person("ann")
    before = ann.get("/halt/notice")
    assert ann.get("/halt/notice", {"seen": before["X-Seen"]}).status_code == 204
    halted(ann, "binance-usdm")
    after = ann.get("/halt/notice", {"seen": before["X-Seen"]})
    assert "HALT of binance-usdm" in after.content.decode()
    assert ann.get("/halt/notice", {"seen": after["X-Seen"]}).status_code == 204


def test_an_open_page_of_a_session_that_ended_is_left_alone() -> None:
    assert Client().get("/halt/notice").status_code == 204


def test_a_form_from_elsewhere_halts_nothing() -> None:
    client = Client(enforce_csrf_checks=True)
    user = User.objects.create_user("ann")
    user.groups.add(Group.objects.get(name="risk"))
    client.force_login(user)
    assert client.post("/halt/", {"scope": "*"}).status_code == 403
    assert not Halt.objects.exists()
