"""The page of people: roles are looked at by everybody, given by two, taken away by one."""

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from hedgeapp.access.models import PersonChange
from hedgeapp.core.passkeys import bytes_of
from tests.builders.gates import Holder, client_of, holder

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PEOPLE = "/login/people/"
TOM = {"person": "tom", "roles": ["approver", "trader"], "is_active": "on", "reason": "joins the desk"}


@pytest.fixture
def ann(transactional_db: None) -> Holder:
    return holder("ann", "admin")


@pytest.fixture
def bob(ann: Holder) -> Holder:
    return holder("bob", "risk")


def fields(page: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page):
        found.setdefault(name, []).append(html.unescape(value))
    return found


def asked(page: str) -> bytes:
    found = re.search(r'data-assert="([^"]*)"', page)
    assert found
    return bytes_of(found[1])


def test_somebody_new_is_looked_at_signed_and_agreed_to(ann: Holder, bob: Holder) -> None:
    first, second = client_of(ann[0]), client_of(bob[0])
    page = first.post(f"{PEOPLE}change", TOM).content.decode()
    assert "Let tom in" in page
    assert "approver, trader" in page
    given = fields(page) | {"assertion": ann[1].assertion(asked(page))}
    assert (
        "Another person must agree to the change of tom"
        in first.post(f"{PEOPLE}propose", given, follow=True).content.decode()
    )
    assert 'aria-label="Agree' not in first.get(PEOPLE).content.decode()
    seen = second.get(PEOPLE).content.decode()
    change = PersonChange.objects.get()
    done = second.post(
        f"{PEOPLE}{change.change_id}/agree", {"assertion": bob[1].assertion(asked(seen))}, follow=True
    ).content.decode()
    assert "You agreed. The roles of tom hold from" in done
    assert set(User.objects.get(username="tom").groups.values_list("name", flat=True)) == {"approver", "trader"}


def test_taking_away_asks_for_no_signature(ann: Holder, bob: Holder) -> None:
    client = client_of(ann[0])
    page = client.post(f"{PEOPLE}change", {"person": "bob", "is_active": "on", "reason": "left"}).content.decode()
    assert "Take away now" in page
    assert "data-assert" not in page
    assert "bob is changed" in client.post(f"{PEOPLE}propose", fields(page), follow=True).content.decode()
    assert not User.objects.get(username="bob").groups.exists()


def test_a_wrong_name_or_reason_is_said_and_what_was_typed_is_kept(ann: Holder) -> None:
    client = client_of(ann[0])
    answer = client.post(f"{PEOPLE}change", TOM | {"person": "to m"})
    page = html.unescape(answer.content.decode())
    assert (answer.status_code, "a name of letters, digits and @.+-_ expected, found 'to m'" in page) == (400, True)
    assert 'value="joins the desk"' in page
    assert re.search(r'value="approver" checked', page)
    assert client.post(f"{PEOPLE}change", TOM | {"reason": ""}).status_code == 400
    assert client.post(f"{PEOPLE}propose", TOM | {"change_id": "x", "assertion": "{}"}).status_code == 400


def test_a_change_is_dropped_and_the_subject_or_the_first_cannot_agree(ann: Holder, bob: Holder) -> None:
    client = client_of(ann[0])
    of_bob = {"person": "bob", "roles": ["risk", "trader"], "is_active": "on", "reason": "helps out"}
    page = client.post(f"{PEOPLE}change", of_bob).content.decode()
    client.post(f"{PEOPLE}propose", fields(page) | {"assertion": ann[1].assertion(asked(page))})
    change = PersonChange.objects.get()
    for one in (ann, bob):
        path = f"{PEOPLE}{change.change_id}/agree"
        answer = client_of(one[0]).post(path, {"assertion": one[1].assertion(bytes(32))})
        assert (answer.status_code, "two people, neither of them bob" in answer.content.decode()) == (403, True)
    dropped = client_of(bob[0]).post(f"{PEOPLE}{change.change_id}/drop", {"reason": "no"}, follow=True)
    assert "The change of bob is dropped" in dropped.content.decode()


def test_everybody_sees_who_has_which_role(ann: Holder, bob: Holder) -> None:
    viewer = User.objects.create_user("vic")
    page = client_of(viewer).get(PEOPLE).content.decode()
    assert "ann" in page
    assert "Change…" not in page
    assert client_of(viewer).get(f"{PEOPLE}change").status_code == 403
