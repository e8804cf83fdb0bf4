"""A worker carries a move once, from its approval to both sides showing it, whatever the custodian does meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from hedgeapp.core.events.halts import EVERYWHERE
from hedgeapp.ending import end
from portfolio.core.move_request_ids import request_id
from portfolio.core.move_states import Move
from portfolio.models import Work
from portfolio.operations.halts import declare_halt
from portfolio.queries.books import FOLLOWING
from portfolio.tasks.moves_desk import MovesDesk
from tests.builders.accounts import MAIN, World, seeded
from tests.builders.books import instrument, introduced
from tests.builders.carrying import database, until
from tests.builders.moving import CUSTODIAN, MovesWorld, move_now, now, written

D = Decimal
ORDER = "/v1/mirrorX/order"


@pytest.fixture(scope="module")
def custodians(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running sandbox."""
    found = World(tmp_path_factory.mktemp("world"))
    found.start()
    found.act("custody/latency", seconds="0.2")
    yield found
    found.kill()


@pytest.fixture
async def moves(custodians: World, log_url: str) -> MovesWorld:
    """The sandbox without faults, people with passkeys, and rules that two of them agreed on."""
    await asyncio.to_thread(custodians.act, "faults/clear")
    await database(seeded, custodians)
    found = await database(MovesWorld, custodians)
    await database(found.begin)
    return found


@asynccontextmanager
async def working() -> AsyncIterator[MovesDesk]:
    """Run a desk of moves while the block lasts, from the moment at which its gateway is open."""
    desk = MovesDesk("moves")
    task = asyncio.create_task(desk.run())

    async def ready() -> MovesDesk | None:
        assert not task.done(), task.exception()
        return desk if CUSTODIAN in desk.doors.all() else None

    try:
        yield await until(ready, "a gateway")
    finally:
        await end([task])


async def in_state(name: str, *states: str) -> Move:
    """Wait until a move is in one of these states; one that ended otherwise says why."""

    async def look() -> Move | None:
        move = await database(move_now, name)
        if move.state not in states and not move.is_final:
            return None
        assert move.state in states, f"{move.state}: {move.because}"
        return move

    return await until(look, f"{name} in {states}")


async def closed(name: str) -> Work:
    """Wait until a move's work is closed."""
    found = Work.objects.filter(kind="move", subject=name, closed_at__isnull=False)
    return await until(lambda: database(found.first), f"work of {name} closed")


def delegated() -> Decimal:
    with FOLLOWING.held() as book:
        return book.delegated.get((MAIN, "USDT"), D(0))


async def test_an_approved_move_goes_out_once_and_both_sides_show_it(moves: MovesWorld) -> None:
    before, mirrored = await database(moves.at_venue), await database(delegated)
    name = await database(moves.approved)
    async with working():
        await in_state(name, "confirmed")
        await database(moves.state_both)
        move = await in_state(name, "done")
        await closed(name)
    assert move.intended is not None
    assert move.intended.approved_by == ("bob", "cay")
    assert [one["status"] for one in moves.orders_of(move.intended.request_id)] == ["success"]
    assert await database(moves.at_venue) == before + 1000
    assert await database(delegated) == mirrored + 1000


async def test_what_the_custodian_took_without_an_answer_is_found_and_not_sent_again(moves: MovesWorld) -> None:
    before = await database(moves.at_venue)
    await asyncio.to_thread(moves.world.act, "custody/arm", kind="timeout_after", path=ORDER, hold_ms=100)
    name = await database(moves.approved)
    async with working():
        await in_state(name, "confirmed")
        await database(moves.state_both)
        await in_state(name, "done")
    assert len(moves.orders_of(request_id(name, CUSTODIAN))) == 1
    assert await database(moves.at_venue) == before + 1000


async def test_a_request_that_never_arrived_is_sent_again_under_its_own_name(moves: MovesWorld) -> None:
    before = await database(moves.at_venue)
    await asyncio.to_thread(moves.world.act, "custody/arm", kind="timeout_before", path=ORDER, hold_ms=100)
    name = await database(moves.approved)
    async with working():
        await in_state(name, "confirmed")
        await database(moves.state_both)
        await in_state(name, "done")
    assert len(moves.orders_of(request_id(name, CUSTODIAN))) == 1
    assert await database(moves.at_venue) == before + 1000


async def test_a_plain_refusal_of_the_custodian_ends_a_move(moves: MovesWorld) -> None:
    await asyncio.to_thread(moves.world.act, "custody/arm", kind="reject", code="G20013", requests="order")
    name = await database(moves.approved)
    async with working():
        move = await in_state(name, "failed")
        await closed(name)
    assert "G20013" in move.because


async def test_a_move_that_fails_at_the_custodian_ends_as_failed(moves: MovesWorld) -> None:
    await asyncio.to_thread(moves.world.act, "custody/fail", reason="the exchange refused it", times=1)
    name = await database(moves.approved)
    async with working():
        await in_state(name, "failed")
        await closed(name)


async def test_two_desks_send_a_move_once(moves: MovesWorld) -> None:
    names = [await database(moves.approved, "100") for _ in range(3)]
    async with working(), working():
        for name in names:
            await in_state(name, "confirmed")
        await database(moves.state_both)
    assert [len(moves.orders_of(request_id(name, CUSTODIAN))) for name in names] == [1, 1, 1]


async def test_a_halt_lets_through_only_what_comes_home_from_an_exchange(moves: MovesWorld) -> None:
    await database(written, [introduced(instrument(), at=now())])
    first = await database(moves.approved, "500")
    async with working():
        await in_state(first, "confirmed")
        await database(moves.state_both)
        await in_state(first, "done")
        before = await database(moves.at_venue)
        await database(declare_halt, EVERYWHERE, by="ann", reason="something is wrong", at=now())
        home, away = await database(moves.approved, "200", "undelegate"), await database(moves.approved, "100")
        assert "no halt expected" in (await in_state(away, "refused")).because
        await in_state(home, "confirmed")
        await database(moves.state_both)
        await in_state(home, "done")
    assert await database(moves.at_venue) == before - 200


async def test_a_move_that_nobody_could_send_in_time_expires(moves: MovesWorld) -> None:
    life = timedelta(seconds=5)  # within which two people approve, also on a busy machine
    name = await database(moves.approved, life=life)
    await asyncio.sleep(life.total_seconds())
    async with working():
        await in_state(name, "expired")
        await closed(name)
