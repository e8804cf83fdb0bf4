"""The follower of a chain: rates from the newest block; holdings, supply, mints, redemptions and gas of the confirmed.

What enters the log is read at a block that has the chain's confirmations on top, so a usual reorganization changes
nothing that was said. A deeper one is noticed by the hashes of the blocks that were read: the changed stretch is read
again, holdings and supply are stated anew, and an order that was counted is not counted twice.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Protocol

import structlog

from hedgeapp.core.events import Event
from hedgeapp.core.events.collateral import GasPaid, MintSeen, RedeemSeen, ReserveMoved, SupplyStated
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.records import record
from hedgeapp.core.reference import Chain
from hedgeapp.eventlog.append import SameKeyOtherContent
from marketdata.feeds.chain.answers import Block, NodeRefused, Rates
from marketdata.feeds.chain.gas import Gas
from marketdata.feeds.chain.node import Node
from marketdata.feeds.chain.reserve import reserve_moved
from marketdata.feeds.statements import Held, Place, news

ONE: Final = Decimal(1)

Deed = MintSeen | RedeemSeen | GasPaid | ReserveMoved  # of a transaction, each once

log = structlog.get_logger()


class Append(Protocol):
    """The log's append: all of the events or none, each once."""

    def __call__(self, events: Sequence[Event], /) -> Awaitable[object]: ...


@record
class Bounds:
    """How far back a follower reads, in blocks."""

    first_scan_blocks: int = 10_000  # at the first contact with a chain
    overlap_blocks: int = 64  # read again after a restart: finality on the main network
    trail_blocks: int = 256  # read blocks whose hashes are remembered


@record
class Step:
    """What one step found."""

    block: Block
    is_new: bool
    statements: int = 0
    orders: int = 0


class Follower:
    """Follows one chain from `read_until`, the last block whose orders the log has; `known` is what it heard last."""

    def __init__(
        self,
        chain: Chain,
        node: Node,
        *,
        known: dict[Place, Held],
        read_until: int | None,
        append: Append,
        post: Callable[[Sequence[Mark]], Awaitable[object]],
        source: str,
        bounds: Bounds | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._chain, self._node, self._append, self._post = chain, node, append, post
        self._source, self._bounds, self._clock = source, bounds or Bounds(), clock
        self._known, self._supply = known, Decimal(-1)
        self._read_until = read_until
        self._newest: Block | None = None
        self._latest: list[Mark] = []
        self._gas = Gas(chain, node)
        self._trail: dict[int, str] = {}  # hash by number, oldest first
        self._deeds: dict[str, int] = {}  # block by key of what was appended on this trail
        self.reorganizations = 0
        self.undone = 0  # orders and payments that the log has and the chain no more

    async def step(self) -> Step:
        """Look at the chain once; post and append what is new. Safe to call again after any failure."""
        newest = await self._node.newest()
        if self._newest and newest.hash == self._newest.hash:
            await self._post(self._latest)  # again: the board may have lost them
            return Step(block=newest, is_new=False)
        if not self._newest or newest.at >= self._newest.at:  # a node that fell back must not bring old rates back
            self._latest = self._marks(newest, await self._node.rates(newest))
        await self._post(self._latest)
        confirmed = newest.number - self._chain.confirmations
        found = (0, 0)
        if confirmed >= 0 and (not self._trail or confirmed > self._last):
            found = await self._confirm(await self._node.block(confirmed))
        self._newest = newest
        return Step(block=newest, is_new=True, statements=found[0], orders=found[1])

    @property
    def _last(self) -> int:
        return next(reversed(self._trail))

    def _marks(self, block: Block, rates: Rates) -> list[Mark]:
        """Return two rates of both staked assets; stETH is one ETH by the protocol, its balances grow instead.

        The pool's is one of the market's words, which `staked_rates` weighs.
        """
        values: list[tuple[str, MarkKind, Decimal]] = [
            ("wstETH", "protocol_rate", rates.protocol),
            ("wstETH", "pool_rate", rates.protocol * rates.market),
            ("stETH", "protocol_rate", ONE),
            ("stETH", "pool_rate", rates.market),
        ]
        received_at = self._clock()
        return [
            Mark(subject=asset, kind=kind, value=value, at=block.at, received_at=received_at, source=self._source)
            for asset, kind, value in values
        ]

    async def _confirm(self, block: Block) -> tuple[int, int]:
        """Append what the chain says up to a confirmed block; return how many statements and orders that were."""
        is_read = bool(self._trail) or self._read_until is not None  # before that nothing of the coins is explained
        first = await self._first_unread(block.number)
        orders = await self._node.orders(first, block.number)
        paid = await self._gas.paid(first, block) if is_read else []
        moved = await reserve_moved(self._node, self._chain, first, block.number)
        symbol, supply = await self._node.supply(block)
        found = {place: Held(total=total) for place, total in (await self._node.balances(block)).items()}
        if (await self._node.block(block.number)).hash != block.hash:
            raise NodeRefused(f"{self._chain.name}: block {block.number} changed while it was read: it is read again")
        deeds: list[Deed] = [*orders, *paid, *moved]
        events: list[Event] = [*deeds]
        events += news(self._known, found, holder=self._chain.name, reference=str(block.number), at=block.at)
        if supply != self._supply:
            events.append(
                SupplyStated(at=block.at, chain=self._chain.name, asset=symbol, total=supply, block=block.number)
            )
        is_whole = await self._append_each_once(events)
        self._note_undone(first, deeds)
        self._known = {**{place: Held(total=Decimal(0)) for place in self._known}, **found} if is_whole else {}
        self._supply = supply if is_whole else Decimal(-1)
        self._trail[block.number] = block.hash
        while len(self._trail) > self._bounds.trail_blocks:
            del self._trail[next(iter(self._trail))]
        return len(events) - len(deeds), len(orders)

    async def _first_unread(self, confirmed: int) -> int:
        """Return the first block to read orders of: after the newest one that we read and that is still there."""
        if not self._trail:
            if self._read_until is None:
                return max(0, confirmed - self._bounds.first_scan_blocks)
            return max(0, min(confirmed, self._read_until) + 1 - self._bounds.overlap_blocks)
        if (await self._node.block(self._last)).hash == self._trail[self._last]:
            return self._last + 1
        self.reorganizations += 1
        while self._trail and (await self._node.block(self._last)).hash != self._trail[self._last]:
            first = self._last
            del self._trail[first]
        fork = self._last + 1 if self._trail else max(0, first - self._bounds.overlap_blocks)
        log.warning("chain.reorganized", chain=self._chain.name, first_block=fork, confirmed=confirmed)
        self._known, self._supply = {place: Held(total=Decimal(-1)) for place in self._known}, Decimal(-1)
        return fork

    async def _append_each_once(self, events: Sequence[Event]) -> bool:
        """Append the events; tell whether the log took all of them as they are.

        An order, or gas, that the log has under another block is counted already. A statement that it has otherwise
        for this block is made again at the next.
        """
        if not events:
            return True
        try:
            await self._append(events)
        except SameKeyOtherContent:
            is_whole = True
            for event in events:
                try:
                    await self._append([event])
                except SameKeyOtherContent as other:
                    log.warning("chain.said_otherwise", chain=self._chain.name, reason=str(other))
                    is_whole = is_whole and isinstance(event, Deed)
            return is_whole
        return True

    def _note_undone(self, first: int, deeds: Iterable[Deed]) -> None:
        """Count the orders and payments of the blocks read again that are not there any more: people look at them."""
        found = {deed.key: deed.block for deed in deeds}
        for key in [key for key, block in self._deeds.items() if block >= first and key not in found]:
            self.undone += 1
            log.error("chain.order_undone", chain=self._chain.name, key=key, block=self._deeds.pop(key))
        oldest = next(iter(self._trail), first)
        self._deeds = {key: block for key, block in {**self._deeds, **found}.items() if block >= oldest}
