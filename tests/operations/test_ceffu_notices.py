"""The sandbox custodian's own webhooks through the door and against its lists, as the feed compares them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async
from django.db import connections

from hedgeapp.core.events.collateral import CustodyFlowSeen
from hedgeapp.core.events.moves import UnintendedMoveSeen
from marketdata import models
from marketdata.core.notices import AGREED_WITHIN, TOLD_WITHIN, Judged
from marketdata.feeds.ceffu.client import CeffuClient, Settings
from marketdata.feeds.ceffu.notices import LISTS_EVERY, NoticesFeed
from marketdata.feeds.ceffu.rows import PRIME, WalletRow
from marketdata.operations.notices import keep, settle
from marketdata.queries.notices import Told, told
from marketdata.webhooks import SignatureIsWrong, notice_of
from tests.builders.collateral import served as serving
from tests.builders.custody import ASSETS, Served, served
from tests.builders.followed import Followed

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_S = 60.0


class Compared:
    """A served custodian that tells its webhooks, and a feed that compares them."""

    def __init__(self, world: Served, client: CeffuClient) -> None:
        self.world, self.alarms = world, list[UnintendedMoveSeen]()
        self.heard: list[tuple[str, bytes]] = []
        self.feed = NoticesFeed("ceffu", client, ASSETS, self.told, self.settle, self.append, lambda: world.now)

    async def told(self) -> Told:
        return await sync_to_async(told)("ceffu")

    async def settle(self, judged: Sequence[Judged], at: datetime) -> None:
        await sync_to_async(settle)("ceffu", judged, at)

    async def append(self, events: Sequence[UnintendedMoveSeen]) -> None:
        self.alarms += events

    async def poll(self) -> int:
        wallet = WalletRow(walletIdStr=self.world.wallet, walletType=PRIME)
        return await self.feed.poll([wallet])

    async def come(self, count: int) -> None:
        """Wait for so many webhooks, and keep each."""
        async with asyncio.timeout(WAIT_S):
            while len(self.heard) < count:  # noqa: ASYNC110 - what is waited for comes over a socket
                await asyncio.sleep(0.01)
        for signature, body in self.heard:
            notice = notice_of("ceffu", signature, body, self.world.now)
            await sync_to_async(keep)("ceffu", notice)

    async def verdicts(self) -> list[str]:
        rows = models.Notice.objects.order_by("order_id").values_list("verdict", flat=True)
        return await sync_to_async(lambda: list(rows))()


@pytest.fixture
async def compared(tmp_path: Path, settings: Any) -> AsyncIterator[Compared]:
    settings.WEBHOOK_KEYS = tmp_path
    heard: list[tuple[str, bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        heard.append((request.headers["signature"], await request.read()))
        return web.Response()

    async with serving([web.post("/hook", receive)]) as url, served(tmp_path, webhook_url=f"{url}/hook") as world:
        telling = asyncio.create_task(world.custody.custodian.webhooks.run())
        given = world.keys
        quick = Settings(request_timeout_s=2.0, attempts_max=1)
        async with CeffuClient("ceffu", world.url, given.api_key, given.secret, quick, world.clock) as client:
            found = Compared(world, client)
            found.heard = heard
            yield found
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        await sync_to_async(connections.close_all)()


def deposit(compared: Compared, amount: str = "5", *, failed: bool = False) -> str:
    wallets = compared.world.custody.custodian.wallets
    return wallets.deposit("USDT", "ETH", Decimal(amount), failed=failed).id


@pytest.mark.parametrize("failed", [False, True])
async def test_what_webhook_and_list_both_have_is_agreed(compared: Compared, failed: bool) -> None:
    deposit(compared, failed=failed)
    await compared.come(1)
    assert await compared.poll() == 1
    assert (await compared.verdicts(), compared.alarms) == (["agreed"], [])


async def test_what_is_told_and_listed_is_recorded_once(compared: Compared) -> None:
    given = compared.world.keys
    quick = Settings(request_timeout_s=2.0, attempts_max=1)
    async with CeffuClient(
        "ceffu", compared.world.url, given.api_key, given.secret, quick, compared.world.clock
    ) as own:
        feed = Followed(compared.world, own)
        order = deposit(compared)
        await compared.come(1)
        await compared.poll()
        await feed.poll()
        await feed.poll()
    assert [one.order_id for one in feed.of(CustodyFlowSeen)] == [order]
    assert await compared.verdicts() == ["agreed"]


async def test_a_notice_that_no_list_has_is_one_alarm(compared: Compared) -> None:
    deposit(compared)
    await compared.come(1)
    await sync_to_async(models.Notice.objects.update)(order_id="another")
    assert await compared.poll() == 0
    compared.world.custody.wait(round(AGREED_WITHIN.total_seconds() * 1000) + 1)
    await compared.poll()
    await compared.poll()
    (alarm,) = compared.alarms
    assert (alarm.source, alarm.kind, alarm.asset, alarm.amount) == ("ceffu", "deposit", "USDT", Decimal(5))
    assert alarm.reference.startswith("webhook another")
    assert await compared.verdicts() == ["disagrees"]


async def test_a_notice_of_another_amount_is_an_alarm_at_once(compared: Compared) -> None:
    deposit(compared)
    await compared.come(1)
    await sync_to_async(models.Notice.objects.update)(amount="500")
    await compared.poll()
    assert "500" in compared.alarms[0].said


async def test_what_was_changed_on_its_way_is_not_the_custodians(compared: Compared) -> None:
    deposit(compared)
    await compared.come(1)
    signature, body = compared.heard[0]
    with pytest.raises(SignatureIsWrong):
        notice_of("ceffu", signature, body.replace(b'"5"', b'"6"'), compared.world.now)


async def test_a_notice_that_did_not_come_is_complained_about(compared: Compared) -> None:
    deposit(compared)
    await compared.come(1)
    compared.world.custody.custodian.webhooks.url = ""  # somebody switched it off
    compared.world.custody.wait(1_000)
    silent = deposit(compared, "7")
    await compared.poll()
    assert compared.feed.complaint == ""
    compared.world.custody.wait(round((TOLD_WITHIN + timedelta(minutes=1)).total_seconds() * 1000))
    await compared.poll()
    assert silent in compared.feed.complaint


async def test_without_a_webhook_no_list_is_read_for_it(compared: Compared) -> None:
    await compared.poll()
    assert compared.world.sent == []


async def test_lists_are_read_at_times_when_nothing_waits(compared: Compared) -> None:
    deposit(compared)
    await compared.come(1)
    await compared.poll()
    asked = len(compared.world.sent)
    await compared.poll()
    assert len(compared.world.sent) == asked
    compared.world.custody.wait(round(LISTS_EVERY.total_seconds() * 1000))
    await compared.poll()
    assert len(compared.world.sent) > asked
