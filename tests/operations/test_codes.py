"""Codes of six digits: confirmed by another person, each used once, gone from nobody's memory by a restart."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import transaction

from hedgeapp.access.attempts import PER_PERSON_AND_ADDRESS_MAX, TooManyAttempts
from hedgeapp.access.codes import (
    CodeIsWrong,
    NoCodes,
    confirm_codes,
    confirmation_hash,
    count_code,
    new_secret,
    use_code,
)
from hedgeapp.access.models import TotpSecret, TotpStep
from marketdata.operations.credentials import rotate_keys
from tests.builders.keyholders import now, root
from tests.builders.phones import Phone, phone_of

pytestmark = pytest.mark.django_db(transaction=True)

Connection = psycopg.Connection[Any]
Person = tuple[User, Any]
REFUSED = (psycopg.errors.IntegrityError, psycopg.errors.InsufficientPrivilege)


@pytest.fixture
def ann(transactional_db: None) -> Person:
    return root("ann")


@pytest.fixture
def carl(ann: Person) -> tuple[User, Phone]:
    """Somebody whose codes Ann confirmed."""
    user = User.objects.create_user("carl")
    return user, phone_of(user, by=ann)


def use(user: User, code: str, at: datetime) -> bool:
    try:
        with transaction.atomic():
            use_code(user, code, at=at)
    except CodeIsWrong:
        return False
    return True


def test_a_code_is_good_once(carl: tuple[User, Phone]) -> None:
    at = now()
    code = carl[1].code(at)
    assert [use(carl[0], code, at), use(carl[0], code, at)] == [True, False]


def test_a_code_of_the_neighboring_step_is_good_and_an_older_one_is_not(carl: tuple[User, Phone]) -> None:
    at = now()
    assert use(carl[0], carl[1].code(at - timedelta(seconds=30)), at)
    assert not use(carl[0], carl[1].code(at - timedelta(seconds=90)), at)


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "٣٣٣٣٣٣", "0" * 400])
def test_what_is_no_code_is_wrong(carl: tuple[User, Phone], code: str) -> None:
    assert not use(carl[0], code, now())


def test_codes_wait_for_another_person(ann: Person) -> None:
    row, uri = new_secret(ann[0], at=now())
    with transaction.atomic(), pytest.raises(NoCodes):
        use_code(ann[0], Phone(uri).code(now()), at=now())
    with pytest.raises(NoCodes):
        confirm_codes(row.pk, by=ann[0], assertion=ann[1].assertion(confirmation_hash(row)), at=now())


def test_a_new_secret_ends_the_old_one_and_waits_itself(carl: tuple[User, Phone]) -> None:
    new_secret(carl[0], at=now())
    with transaction.atomic(), pytest.raises(NoCodes):
        use_code(carl[0], carl[1].code(now()), at=now())


def test_guessing_codes_is_bounded(carl: tuple[User, Phone]) -> None:
    for _ in range(PER_PERSON_AND_ADDRESS_MAX):
        count_code(carl[0], "127.0.0.1", at=datetime.now(UTC))
    with pytest.raises(TooManyAttempts):
        count_code(carl[0], "127.0.0.1", at=datetime.now(UTC))


def test_a_secret_is_kept_encrypted_and_survives_new_field_keys(carl: tuple[User, Phone]) -> None:
    before = bytes(TotpSecret.objects.get().secret_ciphertext)
    assert carl[1].secret.hex().encode() not in before
    assert rotate_keys() == 1
    assert bytes(TotpSecret.objects.get().secret_ciphertext) != before
    assert use(carl[0], carl[1].code(now()), now())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM access_totpstep",
        "UPDATE access_totpstep SET step = step - 1",
        "INSERT INTO access_totpstep (secret_id, step, at) SELECT secret_id, step, at FROM access_totpstep",
        "INSERT INTO access_totpstep (secret_id, step, at) SELECT secret_id, 7, at FROM access_totpstep",
        "UPDATE access_totpsecret SET user_id = (SELECT id FROM auth_user WHERE username = 'ann')",
        "UPDATE access_totpsecret SET confirmed_at = now() - interval '1 hour'",
        "DELETE FROM access_totpsecret",
        "INSERT INTO access_totpsecret (user_id, secret_ciphertext, enrolled_at, confirmed_at, confirmed_by_id,"
        " confirmation_id) SELECT confirmed_by_id, secret_ciphertext, now(), now(), user_id, confirmation_id"
        " FROM access_totpsecret",
    ],
)
def test_a_used_code_stays_used_and_a_secret_stays_whose_it_is(
    app: Connection, carl: tuple[User, Phone], statement: str
) -> None:
    assert use(carl[0], carl[1].code(now()), now())
    assert TotpStep.objects.count() == 1
    with pytest.raises(REFUSED):
        app.execute(statement)
