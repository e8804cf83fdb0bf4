"""The feed of the custodian's moves against a served one: what it mirrors, whose orders are whose, what is locked."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from hedgeapp.core.events.collateral import (
    CollateralStated,
    CustodianStateChanged,
    CustodyFlowSeen,
    SettlementSeen,
)
from hedgeapp.core.events.moves import MoveReported, UnintendedMoveSeen
from marketdata.core.custody import PATIENCE
from marketdata.feeds.ceffu.client import AnswerIsMalformed
from marketdata.feeds.ceffu.moves import LOOK_BACK, STATED_EVERY
from sandbox.ceffu.wallets import WITHDRAWAL, Wanted
from tests.builders.custody import Served, served
from tests.builders.followed import Followed, client_of
from tests.builders.published import SPECIFICATION, faults_of
from tests.sandbox.custody_world import CYCLE_MS, SETTLING_MS
from tests.sandbox.matching_world import ALICE, BOB


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as found:
        yield found


@pytest.fixture
async def feed(world: Served) -> AsyncIterator[Followed]:
    async with client_of(world) as client:
        yield Followed(world, client)


async def test_what_is_mirrored_is_stated_for_each_account_once(world: Served, feed: Followed) -> None:
    await feed.poll()
    assert feed.stated() == [0]
    assert feed.stated(BOB, "ETH") == [0]
    world.custody.delegate("100")
    world.custody.wait()
    await feed.poll()
    await feed.poll()
    assert feed.stated() == [0, 100]


async def test_it_is_stated_again_before_it_is_too_old_to_be_believed(world: Served, feed: Followed) -> None:
    world.custody.delegate("100")
    world.custody.wait()
    await feed.poll()
    world.custody.wait(round(STATED_EVERY.total_seconds() * 1000))
    await feed.poll()
    assert feed.stated() == [100, 100]
    assert feed.stated(BOB) == [0]


async def test_a_delegation_that_the_custodian_forgot_is_stated_as_nothing(world: Served, feed: Followed) -> None:
    order = world.custody.delegate("100")
    world.custody.wait()
    await feed.poll()
    world.custody.mirror.forget(order.id)
    await feed.poll()
    assert feed.stated() == [100, 0]


async def test_a_delegation_leaves_the_custodians_total_as_it_was(world: Served, feed: Followed) -> None:
    await feed.poll()
    world.custody.delegate("100")
    world.custody.wait()
    await feed.poll()
    stated = [one for one in feed.of(CollateralStated) if one.asset == "USDT"]
    assert [one.total for one in stated] == [1_000_000, 1_000_000]
    assert [one.locked for one in stated] == [0, 100]


async def test_our_own_moves_states_are_reported(world: Served, feed: Followed) -> None:
    await feed.poll()
    payload, gateway = feed.submit(), world.gateway()
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    await gateway.close()
    assert isinstance(taken, MoveReported)
    feed.write(taken)
    world.custody.wait()
    await feed.poll()
    assert [one.state for one in feed.of(MoveReported)] == ["pending", "success"]
    assert feed.of(UnintendedMoveSeen) == []


async def test_a_move_whose_worker_died_is_found_by_what_it_says(world: Served, feed: Followed) -> None:
    await feed.poll()
    payload, gateway = feed.submit(), world.gateway()
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    await gateway.close()
    await feed.poll()
    assert feed.of(MoveReported) == []
    world.custody.wait(round(PATIENCE.total_seconds() * 1000) + 1)
    await feed.poll()
    (said,) = feed.of(MoveReported)
    assert isinstance(taken, MoveReported)
    assert (said.move_id, said.custodian_order_id) == (payload.move_id, taken.custodian_order_id)


async def test_our_own_transfer_is_known_by_its_name(world: Served, feed: Followed) -> None:
    await feed.poll()
    payload, gateway = feed.submit(kind="transfer", destination=world.sub_wallet()), world.gateway()
    await gateway.submit(payload, world.request_id(payload), world.now)
    await gateway.close()
    world.custody.wait()
    await feed.poll()
    assert [(one.move_id, one.state) for one in feed.of(MoveReported)] == [(payload.move_id, "success")]
    assert feed.of(UnintendedMoveSeen) == []


async def test_what_was_transferred_to_another_wallet_still_counts(world: Served, feed: Followed) -> None:
    await feed.poll()
    payload, gateway = feed.submit(kind="transfer", destination=world.sub_wallet()), world.gateway()
    await gateway.submit(payload, world.request_id(payload), world.now)
    await gateway.close()
    world.custody.wait()
    await feed.poll()
    last = {(one.wallet, one.asset): one.total for one in feed.of(CollateralStated)}
    assert (last[world.wallet, "USDT"], last[payload.destination, "USDT"]) == (999_900, 100)


async def test_a_move_made_in_the_custodians_portal_raises_one_alarm(world: Served, feed: Followed) -> None:
    await feed.poll()
    order = world.custody.delegate("100")
    await feed.poll()
    world.custody.wait()
    await feed.poll()
    (alarm,) = feed.of(UnintendedMoveSeen)
    assert (alarm.source, alarm.reference, alarm.kind) == ("ceffu", order.id, "delegate")
    assert (alarm.asset, alarm.amount) == ("USDT", 100)


def leaving(world: Served) -> Wanted:
    return Wanted(
        kind=WITHDRAWAL,
        request_id="77",
        wallet_id=int(world.wallet),
        to_wallet_id=0,
        coin="USDT",
        network="ETH",
        amount=Decimal(5),
        address="0xdead",
    )


async def test_a_withdrawal_raises_an_alarm(world: Served, feed: Followed) -> None:
    await feed.poll()
    world.custody.custodian.wallets.ask(leaving(world))
    await feed.poll()
    (alarm,) = feed.of(UnintendedMoveSeen)
    assert (alarm.kind, alarm.amount) == ("withdrawal", 5)
    assert "0xdead" in alarm.said


async def test_what_comes_and_goes_is_recorded_once_and_only_what_goes_raises_an_alarm(
    world: Served, feed: Followed
) -> None:
    await feed.poll()
    wallets, sub_wallet = world.custody.custodian.wallets, world.sub_wallet()
    came = [
        wallets.deposit("USDT", "ETH", Decimal(5)).id,
        wallets.deposit("ETH", "ETH", Decimal(2), wallet_id=int(sub_wallet)).id,
    ]
    wallets.deposit("USDT", "ETH", Decimal(9), failed=True)
    gone = wallets.ask(leaving(world)).id
    await feed.poll()
    assert [one.order_id for one in feed.of(CustodyFlowSeen)] == came  # what leaves is still under way
    world.custody.wait()
    await feed.poll()
    await feed.poll()
    flows = {one.order_id: (one.direction, one.wallet, one.asset, one.amount) for one in feed.of(CustodyFlowSeen)}
    assert flows == {
        came[0]: ("deposit", world.wallet, "USDT", 5),
        came[1]: ("deposit", sub_wallet, "ETH", 2),
        gone: ("withdrawal", world.wallet, "USDT", 5),
    }
    assert [one.reference for one in feed.of(UnintendedMoveSeen)] == [gone]


async def test_what_was_before_the_log_is_no_alarm(world: Served) -> None:
    world.custody.delegate("100")
    world.custody.wait()
    async with client_of(world) as client:
        feed = Followed(world, client)
        await feed.poll()
    assert feed.of(UnintendedMoveSeen) == []
    assert feed.stated() == [100]


async def test_settlements_are_no_moves(world: Served, feed: Followed) -> None:
    world.custody.delegate("1000")
    world.custody.wait()
    async with client_of(world) as client:
        later = Followed(world, client)
        world.custody.win(steps=400, ticks=9)
        world.custody.settle()
        await later.poll()
        await later.poll()
    orders = [order for order in world.custody.orders() if order.kind == 30]
    assert later.of(UnintendedMoveSeen) == []
    settled = [(one.order_id, one.account, one.wallet, one.amount) for one in later.of(SettlementSeen)]
    assert settled == [(orders[0].id, ALICE, world.wallet, orders[0].amount)]


def states(feed: Followed) -> list[str]:
    return [one.state for one in feed.of(CustodianStateChanged)]


async def test_a_frozen_custodian_is_told_and_its_thaw_too(world: Served, feed: Followed) -> None:
    await feed.poll()
    world.custody.custodian.freeze(frozen=True)
    await feed.poll()
    await feed.poll()
    world.custody.custodian.freeze(frozen=False)
    world.custody.wait(1)
    await feed.poll()
    assert states(feed) == ["open", "maintenance", "open"]


async def test_a_settlement_that_owes_something_is_seen_in_the_list(world: Served, feed: Followed) -> None:
    world.custody.delegate("1000")
    world.custody.wait()
    world.custody.win(steps=400, ticks=9)
    await feed.poll()
    world.custody.wait(CYCLE_MS)
    await feed.poll()
    world.custody.wait(SETTLING_MS)
    await feed.poll()
    assert states(feed) == ["open", "settling", "open"]


async def test_one_that_owes_nothing_is_seen_by_what_can_be_moved(world: Served, feed: Followed) -> None:
    await feed.poll()
    world.custody.wait(CYCLE_MS)
    await feed.poll()
    assert states(feed) == ["open"]
    await feed.poll()
    assert states(feed) == ["open", "settling"]


async def test_a_link_that_is_called_otherwise_is_complained_about(world: Served) -> None:
    async with client_of(world) as client:
        feed = Followed(world, client, accounts=[ALICE])
        world.custody.delegate("100")
        world.custody.wait()
        await feed.poll()
    assert BOB in feed.moves.complaint
    assert feed.stated() == [100]


async def test_an_order_that_is_long_under_way_is_followed_to_its_end(world: Served, feed: Followed) -> None:
    await feed.poll()
    world.custody.custodian.order_latency_ms = round(2 * LOOK_BACK.total_seconds() * 1000)
    payload, gateway = feed.submit(), world.gateway()
    taken = await gateway.submit(payload, world.request_id(payload), world.now)
    await gateway.close()
    assert isinstance(taken, MoveReported)
    feed.write(taken)
    for _ in range(3):
        world.custody.wait(round(LOOK_BACK.total_seconds() * 1000))
        await feed.poll()
    assert feed.of(MoveReported)[-1].state == "success"


async def test_nothing_is_forgotten_when_the_log_was_away(world: Served, feed: Followed) -> None:
    async def away(_: object) -> None:
        raise ConnectionError("the log is away")

    await feed.poll()
    world.custody.delegate("100")
    there, feed.moves._append = feed.moves._append, away
    with pytest.raises(ConnectionError):
        await feed.poll()
    feed.moves._append = there
    await feed.poll()
    assert len(feed.of(UnintendedMoveSeen)) == 1


async def test_a_state_that_nobody_published_is_refused(
    world: Served, feed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketdata.feeds.ceffu.orders.STATES", {77: "success"})
    world.custody.delegate("100")
    with pytest.raises(AnswerIsMalformed, match="77"):
        await feed.poll()


@pytest.mark.skipif(not SPECIFICATION.exists(), reason="the published collection is not beside this checkout")
async def test_every_request_of_the_feed_has_the_published_shape(world: Served, feed: Followed) -> None:
    world.sub_wallet()
    await feed.poll()
    await feed.poll()
    assert len({path for _, path, _, _ in world.sent}) == 13
    assert [fault for sent in world.sent for fault in faults_of(sent)] == []
