"""Signers: the keys with which the sandbox's oracles sign, kept in a folder of their own; Keccak hashes."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from coincurve import PrivateKey
from Crypto.Hash import keccak

from sandbox.reference import write_private

KEY_BYTES = 32


def keccak256(data: bytes) -> bytes:
    """Give the Keccak-256 hash."""
    return keccak.new(digest_bits=256, data=data).digest()


@dataclass(frozen=True, slots=True)
class Signer:
    """One key."""

    secret: bytes

    @classmethod
    def named(cls, name: str) -> "Signer":
        """Give the key that belongs to a name: the same each time, for tests."""
        return cls(keccak256(name.encode()))

    @property
    def address(self) -> str:
        """Give 0x and 40 hexadecimal digits."""
        public = PrivateKey(self.secret).public_key.format(compressed=False)
        return "0x" + keccak256(public[1:])[-20:].hex()

    def sign(self, digest: bytes) -> bytes:
        """Give r, s and the recovery id (0 or 1); s is low."""
        return PrivateKey(self.secret).sign_recoverable(digest, hasher=None)


def signers(path: Path, count: int) -> list[Signer]:
    """Give the keys in a file, made at random when there is none yet."""
    held = json.loads(path.read_text()) if path.exists() else []
    if len(held) != count:
        held = [secrets.token_hex(KEY_BYTES) for _ in range(count)]
        write_private(path, json.dumps(held))
    return [Signer(bytes.fromhex(each)) for each in held]
