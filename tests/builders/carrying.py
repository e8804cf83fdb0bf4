"""A desk at work on a sandbox of the test's own: what the venue has, what the log says, and what broke between them."""

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
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
from tests.builders.accounts import COIN, INSTRUMENTS, MAIN, ROOT, World, running

WAIT_S = 30.0
DESK = """
import asyncio, sys, django
django.setup()
from portfolio.tasks.desk import run_kept
asyncio.run(run_kept(sys.argv[1]))
"""
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
async def working(queue: Queue = "orders", accounts: Iterable[str] = (MAIN, COIN)) -> AsyncIterator[Desk]:
    """Run a desk while the block lasts, from the moment at which its gateways are ready."""
    desk = Desk(queue)
    task = asyncio.create_task(desk.run())

    async def ready() -> Desk | None:
        assert not task.done(), task.exception()
        doors = desk.doors.all()
        return desk if all(name in doors and doors[name].clock_read_at for name in accounts) else None

    try:
        yield await until(ready, "gateways")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def a_process(database_url: str, queue: Queue = "orders") -> Iterator["subprocess.Popen[bytes]"]:
    """Run a desk in a process of its own, as the app's role, until the block ends."""
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "hedgeapp.settings"}
    process = subprocess.Popen([sys.executable, "-c", DESK, queue], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def a_book(log_url: str) -> None:
    """Let both accounts' feeds fill the log, so that there is a book to hedge; then only the desk hears the venue."""
    async with running(MAIN, log_url, live=False) as main, running(COIN, log_url, live=False) as coin:
        for feed in (main, coin):
            await feed.until_health(lambda health: health.is_connected)


async def bought(world: World, quantity: str = "1", *, away_bp: int = 20, **given: Any) -> HedgeOrder:
    """Intend to buy ETH at so many bp above the mark: the sandbox's accounts are short."""
    row = await asyncio.to_thread(world.client(MAIN).fapiPublicGetPremiumIndex, {"symbol": "ETHUSDT"})
    mark = D(row["markPrice"])
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
        "nonce": secrets.token_hex(8),
    }
    return await database(intend_order, Ticket(**{**fields, **given}), by="ann", at=datetime.now(UTC))


def venue_orders(world: World, name: str, account: str = MAIN, symbol: str = "ETHUSDT") -> list[dict[str, Any]]:
    """Return what the venue has under a client order id, as unmodified ccxt tells it."""
    client = world.client(account)
    rows = client.fapiPrivateGetAllOrders({"symbol": symbol, "limit": 1000})
    return [row for row in rows if row["clientOrderId"] == name]
