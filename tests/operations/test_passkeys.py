"""Passkeys take two people; what the database keeps of them nobody bends, not even as the app's role."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from hedgeapp.access.models import Assertion, Passkey
from hedgeapp.access.passkeys import (
    PER_PERSON_MAX,
    ConfirmerIsOwner,
    ConsoleIsOver,
    NameIsMalformed,
    OlderKeyMustSign,
    PasskeyDoesNotWait,
    PasskeyIsKnown,
    TooManyPasskeys,
    confirm,
    confirm_at_console,
    enroll,
    fingerprint,
    hash_of,
    revoke,
    vouch,
)
from hedgeapp.access.signing import PasskeyIsNotInForce, PayloadIsSigned, keyring, sign, signer_again
from hedgeapp.core.keyring import KeyIsNotBelieved
from hedgeapp.core.passkeys import AssertionIsRefused, SignCountWentBack
from hedgeapp.eventlog.models import LoggedEvent
from tests.builders.keyholders import device_of, keyholder, now, root, waiting
from tests.builders.passkeys import Device

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

Connection = psycopg.Connection[Any]
Person = tuple[User, Any]
PAYLOAD = bytes(range(32))
REFUSED = (psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege)


@pytest.fixture
def ann(transactional_db: None) -> Person:
    return root("ann")


@pytest.fixture
def bob(ann: Person) -> Person:
    return root("bob")


@pytest.fixture
def eve(ann: Person, bob: Person) -> Person:
    return keyholder("eve", by=ann)


def signed(person: Person, payload: bytes = PAYLOAD) -> Assertion:
    with transaction.atomic():
        return sign(person[0], payload, person[1].assertion(payload), at=now())


def kinds() -> list[str]:
    return list(LoggedEvent.objects.order_by("seq").values_list("kind", flat=True))


def test_a_first_key_is_confirmed_by_another_person_and_each_step_is_in_the_log(eve: Person) -> None:
    assert kinds() == ["PasskeyEnrolled", "PasskeyConfirmed"] * 3
    assert signer_again(signed(eve), PAYLOAD, ring=keyring()) == eve[0].pk


def test_a_key_signs_nothing_before_it_is_confirmed(ann: Person) -> None:
    user, device = User.objects.create_user("carl"), device_of("carl")
    waiting(user, device)
    with pytest.raises(PasskeyIsNotInForce):
        signed((user, device))


def test_nobody_confirms_his_own_key(ann: Person, bob: Person) -> None:
    key = waiting(ann[0], device_of("second"))
    with pytest.raises(ConfirmerIsOwner):
        confirm(key.pk, by=ann[0], assertion=ann[1].assertion(hash_of(key, "confirm")), at=now())


def test_a_further_key_needs_an_older_one_and_another_person(ann: Person, bob: Person) -> None:
    second = device_of("second")
    key = waiting(ann[0], second)
    by_bob = bob[1].assertion(hash_of(key, "confirm"))
    with pytest.raises(OlderKeyMustSign, match="ann to sign with an older passkey first"):
        confirm(key.pk, by=bob[0], assertion=by_bob, at=now())
    vouch(key.pk, by=ann[0], assertion=ann[1].assertion(hash_of(key, "vouch")), at=now())
    confirm(key.pk, by=bob[0], assertion=by_bob, at=now())
    assert signer_again(signed((ann[0], second)), PAYLOAD, ring=keyring()) == ann[0].pk


def test_nobody_vouches_for_the_key_of_another(ann: Person, bob: Person) -> None:
    key = waiting(ann[0], device_of("second"))
    with pytest.raises(PasskeyDoesNotWait):
        vouch(key.pk, by=bob[0], assertion=bob[1].assertion(hash_of(key, "vouch")), at=now())


def test_a_signature_for_another_key_does_not_confirm(ann: Person, bob: Person) -> None:
    carl, dora = User.objects.create_user("carl"), User.objects.create_user("dora")
    one, other = waiting(carl, device_of("carl")), waiting(dora, device_of("dora"))
    with pytest.raises(AssertionIsRefused):
        confirm(one.pk, by=bob[0], assertion=bob[1].assertion(hash_of(other, "confirm")), at=now())


def test_a_key_is_confirmed_once(ann: Person, bob: Person, eve: Person) -> None:
    key = Passkey.objects.get(user=eve[0])
    with pytest.raises(PasskeyDoesNotWait):
        confirm(key.pk, by=bob[0], assertion=bob[1].assertion(hash_of(key, "confirm")), at=now())


def test_a_cool_off_passes_before_a_confirmed_key_signs(ann: Person, bob: Person, settings: Any) -> None:
    settings.PASSKEY_COOL_OFF = timedelta(hours=24)
    eve = keyholder("eve", by=ann)
    assert Passkey.objects.filter(user=eve[0], valid_from__gt=now() + timedelta(hours=23)).exists()
    with pytest.raises(PasskeyIsNotInForce):
        signed(eve)


def test_a_person_signs_a_payload_once_and_two_people_sign_the_same(ann: Person, bob: Person) -> None:
    signed(ann)
    signed(bob)
    with pytest.raises(PayloadIsSigned):
        signed(ann)


def test_a_payload_signed_by_many_at_once_is_signed_once(ann: Person) -> None:
    assertions = [ann[1].assertion(PAYLOAD) for _ in range(6)]

    def try_it(assertion: str) -> bool:
        try:
            with transaction.atomic():
                sign(ann[0], PAYLOAD, assertion, at=now())
        except (PayloadIsSigned, SignCountWentBack):
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(try_it, assertions)) == 1


def test_an_assertion_that_was_caught_is_not_taken_again(ann: Person) -> None:
    caught = ann[1].assertion(PAYLOAD)
    with transaction.atomic():
        sign(ann[0], PAYLOAD, caught, at=now())
    with transaction.atomic(), pytest.raises((PayloadIsSigned, SignCountWentBack)):
        sign(ann[0], PAYLOAD, caught, at=now())


def test_a_key_of_another_person_does_not_sign_for_one(ann: Person, bob: Person) -> None:
    with transaction.atomic(), pytest.raises(PasskeyIsNotInForce):
        sign(ann[0], PAYLOAD, bob[1].assertion(PAYLOAD), at=now())


def test_a_copy_of_a_key_is_found_by_its_count(ann: Person) -> None:
    signed(ann)
    ann[1].count = 1
    with pytest.raises(SignCountWentBack):
        signed(ann, bytes(32))


def test_a_revoked_key_signs_no_more_and_what_it_signed_stays_believed(eve: Person) -> None:
    before = signed(eve)
    revoke(Passkey.objects.get(user=eve[0]).pk, by="eve", reason="lost", at=now())
    with pytest.raises(PasskeyIsNotInForce):
        signed(eve, bytes(32))
    assert signer_again(before, PAYLOAD, ring=keyring()) == eve[0].pk
    assert kinds()[-1] == "PasskeyRevoked"


def test_a_device_is_enrolled_once_and_an_enrolment_sent_once(ann: Person) -> None:
    carl, device, challenge = User.objects.create_user("carl"), device_of("carl"), secrets.token_bytes(32)

    def send(device: Any) -> None:
        registration, proof = device.registration(challenge), device.proof(carl.pk)
        enroll(carl, name="key", challenge=challenge, registration=registration, proof=proof, at=now())

    send(device)
    for again in (device, device_of("another")):
        with pytest.raises(PasskeyIsKnown):
            send(again)


def test_a_key_is_enrolled_for_whom_it_proved_itself(ann: Person) -> None:
    carl, device, challenge = User.objects.create_user("carl"), device_of("carl"), secrets.token_bytes(32)
    registration, proof = device.registration(challenge), device.proof(ann[0].pk)
    with pytest.raises(AssertionIsRefused):
        enroll(carl, name="key", challenge=challenge, registration=registration, proof=proof, at=now())


def test_keys_and_their_names_are_bounded(ann: Person) -> None:
    for number in range(PER_PERSON_MAX - 1):
        waiting(ann[0], device_of(f"device {number}"))
    with pytest.raises(TooManyPasskeys):
        waiting(ann[0], device_of("one more"))
    for name in ("", "x" * 61, "a\x07b"):
        with pytest.raises(NameIsMalformed):
            enroll(
                ann[0],
                name=name,
                challenge=PAYLOAD,
                registration=device_of("x").registration(PAYLOAD),
                proof="",
                at=now(),
            )


class TestConsole:
    """The first keys are confirmed by whoever runs commands on the installation."""

    def test_the_console_lists_and_confirms_by_fingerprint(self, transactional_db: None) -> None:
        out = StringIO()
        call_command("confirm_passkey", stdout=out)
        assert "no passkey waits" in out.getvalue()
        user, device = User.objects.create_user("carl"), device_of("carl")
        shown = fingerprint(waiting(user, device))
        call_command("confirm_passkey", stdout=out)
        assert f"{shown}  blue key of carl" in out.getvalue()
        with pytest.raises(CommandError, match="fingerprint of a passkey that waits"):
            call_command("confirm_passkey", "0000")
        call_command("confirm_passkey", *shown.split(), stdout=out)
        assert signer_again(signed((user, device)), PAYLOAD, ring=keyring()) == user.pk

    def test_the_console_is_over_when_two_people_can_confirm(self, ann: Person, bob: Person) -> None:
        key = waiting(User.objects.create_user("carl"), device_of("carl"))
        with pytest.raises(ConsoleIsOver):
            confirm_at_console(key.pk, at=now(), using="default")

    def test_even_the_owner_is_refused_by_a_trigger(self, ann: Person, bob: Person, owner: Connection) -> None:
        key = waiting(User.objects.create_user("carl"), device_of("carl"))
        with pytest.raises(REFUSED, match="fewer than two other people"):
            owner.execute(
                "UPDATE access_passkey SET is_root = true, confirmed_at = now(), valid_from = now() WHERE id = %s",
                (key.pk,),
            )


class TestAttacks:
    """A web process that was taken over writes what it likes, as the app's role."""

    @pytest.fixture
    def mallory(self) -> Device:
        return device_of("mallory")

    @pytest.fixture
    def key(self, ann: Person, bob: Person, mallory: Device) -> Passkey:
        return waiting(User.objects.create_user("mallory"), mallory)

    @pytest.mark.parametrize(
        "change",
        [
            "is_root = true, confirmed_at = now(), valid_from = now()",
            "confirmed_at = now(), valid_from = now()",
            "confirmed_at = now(), valid_from = now(), confirmed_by_id = {ann}",
            "confirmed_at = now(), valid_from = now(), confirmed_by_id = {ann}, confirmation_id = {other}",
            "user_id = {ann}, enrolled_by_id = {ann}",
            "user_id = {ann}",
            "public_key = '\\x00'",
            "credential_id = '\\x00'",
            "sign_count = -1",
            "vouching_id = {other}",
            "revoked_at = now() - interval '1 day', revoked_by = 'ann'",
            "revoked_at = now()",
        ],
    )
    def test_a_waiting_key_is_not_changed(self, app: Connection, ann: Person, key: Passkey, change: str) -> None:
        other = signed(ann)
        statement = change.format(ann=ann[0].pk, other=other.pk)
        with pytest.raises(REFUSED):
            app.execute(f"UPDATE access_passkey SET {statement} WHERE id = {key.pk}")

    @pytest.mark.parametrize(
        "change",
        [
            "confirmed_at = NULL, confirmed_by_id = NULL, confirmation_id = NULL, valid_from = NULL",
            "valid_from = valid_from - interval '1 day'",
            "public_key = '\\x00'",
            "user_id = {ann}, enrolled_by_id = {ann}",
            "sign_count = 0",
            "revoked_at = NULL, revoked_by = '', revoked_because = ''",
        ],
    )
    def test_a_confirmed_and_revoked_key_is_not_changed(
        self, app: Connection, ann: Person, eve: Person, change: str
    ) -> None:
        key = Passkey.objects.get(user=eve[0])
        revoke(key.pk, by="eve", reason="lost", at=now())
        with pytest.raises(REFUSED):
            app.execute(f"UPDATE access_passkey SET {change.format(ann=ann[0].pk)} WHERE id = {key.pk}")

    @pytest.mark.parametrize("table", ["access_passkey", "access_assertion", "access_totpsecret", "access_totpstep"])
    @pytest.mark.parametrize(
        "statement", ["TRUNCATE {} CASCADE", "ALTER TABLE {} DISABLE TRIGGER ALL", "DROP TABLE {}"]
    )
    def test_the_guards_are_not_taken_away(self, app: Connection, ann: Person, table: str, statement: str) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement.format(table))

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM access_passkey",
            "DELETE FROM access_assertion",
            "UPDATE access_assertion SET challenge = '\\x00'",
            "UPDATE access_assertion SET body = ''",
            "UPDATE access_assertion SET at = at - interval '1 hour'",
        ],
    )
    def test_what_was_signed_stays(self, app: Connection, ann: Person, statement: str) -> None:
        signed(ann)
        with pytest.raises(REFUSED):
            app.execute(statement)

    def test_a_key_that_says_it_is_confirmed_is_not_taken(self, app: Connection, ann: Person, bob: Person) -> None:
        with pytest.raises(REFUSED, match="waits for its confirmation"):
            app.execute(
                "INSERT INTO access_passkey (credential_id, user_id, name, public_key, challenge, proof, first_count,"
                " sign_count, enrolled_at, enrolled_by_id, is_root, confirmed_at, valid_from, revoked_by,"
                " revoked_because) SELECT '\\x01', user_id, 'forged', '\\x01', sha256('x'), '', 0, 0, now(), user_id,"
                " true, now(), now(), '', '' FROM access_passkey LIMIT 1"
            )

    def test_a_key_enrolled_by_another_is_not_taken(self, app: Connection, ann: Person, bob: Person) -> None:
        with pytest.raises(REFUSED, match="access_passkey_enrolled_by_owner"):
            app.execute(
                "INSERT INTO access_passkey (credential_id, user_id, name, public_key, challenge, proof, first_count,"
                " sign_count, enrolled_at, enrolled_by_id, is_root, revoked_by, revoked_because)"
                " VALUES ('\\x01', %s, 'forged', '\\x01', sha256('x'), '', 0, 0, now(), %s, false, '', '')",
                (ann[0].pk, bob[0].pk),
            )

    @pytest.fixture
    def forge(self, app: Connection, ann: Person, eve: Person) -> Callable[..., None]:
        """Return what writes an assertion that nobody signed."""
        ann_key, eve_key = (Passkey.objects.get(user=person[0]) for person in (ann, eve))

        def write(**changed: Any) -> None:
            given = {
                "passkey_id": eve_key.pk,
                "user_id": eve[0].pk,
                "challenge": PAYLOAD,
                "body": "{}",
                "previous_count": eve_key.sign_count,
                "sign_count": eve_key.sign_count + 1,
                "at": now(),
            }
            given |= {name: value(ann, ann_key) if callable(value) else value for name, value in changed.items()}
            app.execute(
                "INSERT INTO access_assertion (passkey_id, user_id, challenge, body, previous_count, sign_count, at)"
                " VALUES (%(passkey_id)s, %(user_id)s, %(challenge)s, %(body)s, %(previous_count)s, %(sign_count)s,"
                " %(at)s)",
                given,
            )

        return write

    @pytest.mark.parametrize(
        "changed",
        [
            {"user_id": lambda ann, _: ann[0].pk},
            {"passkey_id": lambda _, key: key.pk},
            {"challenge": b"short"},
            {"body": "x" * 9000},
            {"previous_count": 1_000, "sign_count": 1_001},
            {"sign_count": 1},
            {"at": now() - timedelta(hours=1)},
            {"at": now() + timedelta(hours=1)},
        ],
    )
    def test_an_assertion_that_cannot_be_is_not_taken(
        self, forge: Callable[..., None], changed: dict[str, Any]
    ) -> None:
        with pytest.raises(REFUSED):
            forge(**changed)

    def test_a_challenge_is_not_reused(self, forge: Callable[..., None], eve: Person) -> None:
        signed(eve)
        count = Passkey.objects.get(user=eve[0]).sign_count
        with pytest.raises(psycopg.errors.UniqueViolation, match="access_assertion_once"):
            forge(previous_count=count, sign_count=count + 1)

    def test_a_forged_assertion_that_is_taken_is_believed_by_nobody(
        self, forge: Callable[..., None], eve: Person
    ) -> None:
        forge()
        with pytest.raises(AssertionIsRefused):
            signer_again(Assertion.objects.latest("pk"), PAYLOAD, ring=keyring())

    def test_a_key_confirmed_by_a_forged_signature_is_believed_by_nobody(
        self, app: Connection, forge: Callable[..., None], key: Passkey, mallory: Device, eve: Person
    ) -> None:
        forge(challenge=hash_of(key, "confirm"))
        forged = Assertion.objects.latest("pk")
        app.execute(
            "UPDATE access_passkey SET confirmed_at = now(), valid_from = now(), confirmed_by_id = %s,"
            " confirmation_id = %s WHERE id = %s",
            (eve[0].pk, forged.pk, key.pk),
        )
        mallory.count = key.sign_count
        by_mallory = signed((key.user, mallory))  # the web process and its database take it
        with pytest.raises(KeyIsNotBelieved):
            signer_again(by_mallory, PAYLOAD, ring=keyring())
