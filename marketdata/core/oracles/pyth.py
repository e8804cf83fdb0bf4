"""Pyth: an accumulator update, proven message by message.  bytes x Trust x at -> VerifiedPrice

The frame and its messages are not signed: what is signed is the root of a Merkle tree, in a VAA, and each message must
prove that it is a leaf of it. The only bytes that may differ without a refusal, and they are never read, are the minor
version (byte 5) and the trailing header after byte 6.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.reference import Trust
from marketdata.core.oracles import vaa
from marketdata.core.oracles.prices import Proof, VerifiedPrice, require_positive
from marketdata.core.oracles.signatures import OracleRefused, keccak160

MAGIC: Final = b"PNAU"
MAJOR: Final = 1
MINOR_AT: Final = 5  # never read: the format grows by it
TRAILING_AT: Final = 6  # how many bytes follow that are never read
WORMHOLE_MERKLE: Final = 0
ROOT_MAGIC: Final = b"AUWV"
ROOT_BYTES: Final = 37
NODE_BYTES: Final = 20
PRICE: Final = 0
PRICE_BYTES: Final = 85
UPDATE_BYTES_MAX: Final = 65_536
EXPONENT_MAX: Final = 18


class UpdateIsMalformed(OracleRefused):
    """Bytes are no accumulator update."""


class MessageIsNotInTheTree(OracleRefused):
    """A message does not prove that it is a leaf of the signed tree."""


class FeedIsInTheUpdateTwice(OracleRefused):
    """One update says two prices of one feed."""


def verified(blob: bytes, trust: Trust, at: datetime) -> dict[str, VerifiedPrice]:
    """Return the prices of an update by feed id, all of them proven; one that is not refuses the whole update.

    `at` is the time for which the signer set must be in force. Raises OracleRefused.
    """
    signed, updates = _split(blob)
    found = vaa.verified(signed, trust, at)
    slot, root = _root(found.body.payload)
    prices: dict[str, VerifiedPrice] = {}
    for message, path in updates:
        _require_leaf(message, path, root)
        if message[0] != PRICE:
            continue  # other kinds of messages may come along
        price = _price(message, found.proof, slot)
        if price.feed in prices:
            raise FeedIsInTheUpdateTwice(f"one price of each feed expected, found two of {price.feed}")
        prices[price.feed] = price
    return prices


class _Reader:
    """Takes fields off the front of some bytes; refuses to read past their end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, count: int) -> bytes:
        end = self._place + count
        if end > len(self._data):
            raise UpdateIsMalformed(f"{end} bytes or more expected in an update, found {len(self._data)}")
        taken, self._place = self._data[self._place : end], end
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def end(self) -> None:
        if left := len(self._data) - self._place:
            raise UpdateIsMalformed(f"the end of the update expected, found {left} more bytes")


def _split(blob: bytes) -> tuple[bytes, list[tuple[bytes, list[bytes]]]]:
    """Return the VAA and, of each update, the message with its siblings on the way to the root."""
    if len(blob) > UPDATE_BYTES_MAX:
        raise UpdateIsMalformed(f"at most {UPDATE_BYTES_MAX} bytes expected in an update, found {len(blob)}")
    reader = _Reader(blob)
    magic, major = reader.take(4), reader.number(1)
    if magic != MAGIC or major != MAJOR:
        raise UpdateIsMalformed(f"{MAGIC.decode()} of version {MAJOR} expected, found {magic.hex()} of version {major}")
    reader.take(1)
    reader.take(reader.number(1))
    if (kind := reader.number(1)) != WORMHOLE_MERKLE:
        raise UpdateIsMalformed(f"an update of type {WORMHOLE_MERKLE} expected, found type {kind}")
    signed = reader.take(reader.number(2))
    updates = []
    for _ in range(reader.number(1)):
        message = reader.take(reader.number(2))
        updates.append((message, [reader.take(NODE_BYTES) for _ in range(reader.number(1))]))
    reader.end()
    return signed, updates


def _root(payload: bytes) -> tuple[int, bytes]:
    """Return the slot and the root of the tree that was signed."""
    if len(payload) < ROOT_BYTES or payload[:4] != ROOT_MAGIC or payload[4] != WORMHOLE_MERKLE:
        raise UpdateIsMalformed(f"a signed Merkle root ({ROOT_MAGIC.decode()}) expected, found {payload[:5].hex()}")
    return int.from_bytes(payload[5:13], "big"), payload[17:ROOT_BYTES]


def _require_leaf(message: bytes, path: list[bytes], root: bytes) -> None:
    """Refuse a message that does not hash up to the root; leaves and nodes are told apart by their first byte."""
    if not message:
        raise UpdateIsMalformed("a message expected in each update, found an empty one")
    node = keccak160(b"\x00" + message)
    for other in path:
        node = keccak160(b"\x01" + (node + other if node < other else other + node))
    if node != root:
        raise MessageIsNotInTheTree(f"a message under the signed root {root.hex()} expected, found {node.hex()}")


def _price(message: bytes, proof: Proof, slot: int) -> VerifiedPrice:
    if len(message) < PRICE_BYTES:
        raise UpdateIsMalformed(f"{PRICE_BYTES} bytes or more expected in a price message, found {len(message)}")
    price, conf, exponent, published, _, ema, ema_conf = _numbers(message)
    feed = message[1:33].hex()
    if abs(exponent) > EXPONENT_MAX:
        raise UpdateIsMalformed(f"an exponent of at most {EXPONENT_MAX} either way expected, found {exponent}")
    return VerifiedPrice(
        feed=feed,
        value=require_positive(feed, Decimal(price).scaleb(exponent)),
        conf=Decimal(conf).scaleb(exponent),
        published_at=_time(published),
        proof=proof,
        sequence=slot,
        ema=Decimal(ema).scaleb(exponent),
        ema_conf=Decimal(ema_conf).scaleb(exponent),
    )


def _numbers(message: bytes) -> Iterator[int]:
    place = 33
    for size, is_signed in ((8, True), (8, False), (4, True), (8, True), (8, True), (8, True), (8, False)):
        yield int.from_bytes(message[place : place + size], "big", signed=is_signed)
        place += size


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UpdateIsMalformed(f"seconds since 1970 expected as publish time, found {seconds}") from error
