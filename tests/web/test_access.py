"""Who comes in, by which door, how often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from hedgeapp.access import attempts
from hedgeapp.access.links import LINK_AGE_MAX, LinkIsOver, consume, new_link
from hedgeapp.access.models import LoginAttempt, OneTimeLogin

pytestmark = pytest.mark.django_db
COMMITS = pytest.mark.django_db(transaction=True, databases=["default", "owner"])  # as the owner, apart from the app

PASSWORD = "a-long-enough-passphrase"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", password=PASSWORD)


def now() -> datetime:
    return datetime.now(UTC)


def logged_in(client: Client) -> bool:
    return client.get("/login/account").status_code == 200


def attempt(client: Client, password: str, name: str = "alice") -> int:
    return client.post("/login/", {"username": name, "password": password}).status_code


@pytest.mark.parametrize("path", ["/", "/admin/", "/login/account", "/admin/marketdata/asset/"])
def test_every_page_sends_a_stranger_to_our_login(client: Client, path: str) -> None:
    answer = client.get(path, follow=True)
    assert answer.redirect_chain
    assert answer.request["PATH_INFO"] == "/login/"
    assert b'name="password"' in answer.content


def test_a_fragment_sends_a_stranger_to_the_login_as_a_whole_page(client: Client) -> None:
    answer = client.get("/login/account", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/login/")


def test_a_supervisor_needs_no_login(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


def test_a_password_lets_in_and_logging_out_ends_it(client: Client, alice: User) -> None:
    assert attempt(client, "wrong") == 200
    assert not logged_in(client)
    assert attempt(client, PASSWORD) == 302
    assert logged_in(client)
    client.post("/login/out")
    assert not logged_in(client)


def test_guessing_is_bounded_by_name_and_address(client: Client, alice: User) -> None:
    for _ in range(attempts.PER_PERSON_AND_ADDRESS_MAX):
        assert attempt(client, "wrong") == 200
    assert attempt(client, PASSWORD) == 429
    assert attempt(Client(REMOTE_ADDR="10.0.0.2"), PASSWORD) == 302


def test_guessing_names_from_one_address_is_bounded(client: Client, alice: User) -> None:
    at = now()
    LoginAttempt.objects.bulk_create(
        LoginAttempt(username=f"name{number}", address="127.0.0.1", at=at) for number in range(attempts.PER_ADDRESS_MAX)
    )
    assert attempt(client, PASSWORD) == 429


def test_guessing_one_name_from_many_addresses_is_bounded(client: Client, alice: User) -> None:
    at = now()
    LoginAttempt.objects.bulk_create(
        LoginAttempt(username="alice", address=f"10.0.1.{number}", at=at) for number in range(attempts.PER_PERSON_MAX)
    )
    assert attempt(client, PASSWORD) == 429


def test_attempts_are_forgotten_after_the_window_and_after_the_right_password(client: Client, alice: User) -> None:
    old = now() - attempts.WINDOW - timedelta(seconds=1)
    LoginAttempt.objects.bulk_create(LoginAttempt(username="alice", address="127.0.0.1", at=old) for _ in range(20))
    assert attempt(client, PASSWORD) == 302
    assert not LoginAttempt.objects.exists()


def link() -> str:
    out = StringIO()
    call_command("one_time_login", stdout=out)
    return urlsplit(out.getvalue().strip()).path


def test_the_first_link_makes_an_operator_without_a_password(client: Client) -> None:
    path = link()
    operator = User.objects.get()
    assert operator.is_superuser
    assert not operator.has_usable_password()
    assert path.removeprefix("/login/once/") not in str(OneTimeLogin.objects.values())
    page = client.get(path)
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "strict-origin"
    assert not logged_in(client)
    assert client.post(path).status_code == 302
    assert logged_in(client)


def test_a_link_works_once(client: Client) -> None:
    path = link()
    client.post(path)
    stranger = Client()
    assert stranger.post(path).status_code == 410
    assert stranger.get(path).status_code == 410
    assert not logged_in(stranger)


def test_a_newer_link_revokes_an_older_one_and_makes_no_second_operator(client: Client) -> None:
    older, newer = link(), link()
    assert client.post(older).status_code == 410
    assert client.post(newer).status_code == 302
    assert User.objects.count() == 1


def test_an_old_link_is_over() -> None:
    token = new_link(None, at=now() - LINK_AGE_MAX)
    with pytest.raises(LinkIsOver):
        consume(token, at=now())


@pytest.mark.django_db(transaction=True)
def test_a_link_used_by_many_at_once_lets_one_in() -> None:
    token = new_link(None, at=now())

    def try_it(_: int) -> bool:
        try:
            consume(token, at=now())
        except LinkIsOver:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_it, range(8))) == 1


def test_a_link_that_never_was_one_is_over(client: Client) -> None:
    assert client.post("/login/once/guess").status_code == 410


def test_a_link_does_not_revive_a_person_who_was_switched_off(alice: User) -> None:
    token = new_link("alice", at=now())
    User.objects.update(is_active=False)
    with pytest.raises(LinkIsOver):
        consume(token, at=now())


def test_a_link_for_nobody_is_refused_by_name() -> None:
    with pytest.raises(CommandError, match="found nobody named 'bob'"):
        call_command("one_time_login", person="bob")


def test_whoever_came_by_a_link_sets_a_password_without_an_old_one(client: Client, alice: User) -> None:
    client.post(f"/login/once/{new_link('alice', at=now())}")
    assert b"old_password" not in client.get("/login/account").content
    new = "another-long-passphrase"
    answer = client.post("/login/account", {"new_password1": new, "new_password2": new})
    assert answer.status_code == 302
    assert logged_in(client)
    assert b"old_password" in client.get("/login/account").content
    assert attempt(Client(), new) == 302


def test_whoever_came_by_a_password_must_give_it_again_to_change_it(client: Client, alice: User) -> None:
    client.force_login(alice)
    new = "another-long-passphrase"
    answer = client.post("/login/account", {"old_password": "wrong", "new_password1": new, "new_password2": new})
    assert answer.status_code == 200
    assert User.objects.get().check_password(PASSWORD)


def test_a_short_password_is_refused(client: Client) -> None:
    client.post(link())
    answer = client.post("/login/account", {"new_password1": "short", "new_password2": "short"})
    assert b"too short" in answer.content


def test_a_person_without_a_role_that_opens_it_is_refused_by_the_admin(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/admin/", follow=True).status_code == 403


def test_roles_may_change_what_is_theirs() -> None:
    allowed = {group.name: set(group.permissions.values_list("codename", flat=True)) for group in Group.objects.all()}

    def who(deed: str) -> set[str]:
        return {role for role, names in allowed.items() if deed in names}

    assert set(allowed) == {"viewer", "trader", "risk", "approver", "admin", "auditor"}
    assert who("send_order") == {"trader"}
    assert who("declare_halt") == who("enroll_passkey") == {"trader", "risk", "approver", "admin"}
    assert who("lift_halt") == {"risk", "approver"}
    assert who("work_break") == {"trader", "risk", "approver", "admin"}
    assert who("close_break") == {"approver", "admin"}
    assert who("change_limit") == {"risk"}
    assert who("change_credential") == who("revoke_others_passkey") == {"admin"}
    assert who("enter_admin") == {"risk", "admin", "auditor"}
    assert who("view_user") == {"admin", "auditor"}
    assert not any(name.startswith("delete_") for names in allowed.values() for name in names)
    for role in ("viewer", "auditor"):
        assert {name.partition("_")[0] for name in allowed[role]} <= {"view", "enter"}


def test_whoever_audits_sees_each_kind_of_row_but_sessions() -> None:
    seen = set(Group.objects.get(name="auditor").permissions.values_list("codename", flat=True))
    views = set(Permission.objects.filter(codename__startswith="view_").values_list("codename", flat=True))
    assert views - seen == {"view_session"}


class TestDividing:
    """The old groups become roles."""

    @pytest.mark.parametrize(
        ("old", "roles"),
        [
            ("risk desk", {"trader", "risk"}),
            ("operations", {"admin"}),
            ("approvers", {"approver"}),
            ("others", {"others"}),
        ],
    )
    def test_members_keep_what_they_could_do(self, alice: User, old: str, roles: set[str]) -> None:
        alice.groups.set([Group.objects.create(name=old)])
        migration = import_module("hedgeapp.access.migrations.0004_six_roles")
        with connection.schema_editor() as editor:
            migration.divide(apps, editor)
        assert set(alice.groups.values_list("name", flat=True)) == roles
        assert not Group.objects.filter(name__in=migration.BECOMES).exists()


class TestLive:
    """In live mode nobody stands above the rules."""

    @pytest.fixture(autouse=True)
    def _live(self, settings: Any) -> None:
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"hedgeapp_env": "LIVE"})

    def test_a_superuser_comes_in_by_no_door_and_does_not_stay(self, client: Client, settings: Any) -> None:
        root = User.objects.create_superuser("alice", password=PASSWORD)
        assert attempt(client, PASSWORD) == 200
        assert not logged_in(client)
        token = new_link("alice", at=now())
        assert client.post(f"/login/once/{token}").status_code == 410
        client.force_login(root)
        assert not logged_in(client)

    @COMMITS
    def test_the_first_operator_is_an_admin_like_any_other(self) -> None:
        link()
        operator = User.objects.get()
        assert not operator.is_superuser
        assert [group.name for group in operator.groups.all()] == ["admin"]
        link()
        assert User.objects.count() == 1

    @pytest.mark.parametrize("role", ["admin", "auditor"])
    @pytest.mark.parametrize("model", ["user", "group"])
    def test_people_and_roles_are_looked_at_only(self, client: Client, alice: User, role: str, model: str) -> None:
        alice.groups.set(Group.objects.filter(name=role))
        alice.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
        client.force_login(alice)
        row = alice.pk if model == "user" else alice.groups.get().pk
        assert client.get(f"/admin/auth/{model}/{row}/change/").status_code == 200
        assert client.post(f"/admin/auth/{model}/{row}/change/", {"name": "x"}).status_code == 403
        assert client.get(f"/admin/auth/{model}/add/").status_code == 403
        assert client.post(f"/admin/auth/{model}/{row}/delete/", {"post": "yes"}).status_code == 403
        assert client.post(f"/admin/auth/user/{alice.pk}/password/", {}).status_code in (403, 404)


@COMMITS
def test_the_console_gives_and_takes_roles() -> None:
    out = StringIO()
    call_command("person", "dora", role=["trader", "risk"], stdout=out)
    dora = User.objects.get(username="dora")
    assert set(dora.groups.values_list("name", flat=True)) == {"trader", "risk"}
    assert not dora.has_usable_password()
    call_command("person", "dora", off=True, stdout=out)
    dora.refresh_from_db()
    assert (dora.is_active, dora.groups.count()) == (False, 0)
    assert "dora: trader, risk\ndora: no role, switched off" in out.getvalue()
    with pytest.raises(CommandError, match="a name of letters"):
        call_command("person", "do ra")


def test_a_person_gives_the_address_that_mail_goes_to_and_takes_it_back(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.post("/login/account", {"email": "alice@example.org"}).status_code == 302
    assert User.objects.get().email == "alice@example.org"
    assert b'value="alice@example.org"' in client.get("/login/account").content
    client.post("/login/account", {"email": ""})
    assert User.objects.get().email == ""


def test_what_is_no_address_is_refused_and_changes_nothing(client: Client, alice: User) -> None:
    client.force_login(alice)
    answer = client.post("/login/account", {"email": "alice@example.org\nBcc: eve@example.org"})
    assert answer.status_code == 400
    assert b"Enter a valid email address" in answer.content
    assert User.objects.get().email == ""
