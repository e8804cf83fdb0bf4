"""Capacity: what may still be minted and redeemed in a block.  Book x Standing -> Capacities

What the limits of kinds mint_per_block_max and redeem_per_block_max leave of the newest confirmed block, in synthetic
dollars; nothing while mint and redeem are closed, not known while the chain is not heard. Each block begins anew.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.records import record
from portfolio.core.blocks import BlockTally
from portfolio.core.figures import Figure, exact, unknown
from portfolio.core.minting import Standing
from portfolio.core.valuation import Valuation

MINT: Final = "mint_per_block_max"
REDEEM: Final = "redeem_per_block_max"


@record
class Room:
    """What one way may take in a block, and what is left of it; no `most` where no limit is set."""

    most: Decimal | None
    left: Figure


@record
class Capacity:
    """What a chain's minting contract takes, as of a block; 0 and None before the first one."""

    chain: str
    block: int
    at: datetime | None
    mint: Room
    redeem: Room


def capacities(valuation: Valuation, stands: Standing) -> tuple[Capacity, ...]:
    """Return the capacity of each chain that has a minting contract, by name."""
    chains = sorted(one.name for one in valuation.catalogue.chains.values() if one.is_enabled and one.minting)
    return tuple(_capacity(chain, valuation, stands) for chain in chains)


def _capacity(chain: str, valuation: Valuation, stands: Standing) -> Capacity:
    tally = valuation.book.blocks.of(chain)
    return Capacity(
        chain=chain,
        block=tally.block if tally else 0,
        at=tally.at if tally else None,
        mint=_room(MINT, chain, tally, valuation, stands),
        redeem=_room(REDEEM, chain, tally, valuation, stands),
    )


def _room(kind: str, chain: str, tally: BlockTally | None, valuation: Valuation, stands: Standing) -> Room:
    limit = valuation.catalogue.limits_by_subject.get((kind, "chain"))
    if limit is None:
        return Room(most=None, left=unknown(f"no limit of kind {kind} is set: set one"))
    if not stands.is_open:
        return Room(most=limit.value, left=exact(ZERO))
    if tally is None:
        return Room(most=limit.value, left=unknown(f"no block of {chain} is known: its feed has not told of one"))
    left = max(ZERO, limit.value - (tally.minted if kind == MINT else tally.redeemed))
    what = f"block {tally.block} of {chain}"
    return Room(most=limit.value, left=valuation.stated(left, tally.at, f"chain:{chain}", "collateral", what))
