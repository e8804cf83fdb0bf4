"""A desk at work on a sandbox of the test's own: what the venue has, what the log says, and what broke between them."""

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.ending import end
from marketdata.core.catalogue import Row
from marketdata.operations.changes import change
from marketdata.queries.catalogue import reference
from portfolio.core.orders import HedgeOrder
from portfolio.models import Work
from portfolio.operations.orders import Ticket, intend_order
from portfolio.operations.work import Queue
from portfolio.queries.books import FOLLOWING
from portfolio.tasks.orders_desk import OrdersDesk as Desk
from tests.builders.accounts import COIN, INSTRUMENTS, MAIN, ROOT, Feed, World, running

WAIT_S = 60.0
DESK = """
import asyncio, sys, django
django.setup()
from portfolio.tasks.orders_desk import run_kept
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
    """Wait until an order is in one of these states; one that ended otherwise says why."""

    async def look() -> HedgeOrder | None:
        order = await database(order_now, name)
        if order is None or (order.state not in states and not order.is_final):
            return None
        assert order.state in states, f"{order.state}: {order.because}"
        return order

    return await until(look, f"{name} in {states}")


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
        await end([task])


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


def only_these_accounts(names: Collection[str]) -> None:
    """Let the book be what some accounts hold: every other source is disabled, for nobody reads it."""
    known, at = reference(), datetime.now(UTC)
    custodians = [replace(row, is_enabled=False) for row in known.custodians.values()]
    chains = [replace(row, is_enabled=False) for row in known.chains.values()]
    accounts = [replace(row, is_enabled=False) for name, row in known.accounts.items() if name not in names]
    rows: list[Row] = [*custodians, *chains, *accounts]
    for row in rows:
        change(row, by="test", reason="not read here", at=at)


async def a_book(log_url: str, accounts: Collection[str] = (MAIN, COIN)) -> None:
    """Let the accounts' feeds fill the log, so that there is a book to hedge; then only the desk hears the venue."""
    await database(only_these_accounts, accounts)
    async with contextlib.AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(running(name, log_url, live=False)) for name in accounts]
        for feed in feeds:
            await feed.until(partial(_is_live, feed))


def _is_live(feed: Feed) -> bool:
    told = [one for one in feed.told(FeedStateChanged) if one.feed == f"account:{feed.account}"]
    return bool(told) and told[-1].state == "live"


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
