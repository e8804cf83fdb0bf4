"""Roles take two others who sign; what only takes away takes one; the database itself holds both."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args
from urllib.parse import urlsplit

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from hedgeapp.access.grants import withhold
from hedgeapp.access.models import Assertion, PersonChange
from hedgeapp.access.persons import (
    AnotherChangeWaits,
    PersonChangeDoesNotWait,
    PersonIsAsBefore,
    PersonIsMalformed,
    PersonIsOneOfTheTwo,
    Wanted,
    agree_person,
    carry_out_due,
    drop_person,
    hash_of,
    propose_person,
)
from hedgeapp.access.signing import PasskeyIsNotInForce
from hedgeapp.core.events.people import PersonChangeAgreed, PersonChanged, PersonChangeProposed
from hedgeapp.core.passkeys import AnotherThingWasAsked
from hedgeapp.core.person_payloads import Step, person_hash
from hedgeapp.eventlog.grants import secure
from hedgeapp.eventlog.read import read
from tests.builders.gates import Holder, holder
from tests.builders.keyholders import now

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

TOM = Wanted(change_id="tom-1", person="tom", roles=("approver", "trader"), is_active=True, reason="joins the desk")
REFUSED = (psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege)


@pytest.fixture
def ann(log_url: str) -> Holder:
    return holder("ann", "admin")


@pytest.fixture
def bob(ann: Holder) -> Holder:
    return holder("bob", "risk")


def proposed(wanted: Wanted, by: Holder) -> PersonChange:
    name = by[0].get_username()
    return propose_person(wanted, by=by[0], assertion=by[1].assertion(hash_of("propose", wanted, name)), at=now())


def agreed(wanted: Wanted, by: Holder, proposer: str = "ann") -> PersonChange:
    assertion = by[1].assertion(hash_of("agree", wanted, proposer))
    return agree_person(wanted.change_id, by=by[0], assertion=assertion, at=now())


def roles(name: str) -> set[str]:
    return set(User.objects.get(username=name).groups.values_list("name", flat=True))


def events() -> list[Any]:
    connection.ensure_connection()
    kinds = ("PersonChangeProposed", "PersonChangeAgreed", "PersonChanged", "PersonChangeDropped")
    return [one.event for one in read(connection.connection, kinds=kinds)]


def test_two_people_let_a_third_in(ann: Holder, bob: Holder) -> None:
    proposed(TOM, ann)
    assert not User.objects.filter(username="tom").exists()
    agreed(TOM, bob)
    assert roles("tom") == {"approver", "trader"}
    assert not User.objects.get(username="tom").has_usable_password()
    proposal, agreement, changed = events()
    assert isinstance(proposal, PersonChangeProposed)
    assert isinstance(agreement, PersonChangeAgreed)
    assert proposal.assertion
    assert agreement.assertion
    assert isinstance(changed, PersonChanged)
    assert (changed.by, changed.agreed_by, changed.roles) == ("ann", "bob", ("approver", "trader"))


def test_roles_hold_after_their_cool_off(ann: Holder, bob: Holder, settings: Any) -> None:
    settings.ROLE_COOL_OFF = timedelta(hours=1)
    proposed(TOM, ann)
    agreed(TOM, bob)
    assert carry_out_due(now()) == 0
    assert not User.objects.filter(username="tom").exists()
    with pytest.raises(Exception, match="two people who signed, and the end of the cool-off, expected"):
        carry_out_due(now() + timedelta(hours=2))  # a clock of ours that is fast moves nothing


def test_what_is_due_is_carried_out_once(ann: Holder, bob: Holder, settings: Any) -> None:
    settings.ROLE_COOL_OFF = timedelta(milliseconds=50)
    proposed(TOM, ann)
    row = agreed(TOM, bob)
    assert row.holds_from is not None
    while now() <= row.holds_from:
        pass
    assert [carry_out_due(now()), carry_out_due(now())] == [1, 0]
    assert roles("tom") == {"approver", "trader"}


def test_nobody_is_two_of_the_three(ann: Holder, bob: Holder) -> None:
    more = Wanted(change_id="ann-1", person="ann", roles=("admin", "approver"), is_active=True, reason="to help out")
    with pytest.raises(PersonIsOneOfTheTwo):
        proposed(more, ann)
    of_bob = replace(more, change_id="bob-1", person="bob", roles=("risk", "trader"))
    proposed(of_bob, ann)
    for one in (ann, bob):
        with pytest.raises(PersonIsOneOfTheTwo):
            agreed(of_bob, one)
    assert roles("bob") == {"risk"}


def test_what_only_takes_away_takes_one_person_and_no_signature(ann: Holder, bob: Holder) -> None:
    less = Wanted(change_id="bob-1", person="bob", roles=(), is_active=True, reason="left the desk")
    propose_person(less, by=ann[0], assertion="", at=now())
    assert roles("bob") == set()
    off = replace(less, change_id="bob-2", is_active=False)
    propose_person(off, by=ann[0], assertion="", at=now())
    assert not User.objects.get(username="bob").is_active
    with pytest.raises(Exception, match="expected"):
        propose_person(replace(less, change_id="bob-3"), by=ann[0], assertion="", at=now())  # lets in again: gives
    assert [one.agreed_by for one in events()] == ["", ""]


def test_a_signature_over_anything_else_is_refused(ann: Holder, bob: Holder) -> None:
    more = replace(TOM, roles=("admin",))
    with pytest.raises(AnotherThingWasAsked):
        propose_person(more, by=ann[0], assertion=ann[1].assertion(hash_of("propose", TOM, "ann")), at=now())
    proposed(TOM, ann)
    with pytest.raises(AnotherThingWasAsked):
        agree_person("tom-1", by=bob[0], assertion=bob[1].assertion(hash_of("propose", TOM, "ann")), at=now())
    with pytest.raises(PasskeyIsNotInForce):
        agree_person("tom-1", by=bob[0], assertion=ann[1].assertion(hash_of("agree", TOM, "ann")), at=now())
    assert not User.objects.filter(username="tom").exists()


def test_a_change_is_dropped_by_one_person_and_one_waits_at_a_time(ann: Holder, bob: Holder) -> None:
    proposed(TOM, ann)
    with pytest.raises(AnotherChangeWaits):
        proposed(replace(TOM, change_id="tom-2"), ann)
    drop_person("tom-1", by="bob", reason="not yet", at=now())
    with pytest.raises(PersonChangeDoesNotWait):
        agreed(TOM, bob)
    proposed(replace(TOM, change_id="tom-2"), ann)


@pytest.mark.parametrize(
    "changed",
    [
        {"person": "to m"},
        {"person": "console"},
        {"person": "tоm"},  # a Cyrillic о
        {"roles": ("wheel",)},
        {"reason": " "},
        {"reason": "x" * 501},
        {"change_id": "a/b"},
    ],
)
def test_what_cannot_be_meant_is_refused(ann: Holder, changed: dict[str, Any]) -> None:
    with pytest.raises(PersonIsMalformed):
        propose_person(replace(TOM, **changed), by=ann[0], assertion="", at=now())


def test_a_change_that_changes_nothing_is_refused(ann: Holder) -> None:
    same = Wanted(change_id="ann-1", person="ann", roles=("admin",), is_active=True, reason="so")
    with pytest.raises(PersonIsAsBefore):
        propose_person(same, by=ann[0], assertion="", at=now())


def test_the_database_computes_the_same_hash(ann: Holder, bob: Holder) -> None:
    row = proposed(TOM, ann)
    for step in get_args(Step):
        with connection.cursor() as cursor:
            text = "SELECT access_person_hash(%s, change) FROM access_personchange AS change WHERE id = %s"
            cursor.execute(text, [step, row.pk])
            (found,) = cursor.fetchone()
        assert bytes(found) == person_hash(
            step,
            change_id="tom-1",
            person="tom",
            roles=("trader", "approver"),
            is_active=True,
            by="ann",
            reason="joins the desk",
        )


def test_the_console_gives_the_first_roles_in_live_mode_and_no_more_when_two_can(
    ann: Holder, bob: Holder, settings: Any
) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"hedgeapp_env": "LIVE"})
    with pytest.raises(CommandError, match="let two of them give the roles on the page of people"):
        call_command("person", "tom", role=["trader"])
    call_command("person", "tom")
    call_command("person", "bob", off=True)
    call_command("person", "tom", role=["trader"], reason="bob is away")
    assert (roles("tom"), events()[-1].by) == ({"trader"}, "console")


@pytest.fixture
def web(
    owner: psycopg.Connection[Any], app_url: str, app: psycopg.Connection[Any], ann: Holder, bob: Holder
) -> Iterator[psycopg.Connection[Any]]:
    """A connection of a web process that somebody took over, in live mode."""
    role = urlsplit(app_url).username
    assert role
    withhold(connection, role, is_live=True)
    yield app
    secure(connection, role)


_FORGED = """
INSERT INTO access_personchange (change_id, person, roles, is_active, is_console, proposed_by, proposed_at, proposal_id,
                                 reason, agreed_by, agreed_at, agreement_id, holds_from, dropped_by, dropped_because)
VALUES ('f-1', 'mallory', 'approver', true, %s, 'ann', now(), %s, 'so', %s, %s, %s, %s, '', '')
"""


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO auth_user_groups (user_id, group_id) SELECT auth_user.id, 1 FROM auth_user",
        "UPDATE auth_user_groups SET user_id = user_id",
        "DELETE FROM auth_user_groups",
        "UPDATE auth_user SET is_superuser = true",
        "UPDATE auth_user SET is_active = true",
        "INSERT INTO auth_group_permissions (group_id, permission_id) SELECT 1, 1",
        "UPDATE auth_group SET name = 'approver'",
        "UPDATE django_migrations SET name = name",
        "DELETE FROM auth_permission",
    ],
)
def test_in_live_mode_the_app_s_role_writes_no_roles(web: psycopg.Connection[Any], attack: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute(attack)


def test_passwords_logins_and_addresses_are_still_its_own(web: psycopg.Connection[Any]) -> None:
    web.execute("UPDATE auth_user SET password = '!x', last_login = now(), email = 'a@x.test' WHERE username = 'ann'")


def test_a_change_without_signatures_is_not_carried_out(web: psycopg.Connection[Any]) -> None:
    web.execute(_FORGED, (False, None, "", None, None, None))
    with pytest.raises(REFUSED, match="two people who signed"):
        web.execute("SELECT access_carry_out_person_change('f-1')")
    with pytest.raises(REFUSED):
        web.execute("UPDATE access_personchange SET applied_at = now() WHERE change_id = 'f-1'")
    with pytest.raises(REFUSED):
        web.execute("DELETE FROM access_personchange")


def test_a_forged_console_or_agreement_is_refused(web: psycopg.Connection[Any], bob: Holder) -> None:
    with pytest.raises(REFUSED, match="the database's owner expected at the console"):
        web.execute(_FORGED, (True, None, "", None, None, None))
    with pytest.raises(REFUSED):
        web.execute(_FORGED, (False, None, "bob", now(), 1, now()))
    assert not Assertion.objects.exists() or PersonChange.objects.count() == 0


def test_a_change_that_two_people_signed_is_carried_out_by_the_app_s_role(
    web: psycopg.Connection[Any], ann: Holder, bob: Holder, settings: Any
) -> None:
    settings.ROLE_COOL_OFF = timedelta(milliseconds=1)
    proposed(TOM, ann)
    row = agreed(TOM, bob)
    assert row.holds_from is not None
    while now() <= row.holds_from:
        pass
    web.execute("SELECT access_carry_out_person_change('tom-1')")
    assert roles("tom") == {"approver", "trader"}
