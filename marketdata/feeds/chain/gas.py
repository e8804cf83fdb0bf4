"""Gas: what our wallets paid for their own transactions, found without an index of the chain.

A wallet's nonce counts what it has sent. Where it did not grow nothing was sent, so most blocks cost one question for
each wallet; where it grew, the blocks in which it did are found by halves and read whole.
"""

from typing import Final

import structlog

from hedgeapp.core.events.collateral import GasPaid
from hedgeapp.core.reference import Chain
from marketdata.feeds.chain.answers import Block, NodeRefused
from marketdata.feeds.chain.node import Node

BLOCKS_WHOLE_MAX: Final = 1_024  # read whole at once, some 300 kB each on the main network
# A node that keeps no old states cannot say an old nonce: this many of the newest blocks are then read whole.
BLOCKS_BLIND_MAX: Final = 128

Nonces = dict[str, int]

log = structlog.get_logger()


class Gas:
    """Reads what the wallets of one chain paid; nothing where the chain's own coin is not among its tokens."""

    def __init__(self, chain: Chain, node: Node) -> None:
        self._chain, self._node = chain, node
        self._known: tuple[int, Nonces] | None = None  # as of the last block that was asked for

    async def paid(self, first: int, last: Block) -> list[GasPaid]:
        """Return what was paid in the blocks from `first` to `last`, in their order; of too many, in the newest."""
        if self._chain.native is None or not self._chain.wallets:
            return []
        after = await self._node.nonces(last.number)
        before = await self._before(first)
        self._known = last.number, after
        if before is None:
            numbers = list(range(max(first, last.number + 1 - BLOCKS_BLIND_MAX), last.number + 1))
        else:
            numbers = (await self._grown(first, last.number, before, after))[-BLOCKS_WHOLE_MAX:]
        if (before is None and numbers[0] > first) or len(numbers) == BLOCKS_WHOLE_MAX:
            log.warning("chain.gas_unread", chain=self._chain.name, first_block=first, read_from=numbers[0])
        return [paid for number in numbers for paid in await self._node.gas_paid(number)]

    async def _before(self, first: int) -> Nonces | None:
        """Return the nonces before a block; None when the node does not know them any more."""
        if first == 0:
            return dict.fromkeys((wallet.address for wallet in self._chain.wallets), 0)
        if self._known and self._known[0] == first - 1:
            return self._known[1]
        try:
            return await self._node.nonces(first - 1)
        except NodeRefused:
            return None

    async def _grown(self, first: int, last: int, before: Nonces, after: Nonces) -> list[int]:
        """Return the blocks in which a nonce grew, by halves."""
        if before == after:
            return []
        if first == last:
            return [first]
        middle = (first + last) // 2
        between = await self._node.nonces(middle)
        return [
            *await self._grown(first, middle, before, between),
            *await self._grown(middle + 1, last, between, after),
        ]
