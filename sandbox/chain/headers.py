"""Block headers of the sandbox chain: sealed by the hash of their RLP form, as on the main network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from sandbox.chain.orders import Log

EMPTY_UNCLES: Final = keccak(b"\xc0")
EXTRA: Final = b"sandbox"
GAS_LIMIT: Final = 36_000_000
GAS_PER_ORDER: Final = 257_000
TIP: Final = 10**8  # wei above the base fee for each gas
MINER: Final = b"\x5a" * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A sealed header; `timestamp` in seconds, `base_fee` in wei."""

    number: int
    timestamp: int
    parent: bytes
    salt: bytes
    transactions: tuple[str, ...]
    bloom: bytes
    receipts: bytes
    base_fee: int
    hash: bytes


def sealed(
    number: int, timestamp: int, parent: bytes, salt: bytes, transactions: Sequence[str], logs: Sequence[Log]
) -> Header:
    """Return the header whose hash covers its parent, its time, its salt, its transactions and their logs.

    The roots of transactions and receipts are plain hashes of the lists, not of tries: nothing proves against them.
    """
    bloom = bloom_of(logs)
    receipts = keccak(b"".join(bytes.fromhex(log.address[2:]) + b"".join(log.topics) + log.data for log in logs))
    base_fee = base_fee_of(salt)
    fields = (
        parent,
        EMPTY_UNCLES,
        MINER,
        state_root(salt),
        transactions_root(transactions),
        receipts,
        bloom,
        b"",
        _integer(number),
        _integer(GAS_LIMIT),
        _integer(GAS_PER_ORDER * len(transactions)),
        _integer(timestamp),
        EXTRA,
        salt,
        bytes(8),
        _integer(base_fee),
    )
    return Header(
        number=number,
        timestamp=timestamp,
        parent=parent,
        salt=salt,
        transactions=tuple(transactions),
        bloom=bloom,
        receipts=receipts,
        base_fee=base_fee,
        hash=keccak(_rlp(fields)),
    )


def base_fee_of(salt: bytes) -> int:
    """Return a block's base fee in wei: 1 to 2 gwei."""
    return 1_000_000_000 + int.from_bytes(salt[8:12], "big") % 1_000_000_000


def gas_of(salt: bytes) -> int:
    """Return what one transaction in a block costs, in wei."""
    return GAS_PER_ORDER * (base_fee_of(salt) + TIP)


def state_root(salt: bytes) -> bytes:
    """Return a block's state root: a commitment to its salt, from which its state is drawn."""
    return keccak(b"state" + salt)


def transactions_root(transactions: Sequence[str]) -> bytes:
    """Return the hash over a block's transaction hashes."""
    return keccak(b"".join(bytes.fromhex(transaction[2:]) for transaction in transactions))


def bloom_of(logs: Sequence[Log]) -> bytes:
    """Return the 2048-bit filter in which each address and topic of the logs sets three bits (yellow paper, 4.3.1)."""
    bits = 0
    for log in logs:
        for item in (bytes.fromhex(log.address[2:]), *log.topics):
            digest = keccak(item)
            for at in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits.to_bytes(256, "big")


def as_json(header: Header, transactions: Sequence[object]) -> dict[str, object]:
    """Return a header in the form of eth_getBlockByNumber, with its transactions or their hashes."""
    return {
        "number": hex(header.number),
        "hash": "0x" + header.hash.hex(),
        "parentHash": "0x" + header.parent.hex(),
        "sha3Uncles": "0x" + EMPTY_UNCLES.hex(),
        "miner": "0x" + MINER.hex(),
        "stateRoot": "0x" + state_root(header.salt).hex(),
        "transactionsRoot": "0x" + transactions_root(header.transactions).hex(),
        "receiptsRoot": "0x" + header.receipts.hex(),
        "logsBloom": "0x" + header.bloom.hex(),
        "difficulty": "0x0",
        "gasLimit": hex(GAS_LIMIT),
        "gasUsed": hex(GAS_PER_ORDER * len(header.transactions)),
        "timestamp": hex(header.timestamp),
        "extraData": "0x" + EXTRA.hex(),
        "mixHash": "0x" + header.salt.hex(),
        "nonce": "0x" + bytes(8).hex(),
        "baseFeePerGas": hex(header.base_fee),
        "size": hex(600),
        "uncles": [],
        "transactions": list(transactions),
    }


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _rlp(fields: Sequence[bytes]) -> bytes:
    body = b"".join(map(_rlp_bytes, fields))
    return _rlp_length(len(body), 0xC0) + body


def _rlp_bytes(field: bytes) -> bytes:
    if len(field) == 1 and field[0] < 0x80:
        return field
    return _rlp_length(len(field), 0x80) + field


def _rlp_length(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = _integer(length)
    return bytes([offset + 55 + len(size)]) + size
