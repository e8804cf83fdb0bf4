"""The page of scenarios lists those that are saved, lets people of the desk change them, and compares two."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from portfolio.operations.standing import keep_runs
from portfolio.queries.books import current_book
from portfolio.queries.standing import runs_at
from tests.builders.desks import history, written

PAGE, SAVE, DROP, MARK = "/scenarios/", "/scenarios/save", "/scenarios/drop", "/scenarios/mark"
COMPARE = "/scenarios/compare"


@pytest.fixture(autouse=True)
def _desk(transactional_db: None, screen_store: object) -> None:
    grant_roles()
    written(*history())


def person(role: str) -> Client:
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def saved(client: Client, name: str, asked: str) -> None:
    answer = client.post(SAVE, {"name": name, "asked": asked, "reason": "the desk asks"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{PAGE}?{asked}#saved")


def form(name: str, **given: str) -> dict[str, str]:
    known = current_book().scenarios.get(name)
    shown = known.saved.at.isoformat() if known else "2026-03-01T12:00:00+00:00"
    return {"name": name, "saved_at": shown, "asked": "", "reason": "because", **given}


def text(client: Client, address: str = PAGE) -> str:
    return client.get(address).content.decode()


def test_a_scenario_goes_from_the_page_to_the_list_to_the_mark_and_away() -> None:
    trader, risk = person("trader"), person("risk")
    assert "Nothing is saved" in text(trader)
    saved(trader, "Down 20 %", "book=live&x=-20")
    page = text(risk)
    assert "Down 20 %" in page
    assert "Live book, ETH −20 %" in page
    assert 'href="?book=live&amp;x=-20"' in page
    assert trader.post(MARK, form("Down 20 %", standing="yes")).status_code == 403
    assert risk.post(MARK, form("Down 20 %", standing="yes")).status_code == 302
    assert "by risk: because" in text(person("viewer"))
    assert trader.post(DROP, form("Down 20 %")).status_code == 409
    assert risk.post(MARK, form("Down 20 %", standing="no")).status_code == 302
    assert risk.post(DROP, form("Down 20 %")).status_code == 409  # of another person
    assert person("admin").post(DROP, form("Down 20 %")).status_code == 302
    assert len(current_book().scenarios) == 0


@pytest.mark.parametrize(
    ("address", "given", "status", "said"),
    [
        (SAVE, {"name": "<b>", "asked": "", "reason": "why"}, 400, "letters"),
        (SAVE, {"name": "A", "asked": "x=nan", "reason": "why"}, 400, "expected a number"),
        (SAVE, {"name": "A", "asked": "x=-20", "reason": ""}, 400, "say why"),
        (DROP, {"name": "A", "saved_at": "yesterday", "reason": "why"}, 409, "look again"),
        (MARK, {"name": "A", "saved_at": "2026-03-01T12:00:00", "reason": "why"}, 409, "look again"),
        (MARK, {"name": "A", "saved_at": "2026-03-01T12:00:00+00:00", "reason": "why"}, 409, "look again"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page_of_the_scenario(
    address: str, given: dict[str, str], status: int, said: str
) -> None:
    answer = person("risk").post(address, given)
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert 'id="scenario"' in answer.content.decode()


def test_two_are_compared_side_by_side_by_a_link() -> None:
    trader = person("trader")
    saved(trader, "Linear", "s=20")
    saved(trader, "Inverse", "book=inverse&x=-25")
    page = text(person("viewer"), f"{COMPARE}?one=Linear&other=Inverse")
    assert "Linear margined, ETH −50 %, s 20" in page
    assert "Inverse margined, ETH −25 %" in page
    assert '<td class="n p1">40.0 %</td>' in page  # staked, of the first
    assert '<td class="n p1">75.0 %</td>' in page  # and of the second
    answer = trader.get(f"{COMPARE}?one=Linear&other=%3Cb%3E")
    assert answer.status_code == 400
    assert "&lt;b&gt;" in answer.content.decode()


def test_in_the_past_the_list_is_what_it_was_and_nothing_can_be_done() -> None:
    before = current_book().seq
    trader = person("trader")
    saved(trader, "Linear", "s=20")
    assert "Nothing was saved" in text(trader, f"{PAGE}?at={before}")
    then = text(trader, f"{PAGE}?at={current_book().seq}")
    assert "Linear margined, ETH −50 %, s 20" in then
    assert "Save this scenario" not in then


def test_what_a_standing_scenario_came_to_is_listed_with_its_limits_or_why_it_is_not_known() -> None:
    risk = person("risk")
    saved(risk, "Near", "book=live&grid=near")
    risk.post(MARK, form("Near", standing="yes"))
    assert "it has not run yet" in text(risk)
    at = datetime.now(UTC)
    keep_runs(runs_at(at), at)
    page = text(risk)
    assert "headroom: " in page
    assert "borrow at +20 %: " in page
    assert ", no limit" in page
    assert "not known" in page  # the sources of these tests were never read
