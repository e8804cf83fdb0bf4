"""Rotations: the signer set that follows, as the set before it has signed it.  VAA x Trust x at -> Trust"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hedgeapp.core.reference import SignerSet, Trust
from marketdata.core.oracles import vaa
from marketdata.core.oracles.signatures import OracleRefused

GOVERNANCE: Final = f"1:{4:064x}"  # emitter of what changes a set, on both profiles
MODULE: Final = b"Core".rjust(32, b"\x00")
UPGRADE: Final = 2
ADDRESS_BYTES: Final = 20
HEAD_BYTES: Final = 40  # module, action, chain, index, number of keys
OVERLAP: Final = timedelta(seconds=86_400)  # the set before is trusted so long after a rotation


class RotationIsMalformed(OracleRefused):
    """A trusted message is not about the signer set that follows."""


def rotated(blob: bytes, trust: Trust, at: datetime, *, quorum_above: tuple[int, int]) -> Trust:
    """Return the trust with the set that follows; the last one expires a day after `at`, when the rotation was made.

    The quorum of n signers is one more than the whole part of n x `quorum_above`: (2, 3) for the guardians, (1, 2) for
    the routers. Raises OracleRefused.
    """
    found = vaa.verified(blob, for_governance(trust), at)
    payload, last = found.body.payload, max(trust.sets, key=lambda each: each.index)
    if len(payload) < HEAD_BYTES or payload[:32] != MODULE or payload[32] != UPGRADE or payload[33:35] != b"\0\0":
        raise RotationIsMalformed(f"a change of the signer set expected, found {payload[:HEAD_BYTES].hex()}")
    index, count = int.from_bytes(payload[35:39], "big"), payload[39]
    if found.proof.set_index != last.index or index != last.index + 1:
        raise RotationIsMalformed(
            f"set {last.index + 1} signed by set {last.index} expected, "
            f"found set {index} signed by set {found.proof.set_index}"
        )
    keys = payload[HEAD_BYTES:]
    if not count or len(keys) != count * ADDRESS_BYTES:
        raise RotationIsMalformed(f"{count} keys of {ADDRESS_BYTES} bytes expected, found {len(keys)} bytes")
    times, parts = quorum_above
    following = SignerSet(
        index=index,
        signers=tuple("0x" + keys[start : start + ADDRESS_BYTES].hex() for start in range(0, len(keys), ADDRESS_BYTES)),
        quorum=count * times // parts + 1,
    )
    before = [replace(each, expires_at=at + OVERLAP) if each.index == last.index else each for each in trust.sets]
    return replace(trust, sets=(*before, following))


def for_governance(trust: Trust) -> Trust:
    """Return a trust in the same signers for what changes them."""
    return replace(trust, publisher=GOVERNANCE)
