"""Chain: rates of staked ether, holdings of our wallets, mints and redemptions, read by JSON-RPC."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Chain
from hedgeapp.database import conninfo
from hedgeapp.ending import together
from hedgeapp.eventlog.append import AsyncLog
from hedgeapp.services import Lease
from marketdata.board import Board
from marketdata.feeds.chain.answers import (
    AnswerIsMalformed,
    ChainIsAnother,
    ContractIsAnother,
    NodeRefused,
    NodeUnreachable,
)
from marketdata.feeds.chain.follower import Follower
from marketdata.feeds.chain.node import Node
from marketdata.feeds.chain.provider import Bounds
from marketdata.feeds.chain.rates import keep_rates
from marketdata.feeds.polling import COMMON_FAULTS, Pace, poll, prepared
from marketdata.feeds.statements import heard, held_of
from marketdata.pulse import Pulse
from marketdata.queries.catalogue import reference

PACE = Pace(poll_s=2.0, quiet_max=timedelta(seconds=60))
FAULTS = (*COMMON_FAULTS, ChainIsAnother, ContractIsAnother, NodeRefused, NodeUnreachable)
REFUSALS = (AnswerIsMalformed, ContractIsAnother)


def chain_named(name: str) -> Chain:
    """Return a chain's row; blocking."""
    return reference().chains[name]


async def run(lease: Lease, pace: Pace = PACE, bounds: Bounds | None = None) -> None:
    """Keep the board and the log up to date with one chain for as long as the lease lasts."""
    board = Board.from_settings()
    try:
        async with AsyncLog(conninfo(), fence=lease.fence) as events:
            pulse = Pulse(lease.name, lease.epoch, board, events, quiet_max=pace.quiet_max)
            following = _follow(lease, pulse, board, events, pace, bounds or Bounds())
            await together(pulse.keep(), keep_rates(lease, board), following)
    finally:
        await board.close()


async def _follow(lease: Lease, pulse: Pulse, board: Board, events: AsyncLog, pace: Pace, bounds: Bounds) -> None:
    async def post(marks: Sequence[Mark]) -> None:
        await board.post([replace(mark, suspect=pulse.quarantined) for mark in marks])

    async def while_current() -> None:
        chain = await lease.in_database(chain_named, lease.subject)
        statements = await lease.in_database(heard, chain.name)
        async with Node(chain, bounds) as node:
            follower = Follower(
                chain,
                node,
                known={place: held_of(statement) for place, statement in statements.items()},
                read_until=max((int(statement.reference) for statement in statements.values()), default=None),
                append=events.append,
                post=post,
                source=lease.name,
            )
            await _polled(lease, chain, node, follower, pulse, pace)

    while True:
        await prepared(while_current, pulse=pulse, pace=pace, faults=FAULTS)


async def _polled(lease: Lease, chain: Chain, node: Node, follower: Follower, pulse: Pulse, pace: Pace) -> None:
    async def once() -> bool:
        if not pulse.is_connected:
            await node.check()
        before = follower.reorganizations, follower.undone
        step = await follower.step()
        pulse.counters["reorganizations"] += follower.reorganizations - before[0]
        pulse.counters["orders_undone"] += follower.undone - before[1]
        return step.is_new

    async def is_current() -> bool:
        return chain == await lease.in_database(chain_named, lease.subject)

    await poll(once, is_current, pulse=pulse, pace=pace, faults=FAULTS, refusals=REFUSALS)
