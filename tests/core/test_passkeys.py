"""What a passkey signed is believed exactly when everything about it is as it was asked."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core import passkeys
from hedgeapp.core.passkeys import AssertionIsRefused, Key, enrolled, enrolment_hash, text_of, verified
from tests.builders.passkeys import PARTY, VERIFIED, Device

PAYLOAD = hashlib.sha256(b"move 5 ETH").digest()
RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
KINDS, NAMES = [P256, ed25519.Ed25519PrivateKey.generate(), RSA], ["P-256", "Ed25519", "RSA"]


def key_of(device: Device, count: int | None = None) -> Key:
    return Key(
        credential_id=device.credential_id,
        public_key=device.public_key,
        sign_count=device.count if count is None else count,
    )


def check(device: Device, assertion: str, payload: bytes = PAYLOAD, count: int = 1) -> passkeys.Verified:
    return verified(key_of(device, count), PARTY, payload, assertion)


def replaced(parts: tuple[bytes, bytes, bytes], which: int, other: bytes) -> tuple[bytes, bytes, bytes]:
    first, second, third = (other if place == which else part for place, part in enumerate(parts))
    return first, second, third


@pytest.mark.parametrize("private", KINDS, ids=NAMES)
def test_a_signature_of_the_payload_is_believed(private: Any) -> None:
    device = Device(private=private)
    found = check(device, device.assertion(PAYLOAD))
    assert (found.credential_id, found.payload_hash, found.sign_count) == (device.credential_id, PAYLOAD, 2)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["client data", "authenticator data", "signature"])
def test_no_bit_of_what_was_signed_can_be_turned(which: int) -> None:
    device = Device(private=P256)
    client_data, own = device.client_data("webauthn.get", PAYLOAD), device.authenticator_data()
    parts = (client_data, own, device.signed(own + hashlib.sha256(client_data).digest()))
    check(device, device.packed(*parts), count=0)
    for bit in range(len(parts[which]) * 8):
        turned = bytearray(parts[which])
        turned[bit // 8] ^= 1 << bit % 8
        with pytest.raises(AssertionIsRefused):
            check(device, device.packed(*replaced(parts, which, bytes(turned))), count=0)


@given(st.sampled_from([0, 1, 2]), st.binary(max_size=200))
def test_nothing_else_can_be_put_in_place_of_what_was_signed(which: int, other: bytes) -> None:
    device = Device(private=P256)
    client_data, own = device.client_data("webauthn.get", PAYLOAD), device.authenticator_data()
    parts = (client_data, own, device.signed(own + hashlib.sha256(client_data).digest()))
    with pytest.raises(AssertionIsRefused):
        check(device, device.packed(*replaced(parts, which, other)), count=0)


@given(st.integers(0, 255))
def test_no_bit_of_the_payloads_hash_can_be_turned(bit: int) -> None:
    device = Device(private=P256)
    other = bytearray(PAYLOAD)
    other[bit // 8] ^= 1 << bit % 8
    with pytest.raises(passkeys.AnotherThingWasAsked, match="the challenge"):
        check(device, device.assertion(PAYLOAD), bytes(other))


@pytest.mark.parametrize(
    ("changed", "refusal", "sentence"),
    [
        ({"type": "webauthn.create"}, passkeys.AnotherThingWasAsked, "the type webauthn.get"),
        ({"origin": "http://localhost:8001"}, passkeys.AnotherThingWasAsked, "the origin http://localhost:8000"),
        ({"origin": "https://localhost:8000"}, passkeys.AnotherThingWasAsked, "the origin"),
        ({"challenge": "AAAA"}, passkeys.AnotherThingWasAsked, "the challenge"),
        ({"crossOrigin": True}, passkeys.AnotherThingWasAsked, "another site's"),
        ({"rp_id": "example.com"}, passkeys.AnotherThingWasAsked, "the party localhost"),
        ({"flags": 0x01}, passkeys.PersonWasNotVerified, "PIN, finger or face"),
        ({"flags": 0x04}, passkeys.PersonWasNotVerified, "PIN, finger or face"),
        ({"flags": 0x00}, passkeys.PersonWasNotVerified, "PIN, finger or face"),
    ],
)
def test_a_true_signature_of_something_else_is_refused(
    changed: dict[str, Any], refusal: type[Exception], sentence: str
) -> None:
    device = Device()
    with pytest.raises(refusal, match=sentence):
        check(device, device.assertion(PAYLOAD, **changed))


@pytest.mark.parametrize("before", [2, 3, 2**32])
def test_a_key_that_counted_no_further_may_have_a_copy(before: int) -> None:
    device = Device()
    with pytest.raises(passkeys.SignCountWentBack, match=f"above {before} expected, found 2"):
        check(device, device.assertion(PAYLOAD), count=before)


def test_a_key_that_never_counts_is_believed_until_it_had_counted() -> None:
    device = Device(counts=False)
    assert check(device, device.assertion(PAYLOAD), count=0).sign_count == 0
    with pytest.raises(passkeys.SignCountWentBack):
        check(device, device.assertion(PAYLOAD), count=1)


def test_a_signature_of_another_key_is_refused() -> None:
    mine, other = Device("mine"), Device("other")
    with pytest.raises(passkeys.AnotherKeySigned):
        check(mine, other.assertion(PAYLOAD))
    other.credential_id = mine.credential_id
    with pytest.raises(passkeys.SignatureIsFalse):
        check(mine, other.assertion(PAYLOAD))


@given(st.text(max_size=200))
def test_what_is_no_assertion_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(passkeys.AssertionIsMalformed, match="expected"):
        check(Device(private=P256), text)


@pytest.mark.parametrize("field", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("text", ["====", "AA==", "A", "AB", "é", "AA AA", "AA\n"])
def test_base64_with_a_second_spelling_is_refused(field: str, text: str) -> None:
    device = Device(private=P256)
    body = json.loads(device.assertion(PAYLOAD))
    body["response"][field] = text
    with pytest.raises(AssertionIsRefused):
        check(device, json.dumps(body))


def test_an_assertion_has_a_bound() -> None:
    device = Device()
    with pytest.raises(passkeys.AssertionIsMalformed, match="at most 8192 bytes"):
        check(device, device.assertion(PAYLOAD) + " " * passkeys.BODY_BYTES_MAX)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_payload_hash_has_its_length(length: int) -> None:
    device = Device()
    with pytest.raises(passkeys.AssertionIsMalformed, match="32 bytes expected"):
        check(device, device.assertion(bytes(length)), bytes(length))


def test_a_new_key_is_read_from_its_registration() -> None:
    device, challenge = Device(), bytes(range(32))
    assert enrolled(PARTY, challenge, device.registration(challenge)) == key_of(device)


@pytest.mark.parametrize(
    "changed", [{"type": "webauthn.get"}, {"origin": "http://evil"}, {"challenge": text_of(bytes(32))}, {"flags": 0x41}]
)
def test_a_registration_of_something_else_is_refused(changed: dict[str, Any]) -> None:
    challenge = bytes(range(32))
    with pytest.raises(AssertionIsRefused):
        enrolled(PARTY, challenge, Device().registration(challenge, **changed))


@pytest.mark.parametrize(
    "private",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
    ],
    ids=["short RSA", "P-384", "secp256k1"],
)
def test_a_key_of_another_kind_is_refused(private: Any) -> None:
    challenge = bytes(range(32))
    with pytest.raises(passkeys.KeyIsUnusable):
        enrolled(PARTY, challenge, Device(private=private).registration(challenge))


def test_the_credential_id_is_the_one_that_the_device_says() -> None:
    device, challenge = Device(), bytes(range(32))
    said = json.loads(device.registration(challenge))
    said["id"] = text_of(b"another")
    with pytest.raises(passkeys.AssertionIsMalformed, match="one credential id"):
        enrolled(PARTY, challenge, json.dumps(said))


def test_a_signature_for_one_purpose_or_person_is_none_for_another() -> None:
    given: dict[str, Any] = {"credential_id": b"1", "public_key": b"2"}
    hashes = {
        enrolment_hash(purpose, user_id=user_id, **given)
        for purpose in ("enroll", "vouch", "confirm")
        for user_id in (1, 2)
    }
    assert len(hashes) == 6
    assert enrolment_hash("enroll", user_id=1, credential_id=b"12", public_key=b"") not in hashes


def test_flags_of_a_backup_change_nothing() -> None:
    device = Device()
    assert check(device, device.assertion(PAYLOAD, flags=VERIFIED | 0x18)).sign_count == 2
