"""Chain: what our wallets hold and what exists of the synthetic dollar, at the newest confirmed block."""

from datetime import UTC, datetime
from decimal import Decimal

from hedgeapp.core.events.collateral import CollateralStated, SupplyStated
from hedgeapp.core.reference import Chain
from marketdata.feeds.chain import FAULTS
from marketdata.feeds.chain.node import Node
from marketdata.feeds.chain.provider import Bounds
from reconciliation.core.statements import Statement
from reconciliation.statements.reading import Reading

BOUNDS = Bounds(request_timeout_s=4.0, attempts_max=2)


async def statement(subject: str, chain: Chain) -> Statement:
    """Read a chain's statement."""
    reading = Reading(subject, FAULTS, str)
    async with Node(chain, BOUNDS) as node:

        async def read() -> tuple[list[CollateralStated], SupplyStated]:
            newest = await node.newest()
            block = await node.block(max(0, newest.number - chain.confirmations))
            held = await node.balances(block)
            symbol, total = await node.supply(block)
            stated = [
                CollateralStated(
                    at=block.at,
                    holder=chain.name,
                    wallet=wallet,
                    asset=asset,
                    total=units,
                    locked=Decimal(0),
                    reference=str(block.number),
                )
                for (wallet, asset), units in held.items()
            ]
            supply = SupplyStated(at=block.at, chain=chain.name, asset=symbol, total=total, block=block.number)
            return stated, supply

        if (found := await reading.part(["collateral", "supply"], read)) is not None:
            stated, supply = found
            reading.tell("collateral", {f"{one.wallet}:{one.asset}": (one.total, one.locked) for one in stated})
            reading.tell("supply", {supply.asset: (supply.total,)})
            for one in stated:
                reading.note("collateral", f"{one.wallet}:{one.asset}", one)
            reading.note("supply", supply.asset, supply)
    return reading.statement(datetime.now(UTC))
