"""A key is believed because keys that are believed signed for it, and for no other reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hedgeapp.core.keyring import Enrolment, KeyIsNotBelieved, Keyring, Signed
from hedgeapp.core.passkeys import enrolment_hash
from tests.builders.passkeys import PARTY, Device

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PAYLOAD = bytes(range(32))
ANN, BOB, EVE = 1, 2, 3


class World:
    """Three devices of Ann and Bob (roots) and Eve."""

    def __init__(self) -> None:
        self.ann, self.bob, self.eve = Device("ann"), Device("bob"), Device("eve")
        self.enrolments = [self.root(ANN, self.ann), self.root(BOB, self.bob)]

    def root(self, user_id: int, device: Device) -> Enrolment:
        return replace(self.waiting(user_id, device), is_root=True, confirmed_at=AT, valid_from=AT)

    def waiting(self, user_id: int, device: Device) -> Enrolment:
        first = device.count
        return Enrolment(
            user_id=user_id,
            credential_id=device.credential_id,
            public_key=device.public_key,
            proof=device.proof(user_id),
            first_count=first,
        )

    def signed(self, device: Device, purpose: Any, about: Enrolment, at: datetime = AT + HOUR) -> Signed:
        challenge = enrolment_hash(
            purpose, user_id=about.user_id, credential_id=about.credential_id, public_key=about.public_key
        )
        return self.signature(device, challenge, at)

    def signature(self, device: Device, challenge: bytes = PAYLOAD, at: datetime = AT + 3 * DAY) -> Signed:
        before = device.count
        return Signed(
            credential_id=device.credential_id,
            assertion=device.assertion(challenge),
            previous_count=before,
            at=at,
        )

    def confirmed(self, new: Enrolment, by: Device, **changed: Any) -> Enrolment:
        given: dict[str, Any] = {
            "confirmed_at": AT + HOUR,
            "valid_from": AT + HOUR + DAY,
            "confirmation": self.signed(by, "confirm", new),
        }
        return replace(new, **(given | changed))

    def ring(self, *more: Enrolment) -> Keyring:
        return Keyring([*self.enrolments, *more], PARTY, DAY)


@pytest.fixture
def world() -> World:
    return World()


def is_believed(ring: Keyring, signed: Signed) -> bool:
    try:
        ring.verified(signed, PAYLOAD)
    except KeyIsNotBelieved:
        return False
    return True


def test_a_key_that_another_person_signed_for_is_believed(world: World) -> None:
    eve = world.confirmed(world.waiting(EVE, world.eve), world.bob)
    user_id, found = world.ring(eve).verified(world.signature(world.eve), PAYLOAD)
    assert (user_id, found.payload_hash) == (EVE, PAYLOAD)


def test_a_key_that_waits_is_not_believed(world: World) -> None:
    assert not is_believed(world.ring(world.waiting(EVE, world.eve)), world.signature(world.eve))


def test_a_row_that_says_confirmed_without_a_signature_is_not_believed(world: World) -> None:
    forged = replace(world.waiting(EVE, world.eve), confirmed_at=AT, valid_from=AT)
    assert not is_believed(world.ring(forged), world.signature(world.eve))


def test_nobody_signs_for_himself(world: World) -> None:
    new = world.waiting(ANN, Device("second"))
    by_himself = world.confirmed(new, world.ann, vouching=world.signed(world.ann, "vouch", new))
    assert len(list(world.ring(by_himself))) == 2


def test_a_signature_for_another_key_or_person_is_none(world: World) -> None:
    eve, other = world.waiting(EVE, world.eve), world.waiting(EVE, Device("other"))
    swapped = world.confirmed(eve, world.bob, confirmation=world.signed(world.bob, "confirm", other))
    moved = replace(world.confirmed(eve, world.bob), user_id=BOB)
    vouched = world.confirmed(eve, world.bob, confirmation=world.signed(world.bob, "vouch", eve))
    for forged in (swapped, moved, vouched):
        assert len(list(world.ring(forged))) == 2


def test_a_public_key_that_was_exchanged_is_not_believed(world: World) -> None:
    eve = world.confirmed(world.waiting(EVE, world.eve), world.bob)
    forged = replace(eve, public_key=Device("forged").public_key)
    assert not is_believed(world.ring(forged), world.signature(world.eve))


def test_a_chain_from_a_key_that_is_not_believed_is_not_believed(world: World) -> None:
    mallory = Device("mallory")
    first = replace(world.waiting(9, mallory), confirmed_at=AT, valid_from=AT)
    second = world.confirmed(world.waiting(EVE, world.eve), mallory)
    assert len(list(world.ring(first, second))) == 2


def test_a_further_key_needs_the_older_one_as_well(world: World) -> None:
    device = Device("second")
    new = world.waiting(ANN, device)
    alone = world.confirmed(new, world.bob)
    assert not is_believed(world.ring(alone), world.signature(device))
    both = world.confirmed(new, world.bob, vouching=world.signed(world.ann, "vouch", new))
    assert is_believed(world.ring(both), world.signature(device))


def test_a_cool_off_passes_before_the_first_use_whatever_the_row_says(world: World) -> None:
    eve = world.confirmed(world.waiting(EVE, world.eve), world.bob, valid_from=AT + HOUR)
    early = world.signature(world.eve, at=AT + HOUR + DAY - timedelta(seconds=1))
    late = world.signature(world.eve, at=AT + HOUR + DAY)
    assert [is_believed(world.ring(eve), one) for one in (early, late)] == [False, True]


def test_a_revoked_key_is_believed_for_what_it_signed_before(world: World) -> None:
    eve = world.confirmed(world.waiting(EVE, world.eve), world.bob, revoked_at=AT + 2 * DAY)
    before, after = (world.signature(world.eve, at=AT + days * DAY) for days in (1.5, 2))
    assert [is_believed(world.ring(eve), one) for one in (before, after)] == [True, False]


def test_a_key_confirmed_by_one_that_was_revoked_before_is_not_believed(world: World) -> None:
    world.enrolments[1] = replace(world.enrolments[1], revoked_at=AT + timedelta(minutes=1))
    eve = world.confirmed(world.waiting(EVE, world.eve), world.bob)
    assert not is_believed(world.ring(eve), world.signature(world.eve))


def test_a_key_that_cannot_prove_itself_is_not_believed(world: World) -> None:
    forged = replace(world.confirmed(world.waiting(EVE, world.eve), world.bob), proof="{}")
    assert not is_believed(world.ring(forged), world.signature(world.eve))
