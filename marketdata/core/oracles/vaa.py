"""VAA: a body that enough of a set's signers have signed, as Wormhole and Pyth write it.  bytes x Trust -> Vaa

The digest is keccak256(keccak256(body)). Signature bytes are no identity: either half of s is taken, as on the chain.
"""

from datetime import UTC, datetime
from typing import Final

from hedgeapp.core.records import record
from hedgeapp.core.reference import SignerSet, Trust
from marketdata.core.oracles.prices import Proof
from marketdata.core.oracles.signatures import SIGNATURE_BYTES, OracleRefused, keccak256, signer

VERSION: Final = 1
HEADER_BYTES: Final = 6
ROW_BYTES: Final = 1 + SIGNATURE_BYTES
BODY_BYTES_MIN: Final = 51


class VaaIsMalformed(OracleRefused):
    """Bytes are no VAA of the version that is known."""


class SignerSetIsUnknown(OracleRefused):
    """A VAA names a signer set that the trust does not have."""


class SignerSetHasExpired(OracleRefused):
    """A VAA is signed by a set that was replaced and is trusted no more."""


class QuorumIsMissing(OracleRefused):
    """Fewer signers have signed than must."""


class SignersAreNotAscending(OracleRefused):
    """A signer is named twice, or out of order."""


class SignerIsNotInTheSet(OracleRefused):
    """A signature is not by the signer whose place it takes."""


class EmitterIsNotTrusted(OracleRefused):
    """Trusted signers have signed what somebody else emitted."""


@record
class Body:
    """What was signed; `emitter` is `chain:address`, the address in hexadecimal."""

    at: datetime
    emitter: str
    sequence: int
    payload: bytes


@record
class Vaa:
    """A VAA whose signatures are proven."""

    body: Body
    proof: Proof


def verified(blob: bytes, trust: Trust, at: datetime) -> Vaa:
    """Return the VAA in some bytes; refuse what the trust does not cover at that time.

    Every signature must be good, not only as many as the quorum asks for: the set that is declared is the set that has
    signed, although another one may share some of its signers.
    """
    if len(blob) < HEADER_BYTES or blob[0] != VERSION:
        raise VaaIsMalformed(f"a VAA of version {VERSION} expected, found {blob[:1].hex() or 'nothing'}")
    found, count = _set(int.from_bytes(blob[1:5], "big"), trust, at), blob[5]
    start = HEADER_BYTES + count * ROW_BYTES
    if len(blob) < start + BODY_BYTES_MIN:
        raise VaaIsMalformed(
            f"{start + BODY_BYTES_MIN} bytes or more expected of a VAA with {count} signatures, found {len(blob)}"
        )
    _require_signed(blob[HEADER_BYTES:start], count, keccak256(keccak256(blob[start:])), found)
    body = _body(blob[start:])
    if body.emitter != trust.publisher:
        raise EmitterIsNotTrusted(f"the emitter {trust.publisher} expected, found {body.emitter}")
    proof = Proof(
        profile=trust.profile, set_index=found.index, signed=count, signers=len(found.signers), quorum=found.quorum
    )
    return Vaa(body=body, proof=proof)


def _set(index: int, trust: Trust, at: datetime) -> SignerSet:
    for found in trust.sets:
        if found.index != index:
            continue
        if found.expires_at is not None and at >= found.expires_at:
            raise SignerSetHasExpired(
                f"a set in force expected, found set {index} of {trust.profile}, "
                f"which is trusted no more since {found.expires_at:%Y-%m-%d %H:%M:%S}Z"
            )
        return found
    known = ", ".join(str(each.index) for each in trust.sets) or "none"
    raise SignerSetIsUnknown(f"a signer set of {trust.profile} expected ({known}), found set {index}")


def _require_signed(rows: bytes, count: int, digest: bytes, known: SignerSet) -> None:
    if not known.signers or count < max(known.quorum, 1):
        raise QuorumIsMissing(f"{known.quorum} signatures of set {known.index} expected, found {count}")
    last = -1
    for start in range(0, len(rows), ROW_BYTES):
        place, signature = rows[start], rows[start + 1 : start + ROW_BYTES]
        if place <= last:
            raise SignersAreNotAscending(f"a signer after number {last} expected, found number {place}")
        if place >= len(known.signers):
            raise SignerIsNotInTheSet(f"one of {len(known.signers)} signers expected, found number {place}")
        by = signer(digest, signature, recovery=signature[-1])
        if by != known.signers[place].lower():
            raise SignerIsNotInTheSet(
                f"number {place} of set {known.index}, {known.signers[place]}, expected as signer, found {by}"
            )
        last = place


def _body(body: bytes) -> Body:
    return Body(
        at=datetime.fromtimestamp(int.from_bytes(body[:4], "big"), UTC),
        emitter=f"{int.from_bytes(body[8:10], 'big')}:{body[10:42].hex()}",
        sequence=int.from_bytes(body[42:50], "big"),
        payload=body[51:],
    )
