"""Alerts on their page: the worst first, with what to do; taken and made quiet by those who have a role."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import redis
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.eventlog.models import Epoch, SecondStore
from portfolio.core.alerts import Alert
from portfolio.core.minting import Standing
from portfolio.queries.books import current_book
from tests.builders.alerts import acknowledged, opened, resolved
from tests.builders.books import reference
from tests.builders.desks import written
from tests.web.frames import Desk

PATH = "/alerts/"


@pytest.fixture(autouse=True)
def _log(transactional_db: None) -> None:
    """Write a log in which a feed and a net exposure ask for somebody."""
    now = datetime.now(UTC)
    delta = opened(
        "d-1", at=now, rule="net_delta", subject="ETH", severity="critical", said="net ETH <26>", evidence="/"
    )
    written(*reference(), opened("f-1", at=now - timedelta(minutes=5)), delta)


def somebody(role: str = "risk", name: str = "ann") -> Client:
    grant_roles()
    user = User.objects.create_user(name)
    if role:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def desk() -> Client:
    return somebody()


def alert(name: str) -> Alert:
    found = current_book().alerts.get(name)
    assert found is not None
    return found


def test_the_worst_stands_first_with_its_evidence_and_what_to_do(desk: Client) -> None:
    page = desk.get(PATH).content.decode()
    assert page.index("net ETH &lt;26&gt;") < page.index("feed:x live expected, found stale")
    assert "2 wait for somebody" in page
    assert 'href="/data/">Evidence' in page
    assert "Open the ticket of the currency" in page
    assert "(2) Alerts" in page


def test_somebody_takes_an_alert_and_the_first_one_keeps_it(desk: Client) -> None:
    assert desk.post(f"{PATH}f-1/acknowledge").status_code == 302
    assert somebody("trader", "bob").post(f"{PATH}f-1/acknowledge").status_code == 302
    taken = alert("f-1").acknowledged
    assert taken is not None
    assert taken.by == "ann"
    page = desk.get(PATH).content.decode()
    assert "Taken by ann" in page
    assert "1 waits for somebody" in page


@pytest.mark.parametrize(
    ("name", "minutes", "status"),
    [
        ("d-1", "30", 302),
        ("d-1", "31", 400),
        ("f-1", "1440", 302),
        ("f-1", "1441", 400),
        ("f-1", "0", 400),
        ("f-1", "-5", 400),
        ("f-1", "x", 400),
        ("f-1", "9999999", 400),
    ],
)
def test_a_snooze_has_a_bound_by_severity(desk: Client, name: str, minutes: str, status: int) -> None:
    answer = desk.post(f"{PATH}{name}/snooze", {"minutes": minutes})
    assert answer.status_code == status
    assert (alert(name).snoozed is not None) is (status == 302)


def test_only_what_its_severity_allows_is_offered(desk: Client) -> None:
    page = desk.get(PATH).content.decode()
    critical, warning = page.split('<li data-state="open"')[1:3]
    assert re.findall(r'name="minutes" value="(\d+)"', critical) == ["10", "30"]
    assert re.findall(r'name="minutes" value="(\d+)"', warning) == ["10", "30", "120", "1440"]


def test_nobody_without_a_role_takes_or_silences(desk: Client) -> None:
    stranger = somebody("", "eve")
    assert "Acknowledge" not in stranger.get(PATH).content.decode()
    assert stranger.post(f"{PATH}f-1/acknowledge").status_code == 403
    assert stranger.post(f"{PATH}f-1/snooze", {"minutes": "10"}).status_code == 403
    assert alert("f-1").acknowledged is None


def test_what_is_over_stands_below_and_is_taken_by_nobody(desk: Client) -> None:
    written(resolved("f-1"))
    assert "feed:x is well again" in desk.get(PATH).content.decode()
    assert desk.post(f"{PATH}f-1/acknowledge").status_code == 409
    assert desk.post(f"{PATH}nothing/snooze", {"minutes": "10"}).status_code == 409


def test_the_list_is_sent_again_only_when_it_changed(desk: Client) -> None:
    page = desk.get(PATH).content.decode()
    (seen,) = re.findall(r'hx-get="/alerts/listed\?seen=(\w+)"', page)
    assert desk.get("/alerts/listed", {"seen": seen}).status_code == 204
    written(acknowledged(name="f-1"))
    again = desk.get("/alerts/listed", {"seen": seen})
    assert again.status_code == 200
    assert "Taken by ann" in again.content.decode()
    assert "<html" not in again.content.decode()


def test_where_nothing_is_wrong_the_page_says_so(desk: Client) -> None:
    written(resolved("f-1"), resolved("d-1"))
    assert "Nothing asks for anybody" in desk.get(PATH).content.decode()


def watched() -> None:
    """Let the engine have proved a moment ago that it lives."""
    now = datetime.now(UTC)
    Epoch.objects.create(
        service="engine", lock_id=1, epoch=1, holder="here/1", backend_pid=1, heartbeat_at=now, wanted_at=now
    )


@pytest.mark.parametrize("path", ["/", "/orders/", "/halt/", "/login/keys/", "/admin/"])
def test_every_page_counts_what_waits_by_severity(desk: Client, path: str) -> None:
    watched()
    page = desk.get(path).content.decode()
    badge = page.partition('class="alert-badge"')[2].partition("</a>")[0]
    assert 'data-level="bad"' in badge
    assert "1 critical, 1 warning, 0 notice open; 0 taken or quiet" in badge
    assert 'data-call="d-1:0"' in page


def test_the_badge_is_sent_again_only_when_it_changed(desk: Client) -> None:
    watched()
    first = desk.get("/alerts/badge")
    assert first.status_code == 200
    assert desk.get("/alerts/badge", {"seen": first["X-Seen"]}).status_code == 204
    written(acknowledged(name="f-1"))
    again = desk.get("/alerts/badge", {"seen": first["X-Seen"]})
    assert "1 critical, 0 warning, 0 notice open; 1 taken or quiet" in again.content.decode()


def test_a_session_that_ended_hears_of_no_alert() -> None:
    assert Client().get("/alerts/badge").status_code == 204


def test_the_badge_says_when_nobody_watches(desk: Client) -> None:
    assert "unwatched" in desk.get("/alerts/badge").content.decode()
    watched()
    assert "unwatched" not in desk.get("/alerts/badge").content.decode()


def test_what_has_just_begun_is_said_and_calls_nobody(desk: Client, screen_store: "redis.Redis") -> None:
    shown = replace(Desk().frame(), minting=Standing(starting=("feed:binance-usdm",)))
    screen_store.set("screen:frame", msgspec.json.encode(shown))
    page = desk.get(PATH).content.decode()
    assert "starting</span> feed:binance-usdm: nobody is called yet" in page


def test_data_shows_who_holds_each_service_and_how_far_the_second_store_is(desk: Client) -> None:
    page = desk.get("/data/").content.decode()
    assert "nobody holds it" in page
    assert "expected at most 30 s behind the log" in page
    SecondStore.objects.create(name="sink", url="file:///second", seq=10_000, stored_at=datetime.now(UTC))
    page = desk.get("/data/").content.decode()
    assert "in step" in page
    assert "file:///second" in page
