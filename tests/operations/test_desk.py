"""A desk sends each order once, and finds out what became of it, against a venue that answers as venues do."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.builders.accounts import World, seeded
from tests.builders.carrying import a_book, bought, closed, in_state, venue_orders, working

D = Decimal


@pytest.fixture
def world(tmp_path: Path, log_url: str) -> Iterator[World]:
    """A running sandbox that reference data and keys were seeded from."""
    found = World(tmp_path / "world")
    seeded(found)
    found.start()
    yield found
    found.kill()


async def test_an_order_is_sent_once_and_its_fills_come_home(world: World, log_url: str) -> None:
    async with a_book(log_url), working() as desk:
        order = await bought("n-1", desk=desk)
        ended = await in_state(order.client_order_id, "filled")
        assert ended.venue_order_id
        await closed(order.client_order_id)
        (theirs,) = await asyncio.to_thread(venue_orders, world, order.client_order_id)
        assert (theirs["status"], D(theirs["executedQty"])) == ("FILLED", D(1))
