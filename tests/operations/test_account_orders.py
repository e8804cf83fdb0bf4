"""An order that ended while nobody listened is asked for by name, by whichever service comes next."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hedgeapp.core.events.trading import OrderSeen
from marketdata.queries.known import orders_still_open
from tests.builders.accounts import MAIN, World, running, seeded
from tests.builders.books import AT
from tests.builders.carrying import database
from tests.builders.desks import history, written
from tests.builders.orders import seen


@pytest.fixture
def world(tmp_path: Path, log_url: str) -> Iterator[World]:
    """A running sandbox that reference data and keys were seeded from."""
    found = World(tmp_path / "world")
    seeded(found)
    found.start()
    yield found
    found.kill()


def test_the_orders_still_open_are_those_without_an_end(log_url: str) -> None:
    later = AT + timedelta(seconds=1)
    written(*history())
    open_one, ended = seen(venue_order_id="1"), seen(venue_order_id="2")
    partly = seen(venue_order_id="1", status="partially_filled", filled="2")
    written(open_one, ended)
    written(partly, seen(venue_order_id="2", status="canceled"), at=later)
    assert orders_still_open(MAIN) == [partly]
    assert orders_still_open("binance-usdm:mai") == []


async def test_the_end_of_an_order_is_read_by_the_next_service(world: World, log_url: str) -> None:
    client = world.client(MAIN)
    book = await asyncio.to_thread(client.fapiPublicGetPremiumIndex, {"symbol": "ETHUSDT"})
    price = f"{float(book['markPrice']) * 0.97:.2f}"
    given = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": price}

    def states(id_: str, told: list[OrderSeen]) -> list[str]:
        return [order.status for order in told if order.venue_order_id == id_]

    async with running(MAIN, log_url) as feed:
        order = await asyncio.to_thread(client.fapiPrivatePostOrder, given)
        id_ = str(order["orderId"])
        await feed.until(lambda: states(id_, feed.told(OrderSeen)) == ["working"])
    assert [one.venue_order_id for one in await database(orders_still_open, MAIN)] == [id_]
    await asyncio.to_thread(client.fapiPrivateDeleteOrder, {"symbol": "ETHUSDT", "orderId": id_})
    async with running(MAIN, log_url) as feed:
        await feed.until(lambda: states(id_, feed.told(OrderSeen)) == ["working", "canceled"])
