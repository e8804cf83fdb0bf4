"""The page of keys: who may do what there, and what it says when something is refused."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hedgeapp.access.models import Assertion, Passkey, TotpSecret
from hedgeapp.access.passkeys import fingerprint, hash_of, revoke
from hedgeapp.core.passkeys import bytes_of, text_of
from tests.builders.keyholders import device_of, now, root, waiting
from tests.builders.passkeys import Device

pytestmark = pytest.mark.django_db

KEYS = "/login/keys/"
Holder = tuple[Client, User, Device]


def client_of(user: User, role: str = "approver") -> Client:
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def somebody(name: str, role: str = "approver") -> Client:
    return client_of(User.objects.create_user(name), role)


@pytest.fixture
def ann(db: None) -> Holder:
    user, device = root("ann")
    return client_of(user), user, device


def enrolled(client: Client, device: Device, **changed: str) -> Any:
    offered = client.post(f"{KEYS}offer").json()
    user_id = int.from_bytes(bytes_of(offered["user"]["id"]), "big")
    given = {
        "name": "blue key",
        "registration": device.registration(bytes_of(offered["challenge"])),
        "proof": device.proof(user_id),
    }
    return client.post(f"{KEYS}enroll", given | changed, follow=True)


def test_a_key_is_enrolled_and_another_person_confirms_it(ann: Holder) -> None:
    bob = somebody("bob")
    page = enrolled(bob, device_of("bob")).content.decode()
    key = Passkey.objects.get(user__username="bob")
    assert f"Tell somebody its fingerprint: {fingerprint(key)}" in page
    seen = ann[0].get(KEYS).content.decode()
    assert f'data-assert="{text_of(hash_of(key, "confirm"))}"' in seen
    assert "no key before" in seen
    signed = ann[2].assertion(hash_of(key, "confirm"))
    done = ann[0].post(f"{KEYS}{key.pk}/confirm", {"assertion": signed}, follow=True)
    assert "You signed for blue key of bob." in done.content.decode()
    assert "in force" in bob.get(KEYS).content.decode()


def test_an_enrolment_answers_the_challenge_that_was_begun_last_and_once(ann: Holder) -> None:
    bob, device = somebody("bob"), device_of("bob")
    offered = bob.post(f"{KEYS}offer").json()
    registration = device.registration(bytes_of(offered["challenge"]))
    assert enrolled(bob, device, registration=registration).status_code == 400
    assert not Passkey.objects.filter(user__username="bob").exists()
    user_id = User.objects.get(username="bob").pk
    given = {"name": "key", "registration": registration, "proof": device.proof(user_id)}
    assert bob.post(f"{KEYS}enroll", given).status_code == 400


def test_a_key_of_somebody_who_lost_all_says_so_to_the_confirmer(ann: Holder) -> None:
    bob, _ = root("bob")
    revoke(Passkey.objects.get(user=bob).pk, by="bob", reason="lost at sea", at=now())
    waiting(bob, device_of("new"))
    assert "1 before, the last revoked by bob: lost at sea" in ann[0].get(KEYS).content.decode()


def test_a_further_key_is_vouched_for_on_the_page_and_not_confirmable_before(ann: Holder) -> None:
    bob = client_of(root("bob")[0])
    enrolled(ann[0], device_of("spare"))
    key = Passkey.objects.get(confirmed_at=None)
    assert "Confirm blue key of ann" not in bob.get(KEYS).content.decode()
    assert "waits for an older key" in ann[0].get(KEYS).content.decode()
    ann[0].post(f"{KEYS}{key.pk}/vouch", {"assertion": ann[2].assertion(hash_of(key, "vouch"))})
    assert "Confirm blue key of ann" in bob.get(KEYS).content.decode()


@pytest.mark.parametrize("assertion", ["", "{}", '{"id": "AAAA"}', "null", "[]", "é"])
def test_what_is_no_signature_is_refused_in_a_sentence(ann: Holder, assertion: str) -> None:
    bob = User.objects.create_user("bob")
    key = waiting(bob, device_of("bob"))
    answer = ann[0].post(f"{KEYS}{key.pk}/confirm", {"assertion": assertion})
    assert answer.status_code in (400, 409)
    assert "expected" in answer.content.decode()
    assert not Assertion.objects.exists()


def test_the_proposer_of_a_key_is_no_confirmer(ann: Holder) -> None:
    enrolled(ann[0], device_of("spare"))
    key = Passkey.objects.get(confirmed_at=None)
    answer = ann[0].post(f"{KEYS}{key.pk}/confirm", {"assertion": ann[2].assertion(hash_of(key, "confirm"))})
    assert answer.status_code == 409
    assert "another person than ann expected" in answer.content.decode()


def test_one_revokes_ones_own_and_an_admin_those_of_others(ann: Holder) -> None:
    bob, key = somebody("bob"), Passkey.objects.get()
    assert bob.post(f"{KEYS}{key.pk}/revoke", {"reason": "mine"}).status_code == 403
    assert ann[0].post(f"{KEYS}{key.pk}/revoke", {"reason": ""}).status_code == 400
    admin = somebody("carl", "admin")
    assert "Everybody's keys" in admin.get(KEYS).content.decode()
    assert admin.post(f"{KEYS}{key.pk}/revoke", {"reason": "left the house"}).status_code == 302
    assert "by carl: left the house" in ann[0].get(KEYS).content.decode()


def test_an_auditor_sees_everybodys_keys_and_has_none(ann: Holder) -> None:
    auditor = somebody("dora", "auditor")
    page = auditor.get(KEYS).content.decode()
    assert "Everybody's keys" in page
    assert "Enroll a passkey" not in page
    assert "Revoke…" not in page
    assert auditor.post(f"{KEYS}offer").status_code == 403


def test_codes_are_shown_once_and_confirmed_by_another_person(ann: Holder) -> None:
    bob = somebody("bob")
    assert "otpauth://totp/" in bob.post(f"{KEYS}codes").content.decode()
    assert "otpauth" not in bob.get(KEYS).content.decode()
    row = TotpSecret.objects.get()
    page = ann[0].get(KEYS).content.decode()
    wanted = page.split("codes of six digits")[1].split('data-assert="')[1].split('"')[0]
    answer = ann[0].post(
        f"{KEYS}codes/{row.pk}/confirm", {"assertion": ann[2].assertion(bytes_of(wanted))}, follow=True
    )
    assert "You signed for the codes of bob." in answer.content.decode()
    assert "In force." in bob.get(KEYS).content.decode()


def test_the_page_tells_its_script_whose_keys_may_sign(ann: Holder, settings: Any) -> None:
    page = ann[0].get(KEYS).content.decode()
    assert f'data-credential-ids="{text_of(ann[2].credential_id)}"' in page
    assert f'data-origin="{settings.PASSKEY_ORIGIN}"' in page
    assert json.loads(ann[0].post(f"{KEYS}offer").content)["known"] == [text_of(ann[2].credential_id)]
