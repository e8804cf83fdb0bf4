"""The doors: settings of the real world, tokens on every form, sessions that end, secrets that stay inside."""

import io
import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from hedgeapp.eventlog.models import LoggedEvent
from hedgeapp.logs import LOGGING
from tests.builders.addresses import example, patterns

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-long-enough-passphrase"
SIGNED_BY_ITSELF = "/webhooks/"  # a custodian comes without a session; its signature is asked for
READ_ONLY = ("/healthz", "/readyz")

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("world", ["LIVE", "PAPER"])
def test_the_settings_of_the_real_world_pass_django_s_own_checks(world: str) -> None:
    environment = os.environ | {
        "HEDGEAPP_ENV": world,
        "HEDGEAPP_HOSTS": "desk.example.com",
        "HEDGEAPP_ORIGIN": "https://desk.example.com",
        "HEDGEAPP_SECRET_KEY": secrets.token_urlsafe(50),
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_form_is_taken_without_its_token() -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"))
    taken = {}
    for pattern in patterns():
        if not pattern.startswith((SIGNED_BY_ITSELF, *READ_ONLY)):
            for headers in ({}, {"HX-Request": "true"}):
                status = client.post(example(pattern), headers=headers).status_code
                if status not in (403, 405):
                    taken[pattern] = status
    assert taken == {}


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password=PASSWORD)


def came_in(client: Client) -> Client:
    assert client.post("/login/", {"username": "ann", "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/login/account").status_code == 200


def test_a_session_that_somebody_planted_before_is_not_the_one_after_the_login(ann: User) -> None:
    client = Client()
    session = client.session
    session["planted"] = "yes"
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = str(planted)
    came_in(client)
    assert client.cookies["sessionid"].value != planted
    stranger = Client()
    stranger.cookies["sessionid"] = str(planted)
    assert not is_in(stranger)


def test_a_cookie_that_was_caught_dies_with_the_logout(ann: User) -> None:
    client, thief = came_in(Client()), Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert is_in(thief)
    client.post("/login/out")
    assert not is_in(thief)


def test_another_password_ends_the_other_sessions_and_keeps_the_own(ann: User) -> None:
    mine, other = came_in(Client()), came_in(Client())
    new = "another-long-passphrase"
    given = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert mine.post("/login/account", given).status_code == 302
    assert (is_in(mine), is_in(other)) == (True, False)


@override_settings(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True)
def test_cookies_are_out_of_reach_of_scripts_and_other_sites(ann: User) -> None:
    cookie = came_in(Client()).cookies["sessionid"]
    assert (bool(cookie["httponly"]), bool(cookie["secure"]), cookie["samesite"]) == (True, True, "Lax")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Return what our processes would log."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    described = dict(LOGGING["formatters"]["line"])
    handler.setFormatter(described.pop("()")(**described))
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def test_no_secret_gets_into_logs_pages_or_the_log(ann: User, lines: io.StringIO) -> None:
    canaries = {name: f"canary-{name}-{secrets.token_hex(8)}" for name in ("password", "key", "secret", "token")}
    root = Client(raise_request_exception=False)
    root.force_login(User.objects.create_superuser("root"))
    stranger = Client(raise_request_exception=False)
    pages = []
    pages.append(stranger.post("/login/", {"username": "ann", "password": canaries["password"]}))
    pages.append(stranger.get(f"/login/once/{canaries['token']}"))
    pages.append(stranger.post(f"/login/once/{canaries['token']}"))
    keys = {"api_key": canaries["key"], "secret": canaries["secret"], "holder": "nobody", "purpose": "trade"}
    pages.append(root.post("/admin/marketdata/credential/add/", keys | {"reason": "for the test"}))
    pages.append(root.get("/admin/marketdata/credential/"))
    places = {
        "logs": lines.getvalue(),
        "pages": "".join(page.content.decode() for page in pages),
        "log": b"".join(bytes(body) for body in LoggedEvent.objects.values_list("body", flat=True)).decode(),
    }
    found = [(name, place) for name, value in canaries.items() for place, text in places.items() if value in text]
    assert "/login/once/…" in places["logs"]
    assert found == []
