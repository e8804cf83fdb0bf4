"""Runs against a custodian over sockets: what came and went explains what its wallets hold, and nothing else does."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from hedgeapp.core.events import Event
from hedgeapp.core.events.anchors import RebaseTaken
from hedgeapp.core.events.collateral import CustodyFlowSeen, SettlementSeen
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.reference import Custodian
from hedgeapp.eventlog import codec
from hedgeapp.eventlog.append import append
from hedgeapp.eventlog.models import LoggedEvent
from marketdata.operations.changes import change
from marketdata.operations.credentials import set_credential
from reconciliation.core.breaks import Break
from reconciliation.models import HoldingAnchor
from reconciliation.operations.breaks import heal_break
from reconciliation.operations.replay import rebuild_rows
from reconciliation.running import QUIET_FOR, reconcile
from sandbox.ceffu.books import Change
from sandbox.ceffu.wallets import WITHDRAWAL, Wanted
from tests.builders.books import common
from tests.builders.collateral import Clock
from tests.builders.custody import ASSETS, Served, served
from tests.builders.followed import Followed, client_of
from tests.builders.reconciling import current
from tests.operations.test_reconciliation_holders import blocking
from tests.sandbox.custody_world import SETTLING_MS

D = Decimal
SUBJECT = "custodian:ceffu"
MINUTE = timedelta(minutes=1)

pytestmark = [pytest.mark.usefixtures("log_url"), pytest.mark.timeout(300)]


def appended(at: datetime, *events: Event) -> None:
    with transaction.atomic(durable=True):
        connection.ensure_connection()
        append(connection.connection, events, at=at)


class Kept:
    """A served custodian, its feed, and runs at times that the test chooses; its word on everything was taken once."""

    def __init__(self, world: Served, feed: Followed) -> None:
        self.world, self.feed, self.at, self._told = world, feed, datetime.now(UTC), 0

    async def follow(self) -> None:
        """Let the log have what the feed reads."""
        self.world.custody.wait(1_000)
        await self.feed.poll()
        news, self._told = self.feed.log[self._told :], len(self.feed.log)
        await blocking(appended, self.at, *news)

    async def run(self) -> str:
        """Compare once, a minute later than the last time."""
        self.at += MINUTE
        self.world.custody.wait(1_000)
        return str(await blocking(reconcile, SUBJECT, "schedule", lambda: self.at, looks_after_s=0))

    async def breaks(self, kind: str = "holding") -> list[Break]:
        return list(await blocking(current, kind))

    async def told(self, kind: type[Any]) -> list[Any]:
        def events() -> list[Event]:
            rows = LoggedEvent.objects.filter(kind=kind.__name__).order_by("seq")
            return [codec.decode(row.kind, bytes(row.body)) for row in rows]

        return list(await blocking(events))

    def behind_our_back(self, coin: str, amount: str) -> None:
        custodian = self.world.custody.custodian
        custodian.books.post([Change(place=custodian.place, coin=coin, units=D(amount))], "behind our back", 0)

    def deposit(self, amount: str) -> str:
        return self.world.custody.custodian.wallets.deposit("USDT", "ETH", D(amount)).id

    def withdraw(self, amount: str) -> str:
        wanted = Wanted(
            kind=WITHDRAWAL,
            request_id=f"w-{amount}",
            wallet_id=int(self.world.wallet),
            to_wallet_id=0,
            coin="USDT",
            network="ETH",
            amount=D(amount),
            address="0xdead",
        )
        order = self.world.custody.custodian.wallets.ask(wanted).id
        self.world.custody.wait(1)
        return order


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    now = Clock(int(time.time() * 1_000))
    still: dict[str, Any] = {"order_latency_ms": 0, "settlement_every_ms": 0, "staking_rate_per_year": D(0)}
    still["timestamp_window_ms"] = 600_000  # its clock stands
    async with served(tmp_path, clock=now, **still) as world, client_of(world) as client:
        keys, started = world.keys, datetime.now(UTC)
        row = Custodian(name="ceffu", protocol="ceffu", url=world.url)
        for one in (*ASSETS, row):
            await blocking(change, one, by="test", reason="test", at=started)
        await blocking(set_credential, "ceffu", api_key=keys.api_key, secret=keys.secret, by="test", at=started)
        await blocking(appended, started, MarksTaken(at=started, marks=tuple(common("2500", at=started).values())))
        found = Kept(world, Followed(world, client))
        found._told = 1  # the log has its introduction
        world.custody.wait(1_000)  # what comes now is no history
        await found.follow()
        found.at += 2 * QUIET_FOR
        assert await found.run() == "clean"
        yield found


async def test_deposits_withdrawals_and_settlements_explain_what_a_wallet_holds(kept: Kept) -> None:
    came, went = kept.deposit("5"), kept.withdraw("3")
    kept.world.custody.delegate("1000")
    kept.world.custody.wait(1)
    kept.world.custody.win(steps=400, ticks=9)
    kept.world.custody.mirror.settlement.begin(kept.world.custody.clock(), kept.world.custody.clock())
    kept.world.custody.wait(SETTLING_MS)
    await kept.follow()
    flows = [(one.order_id, one.direction, one.amount, one.address) for one in await kept.told(CustodyFlowSeen)]
    assert flows[0][:3] == (came, "deposit", D(5))
    assert flows[1:] == [(went, "withdrawal", D(3), "0xdead")]
    (settled,) = await kept.told(SettlementSeen)
    assert settled.amount < 0
    await kept.run()
    assert await kept.breaks() == []
    held = HoldingAnchor.objects.filter(to_seq=None, asset="USDT")
    assert (await blocking(held.get)).total == 1_000_000


async def test_a_balance_changed_behind_our_back_is_a_break_that_says_how_ours_comes_about(kept: Kept) -> None:
    kept.deposit("5")
    kept.behind_our_back("USDT", "-1234.5")
    await kept.follow()
    await kept.run()
    assert await kept.breaks("collateral") == []  # our feed says the same
    await kept.run()
    (found,) = await kept.breaks()
    assert (found.state, found.difference.amount, found.difference.usd) == ("found", D("-1234.5"), D("1234.5"))
    assert found.difference.item == f"{kept.world.wallet}:USDT"
    assert found.difference.ours == (("total", "1000005"), ("opening", "1000000"), ("deposits", "5"))
    assert found.difference.theirs == (("total", "998770.5"),)

    asked = await blocking(heal_break, found.break_id, by="ann", reason="he is right", at=kept.at)
    assert asked.needs_two.startswith("it cuts the delta of USDT")
    healed = await blocking(heal_break, found.break_id, by="bob", reason="he is", at=kept.at)
    assert healed.state == "healed"
    await kept.run()
    assert (await kept.breaks())[0].state == "verified"
    kept.behind_our_back("USDT", "100")
    await kept.follow()
    await kept.run()
    await kept.run()
    (again,) = await kept.breaks()
    assert (again.state, again.relapses, again.difference.amount) == ("reopened", 1, D(100))
    asked = await blocking(heal_break, again.break_id, by="ann", reason="he is right", at=kept.at)
    assert asked.needs_two.startswith("it raises backing")
    rows = await blocking(rebuild_rows, kept.at)
    assert rows["reconciliation_holdinganchor"] > 3


async def test_a_deposit_that_our_log_lacks_is_a_break_healed_by_the_custodians_list(kept: Kept) -> None:
    order = kept.deposit("5")
    await kept.feed.wallets.poll()  # nobody read the list
    for _ in range(7):
        await kept.run()
    (missed,) = await kept.breaks("transfer")
    assert (missed.state, missed.difference.item, missed.difference.usd) == ("found", f"USDT:{order}", D(5))
    asked = await blocking(heal_break, missed.break_id, by="ann", reason="his list", at=kept.at)
    assert asked.needs_two.startswith("it raises backing")
    await blocking(heal_break, missed.break_id, by="bob", reason="his list", at=kept.at)
    assert [one.order_id for one in await kept.told(CustodyFlowSeen)] == [order]
    await kept.run()
    assert [one.state for one in [*await kept.breaks(), *await kept.breaks("transfer")]] == ["verified", "verified"]


async def test_a_small_growth_of_a_staked_asset_is_a_rebase_and_a_large_one_is_a_break(kept: Kept) -> None:
    kept.behind_our_back("STETH", "0.01")
    await kept.follow()
    assert await kept.run() == "clean"
    (taken,) = await kept.told(RebaseTaken)
    assert (taken.asset, taken.amount) == ("stETH", D("0.01"))
    assert taken.amount < taken.most < D("0.05")
    assert await kept.run() == "clean"
    assert len(await kept.told(RebaseTaken)) == 1
    kept.behind_our_back("STETH", "5")
    await kept.follow()
    await kept.run()
    await kept.run()
    (found,) = await kept.breaks()
    assert (found.state, found.difference.amount) == ("found", D(5))
    assert dict(found.difference.ours) == {"total": "50.01", "opening": "50", "rebases": "0.01"}


async def test_nothing_is_anchored_just_after_something_came(kept: Kept) -> None:
    await blocking(HoldingAnchor.objects.all().delete)
    kept.deposit("5")
    await kept.follow()
    kept.at -= MINUTE / 2
    await kept.run()
    assert not await blocking(HoldingAnchor.objects.exists)
