"""Answers: what a chain's node is asked for, and what its answers may lack."""

from datetime import datetime
from decimal import Decimal

from hedgeapp.core.records import record


class NodeUnreachable(ConnectionError):
    """No answer came, after all attempts."""


class NodeRefused(RuntimeError):
    """The node answered with an error."""


class AnswerIsMalformed(NodeRefused):
    """The node's answer is none of JSON-RPC, or says what no chain would; `raw` is what it sent."""

    def __init__(self, said: str, raw: bytes = b"") -> None:
        self.raw = raw
        super().__init__(said)


class ChainIsAnother(RuntimeError):
    """The node serves another chain than the catalogue says."""


class ContractIsAnother(RuntimeError):
    """A contract does not answer as the one that the catalogue names would."""


@record
class Block:
    """A block by number and hash; `at` is its timestamp."""

    number: int
    hash: str
    parent: str
    at: datetime


@record
class Rates:
    """ETH per stETH-unit of a wstETH by the protocol, and per stETH by the pool, at a block."""

    protocol: Decimal
    market: Decimal
