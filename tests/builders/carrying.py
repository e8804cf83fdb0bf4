"""A desk at work on a sandbox of the test's own: what the venue has, what the log says, and what broke between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

from portfolio.core.orders import FINAL, HedgeOrder
from portfolio.models import Work
from portfolio.operations.orders import Ticket, intend_order
from portfolio.operations.work import Queue
from portfolio.queries.books import FOLLOWING
from portfolio.tasks.desk import Desk
from tests.builders.accounts import COIN, INSTRUMENTS, MAIN, World, running

WAIT_S = 30.0
ETH = INSTRUMENTS[MAIN]["ETHUSDT"]
D = Decimal
T = TypeVar("T")


async def database(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run database work beside the test's loop."""

    def closing() -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(closing, thread_sensitive=False)()


async def until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """Wait until a look finds something."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(0.05)


def order_now(name: str) -> HedgeOrder | None:
    """Return an order by the log's head."""
    with FOLLOWING.held() as book:
        return book.our_orders.get(name)


async def in_state(name: str, *states: str) -> HedgeOrder:
    """Wait until an order is in one of these states, or in any final one when none is named."""

    async def look() -> HedgeOrder | None:
        order = await database(order_now, name)
        return order if order is not None and order.state in (states or FINAL) else None

    return await until(look, f"{name} in {states or 'a final state'}")


async def closed(name: str) -> Work:
    """Wait until the work of an order is closed."""
    found = Work.objects.filter(kind="order", subject=name, closed_at__isnull=False)
    return await until(lambda: database(found.first), f"work of {name} closed")


@contextlib.asynccontextmanager
async def working(queue: Queue = "orders") -> AsyncIterator[Desk]:
    """Run a desk while the block lasts, from the moment at which its gateways are ready."""
    desk = Desk(queue)
    task = asyncio.create_task(desk.run())
    try:
        async with asyncio.timeout(WAIT_S):
            while not all(desk.doors.all().get(name) for name in (MAIN, COIN)) or not await _ready(desk):
                assert not task.done(), task.exception()
                await asyncio.sleep(0.05)
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _ready(desk: Desk) -> bool:
    return all(gateway.clock_read_at for gateway in desk.doors.all().values())


@contextlib.asynccontextmanager
async def a_book(log_url: str) -> AsyncIterator[None]:
    """Let both accounts' feeds fill the log, so that there is a book to hedge, and keep them running."""
    async with running(MAIN, log_url), running(COIN, log_url):
        yield


async def bought(nonce: str, quantity: str = "1", *, away_bp: int = 20, desk: Desk, **given: Any) -> HedgeOrder:
    """Intend to buy ETH at so many bp above the mark: the sandbox's accounts are short."""
    marks = await desk.marks()
    mark = marks[ETH, "mark"].value
    price = (mark * (10_000 + away_bp) / 10_000).quantize(D("0.01"))
    fields: dict[str, Any] = {
        "account": MAIN,
        "instrument": ETH,
        "side": "buy",
        "quantity": D(quantity),
        "price": price,
        "time_in_force": "ioc",
        "reduce_only": False,
        "reason": "",
        "proposal_id": "",
        "nonce": nonce,
    }
    return await database(intend_order, Ticket(**{**fields, **given}), by="ann", at=datetime.now(UTC))


def venue_orders(world: World, name: str, account: str = MAIN, symbol: str = "ETHUSDT") -> list[dict[str, Any]]:
    """Return what the venue has under a client order id, as unmodified ccxt tells it."""
    client = world.client(account)
    rows = client.fapiPrivateGetAllOrders({"symbol": symbol, "limit": 1000})
    return [row for row in rows if row["clientOrderId"] == name]
