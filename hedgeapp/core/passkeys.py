"""Passkeys: what a key that never leaves its device signed.  key x party x payload hash x assertion -> Verified

WebAuthn level 2, §7.1 and §7.2, without attestation: a key is believed because two people vouch for it (`keyring`), not
because of its maker. Public keys are kept as SubjectPublicKeyInfo, so nothing here decodes CBOR.
"""

import base64
import hashlib
import struct
from typing import Final, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from hedgeapp.core.records import record

HASH_BYTES: Final = 32  # of a payload's hash, which is the challenge
BODY_BYTES_MAX: Final = 8_192  # of an assertion or an enrolment as JSON
RSA_BITS_MIN: Final = 2_048
ALGORITHMS: Final = (-7, -8, -257)  # COSE numbers, best first: ES256, EdDSA, RS256

_CREATE: Final = "webauthn.create"
_GET: Final = "webauthn.get"
_USER_PRESENT: Final = 0x01
_USER_VERIFIED: Final = 0x04
_HAS_KEY: Final = 0x40
_FIXED: Final = struct.Struct(">32sBI")  # authenticator data: hash of the party's id, flags, sign count
_KEY_HEAD: Final = struct.Struct(">16sH")  # then, of a new key: maker's id, length of the credential id

Purpose = Literal["enroll", "vouch", "confirm"]
T = TypeVar("T")


class AssertionIsRefused(PermissionError):
    """What a passkey signed, or did not, is not what was asked."""


class AssertionIsMalformed(AssertionIsRefused):
    """The JSON is not what a browser makes of an answer."""


class AnotherKeySigned(AssertionIsRefused):
    """The answer is of another key than the one it was checked against."""


class AnotherThingWasAsked(AssertionIsRefused):
    """The signed words name another ceremony, payload, page or party."""


class PersonWasNotVerified(AssertionIsRefused):
    """The device did not look at who used it."""


class SignCountWentBack(AssertionIsRefused):
    """The key counted no further than it had: there may be a copy of it."""


class SignatureIsFalse(AssertionIsRefused):
    """The signature is not the key's."""


class KeyIsUnusable(AssertionIsRefused):
    """The public key is no key of a kind that is accepted."""


@record
class Party:
    """Who asks for signatures: the id that keys are bound to (a host name), and the origin of our pages."""

    rp_id: str
    origin: str


@record
class Key:
    """A public key (SubjectPublicKeyInfo, DER) and how far it had counted before the assertion in question."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@record
class Verified:
    """An assertion that holds: which key signed which payload, and how far it has counted."""

    credential_id: bytes
    payload_hash: bytes
    sign_count: int


class _Answer(msgspec.Struct):
    clientDataJSON: str
    authenticatorData: str
    signature: str = ""
    publicKey: str = ""


class _Credential(msgspec.Struct):
    id: str
    type: Literal["public-key"]
    response: _Answer


class _ClientData(msgspec.Struct):
    type: str
    challenge: str
    origin: str
    crossOrigin: bool = False


def verified(key: Key, party: Party, payload_hash: bytes, assertion: str) -> Verified:
    """Verify that a key signed a payload's hash for us, with its owner verified; refuse with AssertionIsRefused.

    `assertion` is an AuthenticationResponseJSON of at most BODY_BYTES_MAX bytes.
    """
    _require_hash(payload_hash)
    credential = _parsed(assertion.encode(), _Credential)
    if _bytes(credential.id) != key.credential_id:
        raise AnotherKeySigned("an assertion of the named passkey expected, found another passkey's: use that key")
    client_data = _bytes(credential.response.clientDataJSON)
    authenticator_data = _bytes(credential.response.authenticatorData)
    _require_asked(client_data, _GET, payload_hash, party)
    count = _count(authenticator_data, party)
    _require_signature(
        key.public_key,
        authenticator_data + hashlib.sha256(client_data).digest(),
        _bytes(credential.response.signature),
    )
    # Keys that do not count say 0 for ever.
    if count <= key.sign_count and (count or key.sign_count):
        raise SignCountWentBack(
            f"a sign count above {key.sign_count} expected, found {count}: a copy of it may exist, revoke it"
        )
    return Verified(credential_id=key.credential_id, payload_hash=payload_hash, sign_count=count)


def enrolled(party: Party, challenge: bytes, registration: str) -> Key:
    """Return the key that a browser made for us in answer to a challenge; refuse with AssertionIsRefused.

    `registration` is a RegistrationResponseJSON with `authenticatorData` and `publicKey`, at most BODY_BYTES_MAX bytes.
    It proves nothing about who holds the key: have it sign `enrolment_hash` next.
    """
    _require_hash(challenge)
    credential = _parsed(registration.encode(), _Credential)
    client_data = _bytes(credential.response.clientDataJSON)
    authenticator_data = _bytes(credential.response.authenticatorData)
    public_key = _bytes(credential.response.publicKey)
    _require_asked(client_data, _CREATE, challenge, party)
    count = _count(authenticator_data, party)
    credential_id = _credential_id(authenticator_data)
    if credential_id != _bytes(credential.id):
        raise AssertionIsMalformed(
            "one credential id expected, found another in the authenticator's data: enroll again"
        )
    _loaded(public_key)
    return Key(credential_id=credential_id, public_key=public_key, sign_count=count)


def enrolment_hash(purpose: Purpose, *, user_id: int, credential_id: bytes, public_key: bytes) -> bytes:
    """Return what is signed about a key: by itself (enroll), by its owner's older key (vouch), by another's (confirm).

    The database computes the same (migration 0002 of access): change neither.
    """
    parts = (user_id.to_bytes(8, "big"), len(credential_id).to_bytes(4, "big"), credential_id, public_key)
    return hashlib.sha256(f"hedgeapp:passkey:{purpose}:".encode() + b"".join(parts)).digest()


def text_of(raw: bytes) -> str:
    """Return bytes as browsers write them: base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    """Return the bytes of base64url without padding; refuse with AssertionIsMalformed what has a second spelling."""
    return _bytes(text)


def _require_hash(payload_hash: bytes) -> None:
    if len(payload_hash) != HASH_BYTES:
        raise AssertionIsMalformed(f"a payload hash of {HASH_BYTES} bytes expected, found {len(payload_hash)}")


def _parsed(body: bytes, kind: type[T]) -> T:
    if len(body) > BODY_BYTES_MAX:
        raise AssertionIsMalformed(f"at most {BODY_BYTES_MAX} bytes of JSON expected, found {len(body)}")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise AssertionIsMalformed(f"a browser's answer as JSON expected, found something else: {error}") from None


def _bytes(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    if text_of(raw) != text:
        raise AssertionIsMalformed("base64url without padding expected, found something else: ask for it again")
    return raw


def _require_asked(client_data: bytes, ceremony: str, challenge: bytes, party: Party) -> None:
    said = _parsed(client_data, _ClientData)
    for name, expected, found in (
        ("type", ceremony, said.type),
        ("challenge", text_of(challenge), said.challenge),
        ("origin", party.origin, said.origin),
    ):
        if found != expected:
            raise AnotherThingWasAsked(f"the {name} {expected} to be signed expected, found {found}: ask for it again")
    if said.crossOrigin:
        raise AnotherThingWasAsked("a page of our own to ask expected, found one inside another site's: open it itself")


def _count(authenticator_data: bytes, party: Party) -> int:
    if len(authenticator_data) < _FIXED.size:
        raise AssertionIsMalformed(
            f"authenticator data of {_FIXED.size} bytes or more expected, found {len(authenticator_data)}"
        )
    rp_id_hash, flags, count = _FIXED.unpack_from(authenticator_data)
    if rp_id_hash != hashlib.sha256(party.rp_id.encode()).digest():
        raise AnotherThingWasAsked(f"the party {party.rp_id} to be signed expected, found another: ask for it again")
    if not (flags & _USER_PRESENT and flags & _USER_VERIFIED):
        raise PersonWasNotVerified(
            "a device that asked for PIN, finger or face expected, found one that did not: use one that does"
        )
    return int(count)


def _credential_id(authenticator_data: bytes) -> bytes:
    start = _FIXED.size + _KEY_HEAD.size
    if not authenticator_data[32] & _HAS_KEY or len(authenticator_data) < start:
        raise AssertionIsMalformed("authenticator data with a new key expected, found none: enroll again")
    _, length = _KEY_HEAD.unpack_from(authenticator_data, _FIXED.size)
    return authenticator_data[start : start + int(length)]


def _loaded(public_key: bytes) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey:
    try:
        loaded = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyIsUnusable("a public key expected, found something else: enroll again") from None
    match loaded:
        case ec.EllipticCurvePublicKey() if isinstance(loaded.curve, ec.SECP256R1):
            return loaded
        case ed25519.Ed25519PublicKey():
            return loaded
        case rsa.RSAPublicKey() if loaded.key_size >= RSA_BITS_MIN:
            return loaded
        case _:
            raise KeyIsUnusable(
                f"P-256, Ed25519 or RSA of {RSA_BITS_MIN} bits expected, found another: use another key"
            )


def _require_signature(public_key: bytes, message: bytes, signature: bytes) -> None:
    try:
        match _loaded(public_key):
            case ec.EllipticCurvePublicKey() as key:
                key.verify(signature, message, ec.ECDSA(SHA256()))
            case ed25519.Ed25519PublicKey() as key:
                key.verify(signature, message)
            case rsa.RSAPublicKey() as key:
                key.verify(signature, message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        raise SignatureIsFalse("the named passkey's signature expected, found another: sign again") from None
