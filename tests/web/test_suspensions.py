"""The page of suspensions: what takes no new risk and why, and who may let it go on."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.roles import grant_roles
from hedgeapp.core.events.suspensions import InstrumentSuspended
from marketdata.core.catalogue import is_reference
from marketdata.projections import project
from portfolio.queries.books import current_book
from tests.builders.books import AT, INVERSE, LINEAR
from tests.builders.desks import history, written

PAGE, RELEASE = "/data/suspensions/", "/data/suspensions/release"


@pytest.fixture(autouse=True)
def _desk(transactional_db: None, screen_store: object) -> None:
    grant_roles()
    events = history()
    written(*events)
    for event in events:
        if is_reference(event):
            project(event)


def person(role: str) -> Client:
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def quarantined() -> InstrumentSuspended:
    known = current_book().catalogue.instruments[LINEAR]
    offered = replace(known, contract_size=Decimal(10), tick_size=Decimal("0.5"))
    event = InstrumentSuspended(
        at=AT, instrument=LINEAR, cause="specification", by="account:x", reason="size of 1 expected", offered=offered
    )
    written(event)
    return event


def form(event: InstrumentSuspended, **given: str) -> dict[str, str]:
    shown = {"instrument": event.instrument, "cause": event.cause, "suspended_at": event.at.isoformat()}
    return {**shown, "reason": "announced", **given}


def test_without_a_suspension_the_page_says_so_and_offers_every_instrument() -> None:
    page = person("trader").get(PAGE).content.decode()
    assert "Nothing is suspended" in page
    assert f"<option>{LINEAR}</option>" in page
    assert f"<option>{INVERSE}</option>" in page


def test_a_trader_suspends_and_risk_releases() -> None:
    trader = person("trader")
    assert trader.post(PAGE, {"instrument": LINEAR, "reason": "odd prints"}).status_code == 302
    page = trader.get(PAGE).content.decode()
    assert "odd prints" in page
    assert "One person of risk or the approvers releases it" in page
    (event,) = current_book().suspensions
    assert trader.post(RELEASE, form(event)).status_code == 403
    assert person("risk").post(RELEASE, form(event)).status_code == 302
    assert len(current_book().suspensions) == 0


def test_every_field_that_differs_is_shown_with_both_words() -> None:
    quarantined()
    page = person("risk").get(PAGE).content.decode()
    for name, ours, offered in (("contract size", "1", "10"), ("tick size", "0.01", "0.5")):
        assert f'<th scope="row">{name}</th>' in page
        assert f'data-label="ours">{ours}</td>' in page
        assert f'data-label="the venue\'s">{offered}</td>' in page


@pytest.mark.parametrize(("choice", "size"), [("ours", 1), ("theirs", 10)])
def test_a_specification_is_kept_or_taken_over_as_the_form_says(choice: str, size: int) -> None:
    event = quarantined()
    assert person("risk").post(RELEASE, form(event, specification=choice)).status_code == 302
    assert current_book().catalogue.instruments[LINEAR].contract_size == size


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"suspended_at": (AT - timedelta(seconds=1)).isoformat()}, 409, "look again"),
        ({"suspended_at": "yesterday"}, 400, "look again"),
        ({"suspended_at": "2026-03-01T12:00:00"}, 400, "look again"),
        ({"cause": "mood"}, 400, "look again"),
        ({"cause": "person"}, 409, "look again"),
        ({"instrument": "nowhere:X"}, 409, "look again"),
        ({"reason": " "}, 400, "say why"),
        ({"reason": "x" * 501}, 400, "say why"),
    ],
)
def test_what_is_not_as_the_page_showed_it_is_refused_in_a_sentence(
    given: dict[str, str], status: int, said: str
) -> None:
    event = quarantined()
    answer = person("risk").post(RELEASE, form(event, **given))
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert len(current_book().suspensions) == 1


def test_what_the_engine_suspended_it_alone_releases() -> None:
    event = InstrumentSuspended(at=AT, instrument=LINEAR, cause="divergence", by="engine", reason="300 bp away")
    written(event)
    risk = person("risk")
    assert "It ends by itself when the prices agree again" in risk.get(PAGE).content.decode()
    assert risk.post(RELEASE, form(event)).status_code == 409


@pytest.mark.parametrize("given", [{"instrument": "nowhere:X"}, {"reason": ""}, {"reason": "a\x01b"}])
def test_what_cannot_be_suspended_is_refused_in_a_sentence(given: dict[str, str]) -> None:
    answer = person("trader").post(PAGE, {"instrument": LINEAR, "reason": "odd", **given})
    assert answer.status_code == 400
    assert "expected" in answer.content.decode()
    assert len(current_book().suspensions) == 0


def test_the_list_of_instruments_says_which_are_suspended_and_why() -> None:
    quarantined()
    lines = {line.row.id: line for line in person("viewer").get("/instruments/").context["lines"]}
    assert (lines[LINEAR].word, lines[LINEAR].level) == ("suspended", "bad")
    assert "size of 1 expected" in lines[LINEAR].because
    assert lines[INVERSE].word != "suspended"
