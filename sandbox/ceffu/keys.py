"""Keys of the sandbox custodian: one random RSA pair per folder, the private half for the client only."""

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT_FILE: Final = "ceffu.client.json"
SERVER_FILE: Final = "ceffu.server.json"
KEY_BITS: Final = 2048
PRIVATE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKey:
    """What the server knows of a client: its API key and its public RSA key."""

    api_key: str
    public_key: rsa.RSAPublicKey

    def has_signed(self, signature: str, content: bytes) -> bool:
        """Tell whether `signature` is base64 of RSA PKCS#1 v1.5 with SHA-512 over the content by this key."""
        try:
            self.public_key.verify(
                base64.b64decode(signature, validate=True), content, padding.PKCS1v15(), hashes.SHA512()
            )
        except (InvalidSignature, ValueError):
            return False
        return True


def server_key(folder: Path) -> ServerKey:
    """Return the server's half of the folder's pair, which is made on the first call."""
    kept = kept_once(folder / SERVER_FILE, lambda: _public_half(client_key(folder)))
    public = serialization.load_pem_public_key(kept["public_key"].encode())
    if not isinstance(public, rsa.RSAPublicKey):
        raise TypeError(f"{folder / SERVER_FILE} holds no RSA key; remove both ceffu key files to make new ones.")
    return ServerKey(api_key=kept["api_key"], public_key=public)


def client_key(folder: Path) -> dict[str, str]:
    """Return the client's half: `api_key` and `secret`, the private key as base64 PKCS#8 DER."""
    kept = kept_once(folder / CLIENT_FILE, new_pair)
    return {"api_key": kept["api_key"], "secret": kept["secret"]}


def kept_once(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the JSON object in a file that only its owner may read; the first caller of all makes it, whole."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=PRIVATE_MODE)
        draft.write_text(json.dumps(make()))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its file counts
        finally:
            draft.unlink()
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def new_pair() -> dict[str, str]:
    """Make an API key and a private key, the latter as base64 PKCS#8 DER."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"api_key": secrets.token_urlsafe(24), "secret": base64.b64encode(der).decode()}


def private_key(secret: str) -> rsa.RSAPrivateKey:
    """Read a private key from base64 PKCS#8 DER."""
    found = serialization.load_der_private_key(
        base64.b64decode(secret),
        password=None,
        unsafe_skip_rsa_key_validation=True,  # of our own making, and to prove its primes takes 50 ms
    )
    if not isinstance(found, rsa.RSAPrivateKey):
        raise TypeError("expected an RSA key, found another kind; remove the key file to make a new one.")
    return found


def _public_half(client: dict[str, str]) -> dict[str, str]:
    private = private_key(client["secret"])
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"api_key": client["api_key"], "public_key": pem.decode()}
