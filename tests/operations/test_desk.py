"""A desk sends each order once, and finds out what became of it, against a venue that answers as venues do."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from hedgeapp import wake
from hedgeapp.core.events.orders import OrderSent
from marketdata.models import Credential
from portfolio.gateways.exchange import Rejected
from portfolio.models import Work
from portfolio.operations.orders import RECV_WINDOW, ask_cancel
from tests.builders.accounts import MAIN, World, running, seeded
from tests.builders.carrying import (
    a_book,
    a_process,
    bought,
    closed,
    database,
    in_state,
    order_now,
    until,
    venue_orders,
    working,
)

D = Decimal
USDM = "binance-usdm"


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running sandbox."""
    found = World(tmp_path_factory.mktemp("world"))
    found.start()
    yield found
    found.kill()


@pytest.fixture
async def world(venues: World, log_url: str) -> World:
    """The sandbox without faults, and a log with its reference data, keys, and a book to hedge."""
    await asyncio.to_thread(venues.act, "faults/clear")
    await database(seeded, venues)
    await a_book(log_url)
    return venues


async def test_an_order_is_sent_once_and_its_fills_come_home(world: World, log_url: str) -> None:
    async with running(MAIN, log_url), working():
        order = await bought(world)
        ended = await in_state(order.client_order_id, "filled")
        assert ended.venue_order_id
        await closed(order.client_order_id)

        async def whole() -> bool | None:
            found = await database(order_now, order.client_order_id)
            return True if found is not None and found.logged == found.filled == D(1) else None

        await until(whole, "its fills in the log")
        (theirs,) = await asyncio.to_thread(venue_orders, world, order.client_order_id)
        assert (theirs["status"], D(theirs["executedQty"])) == ("FILLED", D(1))


async def once_at_the_venue(world: World, name: str) -> dict[str, Any]:
    """Return the one order that the venue has under a name."""
    (theirs,) = await asyncio.to_thread(venue_orders, world, name)
    return theirs


async def cancel(name: str) -> None:
    await database(ask_cancel, name, by="bob", reason="", at=datetime.now(UTC))


async def test_an_order_that_was_taken_but_never_answered_is_found_under_our_id(world: World, log_url: str) -> None:
    async with working():
        world.act("faults", kind="timeout_after", venue=USDM, hold_ms=500)
        order = await bought(world)
        ended = await in_state(order.client_order_id, "filled")
        assert ended.because == "no answer of the venue: ExchangeNotAvailable"
        await once_at_the_venue(world, order.client_order_id)
        await closed(order.client_order_id)


async def test_an_order_that_never_came_is_given_up_only_after_its_deadline(world: World, log_url: str) -> None:
    async with working():
        world.act("faults", kind="timeout_before", venue=USDM, hold_ms=100)
        order = await bought(world)
        ended = await in_state(order.client_order_id, "never_arrived")
        assert ended.valid_until is not None
        assert ended.ended_at is not None
        assert ended.ended_at > ended.valid_until
        assert await asyncio.to_thread(venue_orders, world, order.client_order_id) == []


async def test_a_request_that_is_sent_late_is_refused_by_the_venue_itself(world: World, log_url: str) -> None:
    order = await bought(world)
    at = datetime.now(UTC) - timedelta(minutes=10)
    stopped = OrderSent(
        at=at,
        client_order_id=order.client_order_id,
        valid_until=at + RECV_WINDOW,
        mark=D(3000),
        mark_at=at,
        net=D(-1),
    )
    async with working("urgent") as desk:
        with pytest.raises(Rejected, match="-1021"):
            await desk.doors.of(MAIN).place(order.intent, stopped)
    assert await asyncio.to_thread(venue_orders, world, order.client_order_id) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "bad_gateway", "status": 502, "executed": True},
        {"kind": "bad_gateway", "status": 503, "code": -1006, "executed": True},
        {"kind": "bad_gateway", "status": 503, "code": -1007, "executed": True},
        {"kind": "reject", "status": 400, "code": -4116, "message": "ClientOrderId is duplicated."},
    ],
)
async def test_an_answer_that_may_mean_anything_is_no_rejection(
    world: World, log_url: str, fault: dict[str, Any]
) -> None:
    async with working():
        world.act("faults", venue=USDM, **fault)
        order = await bought(world)
        await in_state(order.client_order_id, "filled" if fault["kind"] == "bad_gateway" else "never_arrived")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reject", "status": 400, "code": -2019, "message": "Margin is insufficient."},
        {"kind": "too_many", "status": 429, "requests": "order"},
    ],
)
async def test_definite_words_reject_at_once(world: World, log_url: str, fault: dict[str, Any]) -> None:
    async with working():
        world.act("faults", venue=USDM, **fault)
        order = await bought(world)
        await in_state(order.client_order_id, "rejected")
        assert await asyncio.to_thread(venue_orders, world, order.client_order_id) == []


async def test_a_venue_that_is_away_leaves_an_order_unknown_until_it_is_back(world: World, log_url: str) -> None:
    async with working():
        world.act("faults", kind="timeout_after", venue=USDM, hold_ms=100)
        world.act("faults", kind="bad_gateway", venue=USDM, status=502, requests="read", path="order", times=3)
        order = await bought(world)
        await in_state(order.client_order_id, "unknown")
        await in_state(order.client_order_id, "filled")
        await closed(order.client_order_id)


async def test_orders_go_out_while_the_broker_and_the_board_are_away(
    world: World, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working():
        monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
        monkeypatch.setattr(wake, "_waker", [])
        order = await bought(world)
        await in_state(order.client_order_id, "filled")


async def test_two_workers_that_race_send_each_order_once(world: World, log_url: str, app_database_url: str) -> None:
    with a_process(app_database_url), a_process(app_database_url):
        async with working():
            orders = [await bought(world, "0.5") for _ in range(12)]
            for order in orders:
                await in_state(order.client_order_id, "filled")
                await once_at_the_venue(world, order.client_order_id)


async def test_another_worker_goes_on_where_one_was_killed(world: World, log_url: str, app_database_url: str) -> None:
    with a_process(app_database_url) as process:
        world.act("faults", kind="timeout_after", venue=USDM, hold_ms=20_000)
        order = await bought(world)
        await in_state(order.client_order_id, "sent")
        await until(lambda: asyncio.to_thread(lambda: venue_orders(world, order.client_order_id) or None), "taken")
        process.kill()
        process.wait()
        async with working():
            await in_state(order.client_order_id, "filled")
            await once_at_the_venue(world, order.client_order_id)


async def test_a_working_order_is_canceled_by_an_urgent_desk(world: World, log_url: str) -> None:
    async with working():
        order = await bought(world, away_bp=-20, time_in_force="gtc")
        await in_state(order.client_order_id, "working")
    async with working("urgent"):
        await cancel(order.client_order_id)
        await in_state(order.client_order_id, "canceled")
    assert (await once_at_the_venue(world, order.client_order_id))["status"] == "CANCELED"


async def test_a_cancel_of_what_was_filled_lets_the_fill_speak(world: World, log_url: str) -> None:
    world.act("faults", kind="timeout_after", venue=USDM, hold_ms=100)
    world.act("faults", kind="bad_gateway", venue=USDM, status=502, requests="read", path="order", times=1)
    async with working():
        order = await bought(world)
        await in_state(order.client_order_id, "unknown")
    async with working("urgent"):
        await cancel(order.client_order_id)
        await in_state(order.client_order_id, "filled")
        done = Work.objects.filter(kind="cancel", closed_at__isnull=False)
        await until(lambda: database(done.first), "the cancel closed")


async def test_a_cancel_before_sending_needs_no_venue(world: World, log_url: str) -> None:
    order = await bought(world)
    await cancel(order.client_order_id)
    async with working("urgent"):
        refused = await in_state(order.client_order_id, "refused")
        assert refused.because == "canceled by bob before it was sent"


async def test_an_account_without_a_key_to_trade_with_refuses_by_name(world: World, log_url: str) -> None:
    await database(Credential.objects.filter(holder=MAIN, purpose="trade").delete)
    async with working(accounts=()):
        order = await bought(world)
        refused = await in_state(order.client_order_id, "refused")
        assert refused.because == (
            f"keys of {MAIN} to trade with expected under Credentials, found none: set them in the admin"
        )
