"""Signatures: Keccak hashes, and who signed a digest.  bytes -> address"""

from typing import Final

from coincurve import PublicKey
from Crypto.Hash import keccak

SIGNATURE_BYTES: Final = 65  # r 32, s 32, v 1
SCALAR_BYTES: Final = 32
UNCOMPRESSED: Final = 1  # the byte before the two coordinates of a public key
HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # of secp256k1


class OracleRefused(ValueError):
    """What an oracle sent is not to be used; every reason is a class of its own below this one."""


class SignatureIsMalformed(OracleRefused):
    """Bytes are no signature of this protocol."""


def keccak256(data: bytes) -> bytes:
    """Return the Keccak-256 hash, which is not SHA3-256."""
    return keccak.new(digest_bits=256, data=data).digest()


def keccak160(data: bytes) -> bytes:
    """Return the first 20 bytes of the Keccak-256 hash."""
    return keccak.new(digest_bits=256, data=data).digest()[:20]


def address_of(public_key: bytes) -> str:
    """Return the address of an uncompressed public key: 0x and 40 hexadecimal digits, in lower case."""
    return "0x" + keccak256(public_key[UNCOMPRESSED:])[-20:].hex()


def signer(digest: bytes, signature: bytes, *, recovery: int) -> str:
    """Return the address that signed a digest; `recovery` is 0 or 1, whatever the protocol writes for it."""
    if recovery not in (0, 1):
        raise SignatureIsMalformed(f"a recovery id of 0 or 1 expected in a signature, found {recovery}")
    try:
        found = PublicKey.from_signature_and_message(
            signature[: 2 * SCALAR_BYTES] + bytes((recovery,)), digest, hasher=None
        )
    except Exception as error:  # coincurve raises bare ones
        raise SignatureIsMalformed(f"a signature over secp256k1 expected, found other bytes: {error}") from error
    return address_of(found.format(compressed=False))


def is_low(signature: bytes) -> bool:
    """Tell whether s is in the lower half, so that nobody can write the same signature in another way."""
    return int.from_bytes(signature[SCALAR_BYTES : 2 * SCALAR_BYTES], "big") <= HALF_ORDER
