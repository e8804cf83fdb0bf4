"""The engine proposes: on a real log and board, once, under its fence, and goes on where another stopped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from hedgeapp.core.events import Event
from hedgeapp.core.events.orders import HedgeProposed, OrderIntended, ProposalClosed
from hedgeapp.core.marks import Mark
from hedgeapp.ending import end
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.append import EpochIsOver, append
from hedgeapp.eventlog.read import read
from hedgeapp.services import Lease, Service
from marketdata.board import Board
from portfolio import engine
from tests.builders.books import COINM, USDM, balance, collateral, common, health, reference
from tests.builders.desk import ACCOUNTS, HEARD, LIMITS
from tests.builders.orders import intended

Connection = psycopg.Connection[Any]
PRICE = "3000"
FEEDS = (f"account:{USDM}", f"account:{COINM}", "custodian:ceffu")
WAIT_S = 60.0
LOOK_S = 0.05


def now() -> datetime:
    return datetime.now(UTC)


class World:
    """What the engine hears: the log, the marks and the feeds, as fresh as they come."""

    def __init__(self, owner: Connection) -> None:
        self.owner = owner
        self.board = Board.from_settings()
        self.ended = asyncio.Event()

    async def hold(self, total: str) -> None:
        """State the collateral."""
        at = now()
        await self.write(replace(collateral("ETH", total, at), reference=at.isoformat()))

    async def write(self, *events: Event) -> None:
        """Append beside the engine's loop, which may hold the log's lock at this moment."""
        await asyncio.to_thread(self._write, events)

    def _write(self, events: Sequence[Event]) -> None:
        with self.owner.transaction():
            append(self.owner, events, at=now())

    def told(self) -> list[HedgeProposed | ProposalClosed]:
        found = [one.event for one in read(self.owner, kinds={"HedgeProposed", "ProposalClosed"})]
        return [one for one in found if isinstance(one, HedgeProposed | ProposalClosed)]

    async def until(self, holds: Callable[[Sequence[HedgeProposed | ProposalClosed]], object]) -> None:
        """Wait until what was told of proposals holds."""
        for _ in range(int(WAIT_S / LOOK_S)):
            if holds(await asyncio.to_thread(self.told)):
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"found {self.told()}")

    async def keep_fresh(self) -> None:
        """Post marks and health again and again, as feeds do."""
        while not self.ended.is_set():
            at = now()
            for feed in FEEDS:
                await self.board.post_health(health(feed, at))
            await self.board.post(self.marks(at))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 0.1)

    def marks(self, at: datetime) -> list[Mark]:
        return list(common(PRICE, at=at).values())


@asynccontextmanager
async def engine_running(url: str) -> AsyncIterator[Lease]:
    """Run an engine under a new epoch."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        epoch = await epochs.take(connection, "engine", "test")
    assert epoch is not None
    lease = Lease(Service(name="engine", runner="portfolio.engine.run"), epoch)
    task = asyncio.create_task(engine.run(lease))
    try:
        yield lease
    finally:
        await end([task])
        lease.close()


def desk(net: str) -> list[Event]:
    """Return a desk whose only exposure is that collateral."""
    at = now()
    return [
        *reference(),
        *ACCOUNTS,
        *HEARD,
        *LIMITS,
        balance(USDM, "USDT", "1000000", at),
        balance(COINM, "ETH", "0.5", at),
        collateral("ETH", Decimal(net) - Decimal("0.5"), at),
    ]


@pytest.fixture
async def world(owner: Connection) -> AsyncIterator[World]:
    """A world in which nothing has happened yet, with marks and feeds alive."""
    found = World(owner)
    keeps = asyncio.create_task(found.keep_fresh())
    yield found
    found.ended.set()
    await keeps
    await found.board.forget(FEEDS)
    await found.board.close()


def order_of(one: HedgeProposed) -> OrderIntended:
    return replace(
        intended(),
        at=now(),
        account=one.account,
        instrument=one.instrument,
        side=one.side,
        quantity=one.quantity,
        price=Decimal("2995"),
        proposal_id=one.proposal_id,
    )


def closed_by_its_order(one: HedgeProposed) -> ProposalClosed:
    return ProposalClosed(at=now(), proposal_id=one.proposal_id, end="sent", by="ann", reason="")


async def test_an_exposure_that_leaves_its_band_is_proposed_once(world: World, log_url: str) -> None:
    await world.write(*desk("20"))
    async with engine_running(log_url):
        await asyncio.sleep(1.5)
        assert world.told() == []
        await world.hold("29.5")
        await world.until(len)
        (one,) = world.told()
        assert isinstance(one, HedgeProposed)
        # There is no coin to margin an inverse contract with: it goes to the linear one.
        assert (one.proposal_id, one.account, one.side, one.quantity) == ("ETH-1", USDM, "sell", Decimal(30))
        await world.write(order_of(one), closed_by_its_order(one))
        await asyncio.sleep(1.5)
        assert len(world.told()) == 2


async def test_an_exposure_that_comes_back_withdraws_the_proposal(world: World, log_url: str) -> None:
    await world.write(*desk("30"))
    async with engine_running(log_url):
        await world.until(len)
        await world.hold("8")
        await world.until(lambda told: len(told) == 2)
    closed = world.told()[1]
    assert isinstance(closed, ProposalClosed)
    assert (closed.end, closed.by) == ("withdrawn", "engine")
    assert closed.reason == "net ETH of 8.5 is back within ±10, where hedging ends"


async def test_the_next_engine_goes_on_with_the_proposal_of_the_last(world: World, log_url: str) -> None:
    await world.write(*desk("30"))
    async with engine_running(log_url):
        await world.until(len)
    async with engine_running(log_url):
        await asyncio.sleep(2)
        assert [one.proposal_id for one in world.told()] == ["ETH-1"]
        await world.hold("8")
        await world.until(lambda told: len(told) == 2)


async def test_an_engine_whose_epoch_is_over_proposes_nothing(world: World, log_url: str) -> None:
    await world.write(*desk("20"))
    async with await psycopg.AsyncConnection.connect(log_url, autocommit=True) as connection:
        epoch = await epochs.take(connection, "engine", "old")
    assert epoch is not None
    lease = Lease(Service(name="engine", runner="portfolio.engine.run"), epoch)
    async with await psycopg.AsyncConnection.connect(log_url, autocommit=True) as connection:
        assert await epochs.take(connection, "engine", "new") == epoch + 1
    await world.hold("29.5")
    try:
        with pytest.raises(EpochIsOver):
            await engine.run(lease)
    finally:
        lease.close()
    assert world.told() == []
