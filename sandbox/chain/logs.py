"""Logs of the sandbox chain: eth_getLogs with its filters, and the receipts the logs lie in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.chain import orders as drawing
from sandbox.chain.contracts import MINTING
from sandbox.chain.headers import GAS_PER_ORDER, TIP, Header
from sandbox.chain.orders import Order
from sandbox.chain.state import Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a client asks for: no addresses means all; a topic position None means any, else one of several."""

    first: int
    last: int
    addresses: frozenset[str]
    topics: tuple[frozenset[str] | None, ...]

    def passes(self, log: dict[str, Any]) -> bool:
        if self.addresses and log["address"] not in self.addresses:
            return False
        if len(self.topics) > len(log["topics"]):
            return False
        return all(wanted is None or found in wanted for wanted, found in zip(self.topics, log["topics"], strict=False))


def found(chain: Chain, wanted: Filter) -> list[dict[str, Any]]:
    """Return the logs in the filter's blocks that pass it, in the order of the chain."""
    return [
        log
        for number in chain.blocks_with_orders(wanted.first, wanted.last)
        for log in _of_block(chain, number)
        if wanted.passes(log)
    ]


def receipt(chain: Chain, transaction: str) -> dict[str, Any] | None:
    """Return a transaction's receipt; None for one that no block holds."""
    place = chain.place_of(transaction)
    header = chain.header(place[0]) if place else None
    if place is None or header is None:
        return None
    order = chain.orders_in(header.number)[place[1]]
    lines = [log for log in _of_block(chain, header.number) if log["transactionHash"] == transaction]
    return {
        "transactionHash": transaction,
        "transactionIndex": hex(place[1]),
        "blockHash": "0x" + header.hash.hex(),
        "blockNumber": hex(header.number),
        "from": order.sender,
        "to": _target(order),
        "contractAddress": None,
        "cumulativeGasUsed": hex(GAS_PER_ORDER * (place[1] + 1)),
        "gasUsed": hex(GAS_PER_ORDER),
        "effectiveGasPrice": hex(header.base_fee + TIP),
        "logs": lines,
        "logsBloom": "0x" + header.bloom.hex(),
        "status": hex(not order.reverts),
        "type": "0x2",
    }


def transaction(chain: Chain, header: Header, position: int) -> dict[str, Any]:
    """Return a transaction as eth_getBlockByNumber and eth_getTransactionByHash tell it; its input is not kept."""
    order = chain.orders_in(header.number)[position]
    return {
        "hash": order.transaction,
        "blockHash": "0x" + header.hash.hex(),
        "blockNumber": hex(header.number),
        "transactionIndex": hex(position),
        "from": order.sender,
        "to": _target(order),
        "nonce": hex(chain.nonce_of(order.transaction)),
        "value": "0x0",
        "gas": hex(GAS_PER_ORDER),
        "gasPrice": hex(header.base_fee + TIP),
        "maxFeePerGas": hex(2 * header.base_fee),
        "maxPriorityFeePerGas": hex(TIP),
        "input": "0x",
        "type": "0x2",
        "accessList": [],
        "chainId": hex(chain.genesis.chain_id),
    }


def _target(order: Order) -> str:
    return order.collateral if order.kind in drawing.MOVES else MINTING.lower()


def _of_block(chain: Chain, number: int) -> Iterator[dict[str, Any]]:
    header = chain.header(number)
    if header is None:
        return
    index = 0
    for position, order in enumerate(chain.orders_in(number)):
        for log in drawing.logs(order):
            yield {
                "address": log.address,
                "topics": ["0x" + topic.hex() for topic in log.topics],
                "data": "0x" + log.data.hex(),
                **_place(header, order, position, index),
            }
            index += 1


def _place(header: Header, order: Order, position: int, index: int) -> dict[str, Any]:
    return {
        "blockNumber": hex(header.number),
        "blockHash": "0x" + header.hash.hex(),
        "blockTimestamp": hex(header.timestamp),
        "transactionHash": order.transaction,
        "transactionIndex": hex(position),
        "logIndex": hex(index),
        "removed": False,
    }
