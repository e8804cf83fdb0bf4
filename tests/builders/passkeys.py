"""A device with a passkey, in software: what a browser and an authenticator make together."""

import hashlib
import json
import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hedgeapp.core.passkeys import Party, enrolment_hash, text_of

PARTY = Party(rp_id="localhost", origin="http://localhost:8000")
VERIFIED = 0x05  # user present and verified

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Device:
    """A device with one passkey, which counts what it signs."""

    def __init__(
        self, name: str = "blue", private: PrivateKey | None = None, party: Party = PARTY, counts: bool = True
    ) -> None:
        self.credential_id = hashlib.sha256(name.encode()).digest()
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        self.party = party
        self.count = 1 if counts else 0

    @property
    def public_key(self) -> bytes:
        """Its public key as a browser gives it."""
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def client_data(self, kind: str, challenge: bytes, /, **changed: Any) -> bytes:
        """Return what the browser says was asked."""
        said = {"type": kind, "challenge": text_of(challenge), "origin": self.party.origin, "crossOrigin": False}
        return json.dumps(said | changed, separators=(",", ":")).encode()

    def authenticator_data(self, flags: int = VERIFIED, rp_id: str = "", more: bytes = b"") -> bytes:
        """Return what the device says of itself."""
        rp_id_hash = hashlib.sha256((rp_id or self.party.rp_id).encode()).digest()
        return rp_id_hash + struct.pack(">BI", flags, self.count) + more

    def registration(self, challenge: bytes, /, flags: int = VERIFIED | 0x40, **changed: Any) -> str:
        """Return what the browser sends after a passkey was made."""
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + b"\xa5COSE"
        return self._json(
            clientDataJSON=text_of(self.client_data("webauthn.create", challenge, **changed)),
            authenticatorData=text_of(self.authenticator_data(flags, more=attested)),
            publicKey=text_of(self.public_key),
        )

    def assertion(self, payload_hash: bytes, /, *, flags: int = VERIFIED, rp_id: str = "", **changed: Any) -> str:
        """Return what the browser sends after the passkey signed a hash."""
        self.count += 1 if self.count else 0
        client_data = self.client_data("webauthn.get", payload_hash, **changed)
        data = self.authenticator_data(flags, rp_id)
        return self.packed(client_data, data, self.signed(data + hashlib.sha256(client_data).digest()))

    def packed(self, client_data: bytes, authenticator_data: bytes, signature: bytes) -> str:
        """Return the JSON of an assertion made of these parts."""
        return self._json(
            clientDataJSON=text_of(client_data),
            authenticatorData=text_of(authenticator_data),
            signature=text_of(signature),
            userHandle=None,
        )

    def signed(self, message: bytes) -> bytes:
        """Sign a message."""
        match self.private:
            case ec.EllipticCurvePrivateKey():
                return self.private.sign(message, ec.ECDSA(SHA256()))
            case ed25519.Ed25519PrivateKey():
                return self.private.sign(message)
            case rsa.RSAPrivateKey():
                return self.private.sign(message, padding.PKCS1v15(), SHA256())

    def proof(self, user_id: int) -> str:
        """Return its signature over its own enrolment."""
        about = enrolment_hash("enroll", user_id=user_id, credential_id=self.credential_id, public_key=self.public_key)
        return self.assertion(about)

    def _json(self, **response: Any) -> str:
        name = text_of(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
                "authenticatorAttachment": "platform",
            }
        )
