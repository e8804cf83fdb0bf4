"""Accumulator updates as Hermes sends them: prices as leaves of a tree whose root some signers sign."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.signers import Signer, keccak256

EMITTER_CHAIN = 26
EMITTER = b"PythnetPythnetPythnetPythnetPyth"
SLOT_MS = 50
NULL_LEAF = keccak256(b"\x02")[:20]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One feed's message; `price` and `conf` are integers of 10^expo."""

    feed: str
    price: int
    conf: int
    published_at: int  # seconds
    expo: int = -8
    ema: int | None = None
    ema_conf: int | None = None

    @property
    def message(self) -> bytes:
        """Give the bytes that are a leaf of the tree."""
        ema = self.price if self.ema is None else self.ema
        ema_conf = self.conf if self.ema_conf is None else self.ema_conf
        return (
            b"\x00"
            + bytes.fromhex(self.feed)
            + self.price.to_bytes(8, "big", signed=True)
            + self.conf.to_bytes(8, "big")
            + self.expo.to_bytes(4, "big", signed=True)
            + self.published_at.to_bytes(8, "big", signed=True)
            + (self.published_at - 1).to_bytes(8, "big", signed=True)
            + ema.to_bytes(8, "big", signed=True)
            + ema_conf.to_bytes(8, "big")
        )


def vaa(
    payload: bytes,
    signers: Sequence[Signer],
    places: Sequence[int],
    *,
    set_index: int,
    sequence: int,
    emitter: bytes = EMITTER,
    chain: int = EMITTER_CHAIN,
    seconds: int = 0,
) -> bytes:
    """Give a body that the signers at some places of a set have signed."""
    body = (
        seconds.to_bytes(4, "big")
        + bytes(4)
        + chain.to_bytes(2, "big")
        + emitter
        + sequence.to_bytes(8, "big")
        + b"\x00"
        + payload
    )
    digest = keccak256(keccak256(body))
    rows = b"".join(bytes((place,)) + signers[place].sign(digest) for place in places)
    return b"\x01" + set_index.to_bytes(4, "big") + bytes((len(places),)) + rows + body


def update(
    prices: Sequence[Price],
    signers: Sequence[Signer],
    *,
    set_index: int,
    now_ms: int,
    places: Sequence[int] = (0, 1, 2),
    emitter: bytes = EMITTER,
) -> bytes:
    """Give an accumulator update of some prices."""
    slot = now_ms // SLOT_MS
    root, paths = _tree([price.message for price in prices])
    payload = b"AUWV\x00" + slot.to_bytes(8, "big") + bytes(4) + root
    signed = vaa(payload, signers, places, set_index=set_index, sequence=slot, emitter=emitter, seconds=now_ms // 1000)
    updates = b"".join(
        len(price.message).to_bytes(2, "big") + price.message + bytes((len(path),)) + b"".join(path)
        for price, path in zip(prices, paths, strict=True)
    )
    head = b"PNAU\x01\x00\x00\x00" + len(signed).to_bytes(2, "big") + signed
    return head + bytes((len(prices),)) + updates


def _tree(messages: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """Give the root of a tree of at least two leaves, and each message's siblings on the way to it."""
    level = [keccak256(b"\x00" + message)[:20] for message in messages]
    places, paths = list(range(len(level))), [[] for _ in level]  # type: list[int], list[list[bytes]]
    while len(level) & (len(level) - 1) or len(level) < 2:
        level.append(NULL_LEAF)
    while len(level) > 1:
        for number, place in enumerate(places):
            paths[number].append(level[place ^ 1])
        places = [place // 2 for place in places]
        level = [_node(level[place], level[place + 1]) for place in range(0, len(level), 2)]
    return level[0], paths


def _node(one: bytes, other: bytes) -> bytes:
    return keccak256(b"\x01" + min(one, other) + max(one, other))[:20]
