"""Blocks: what was minted and redeemed in the newest confirmed block of each chain.  event x Blocks -> Blocks"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.collateral import MintSeen, RedeemSeen, SupplyStated
from hedgeapp.core.records import record


@record
class BlockTally:
    """What of the synthetic dollar came and went in one block; `at` is the block's time."""

    chain: str
    block: int
    at: datetime
    minted: Decimal = ZERO
    redeemed: Decimal = ZERO


class Blocks:
    """The newest block of each chain that was heard of; mutable, owned by a book."""

    __slots__ = ("_of_chain",)

    def __init__(self, tallies: Iterable[BlockTally] = ()) -> None:
        self._of_chain = {one.chain: one for one in tallies}

    def __iter__(self) -> Iterator[BlockTally]:
        return iter(self._of_chain.values())

    def of(self, chain: str) -> BlockTally | None:
        """Return the newest block of a chain."""
        return self._of_chain.get(chain)

    def note(self, event: MintSeen | RedeemSeen | SupplyStated) -> None:
        """Count an event of the newest block; an older block's changes nothing."""
        known = self._of_chain.get(event.chain)
        if known is not None and event.block < known.block:
            return
        if known is None or event.block > known.block:
            known = BlockTally(chain=event.chain, block=event.block, at=event.at)
        if isinstance(event, MintSeen):
            known = replace(known, minted=known.minted + event.synthetic_amount)
        elif isinstance(event, RedeemSeen):
            known = replace(known, redeemed=known.redeemed + event.synthetic_amount)
        self._of_chain[event.chain] = known
