"""Data packages as RedStone's gateway gives them: in JSON, and as the bytes of a payload."""

import base64
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.signers import Signer, keccak256

DECIMALS = 8
V_OFFSET = 27
MARKER = bytes.fromhex("000002ed57011e0000")


def signed_bytes(points: Mapping[str, float], at_ms: int) -> bytes:
    """Give what a node signs of some points."""
    rows = sorted((_feed(feed), _integer(value)) for feed, value in points.items())
    body = b"".join(feed + value.to_bytes(32, "big") for feed, value in rows)
    return body + at_ms.to_bytes(6, "big") + (32).to_bytes(4, "big") + len(rows).to_bytes(3, "big")


def signature(points: Mapping[str, float], at_ms: int, signer: Signer) -> bytes:
    """Give a node's signature: r, s, and v of 27 or 28."""
    signed = signer.sign(keccak256(signed_bytes(points, at_ms)))
    return signed[:64] + bytes((signed[64] + V_OFFSET,))


def package(feed: str, value: float, at_ms: int, signer: Signer, service: str) -> dict[str, Any]:
    """Give a package as the gateway writes it."""
    return {
        "timestampMilliseconds": at_ms,
        "signature": base64.b64encode(signature({feed: value}, at_ms, signer)).decode(),
        "isSignatureValid": True,
        "dataPoints": [{"dataFeedId": feed, "value": value}],
        "dataServiceId": service,
        "dataPackageId": feed,
        "dataFeedId": feed,
        "signerAddress": signer.address,
    }


def payload(packages: Sequence[tuple[Mapping[str, float], int, Signer]], metadata: bytes = b"") -> bytes:
    """Give packages as bytes."""
    written = [signed_bytes(points, at_ms) + signature(points, at_ms, signer) for points, at_ms, signer in packages]
    tail = len(written).to_bytes(2, "big") + metadata + len(metadata).to_bytes(3, "big") + MARKER
    return b"".join(written) + tail


def _feed(feed: str) -> bytes:
    return feed.encode().ljust(32, b"\x00") if len(feed) < 32 else keccak256(feed.encode())


def _integer(value: float) -> int:
    return int((Decimal(value) * 10**DECIMALS).to_integral_value(ROUND_HALF_UP))
