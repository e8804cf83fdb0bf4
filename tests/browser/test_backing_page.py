"""Backing as a desk sees it: nothing yet, then a book, that follows by itself and fits at a desk and on a phone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import redis
from channels.db import database_sync_to_async
from django.conf import settings
from playwright.async_api import expect

from hedgeapp.core.events.collateral import SettlementSeen
from portfolio.core.frames import frame
from portfolio.screen.publication import FRAME_KEY
from tests.browser.conftest import ONE_LOOP, Watched
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.builders.books import COINM, INVERSE, USDM, D, balance, book_of, collateral, common, limit, opening, supply
from tests.builders.moves import mirrored

pytestmark = ONE_LOOP


def held(cash: str) -> None:
    """Let the engine have shown a book with so much cash at an exchange."""
    at = datetime.now(UTC)
    settled = SettlementSeen(
        at=at - timedelta(hours=3),
        custodian="ceffu",
        order_id="1",
        account=USDM,
        wallet="w1",
        asset="USDT",
        amount=D(5),
    )
    book = book_of(
        collateral("stETH", "700", at),
        collateral("USDT", "25000", at, holder="ethereum"),
        mirrored("100", at),
        balance(USDM, "stETH", "100", at),
        balance(USDM, "USDT", cash, at),
        balance(COINM, "ETH", "12.5", at),
        opening("-700", "2000"),
        opening("-2500", "1950", INVERSE),
        supply("1400000", at),
        settled,
        limit("settlement_cycle", "account", "14400"),
    )
    shown = frame(book, common("1990", at=at), (), number=1, at=at)
    with redis.from_url(settings.REDIS_URL) as store:
        store.set(FRAME_KEY, msgspec.json.encode(shown))


async def sound(desk: Watched, *checks: str) -> None:
    for width in (1280, 390):
        await desk.page.set_viewport_size({"width": width, "height": 844})
        await desk.page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        for check in checks:
            assert await desk.page.evaluate(check) == []
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_the_balance_sheet_follows_and_fits_with_and_without_a_book(desk: Watched) -> None:
    await desk.log_in("/backing/")
    await expect(desk.page.get_by_text("Waiting for the first frame")).to_be_visible()
    await sound(desk, NAMELESS, TWICE)  # the skeleton of what is awaited has no contrast to speak of
    await database_sync_to_async(held)("50000")
    usd: Any = desk.page.locator("#sheet-exchange-binance_usdm_main-USDT-usd b")
    await expect(usd).to_have_text("50,000.00", timeout=60_000)
    await expect(desk.page.locator("#sheet-owed-binance_usdm_main-due")).to_contain_text("in ")
    await database_sync_to_async(held)("60000")
    await expect(usd).to_have_text("60,000.00", timeout=60_000)
    await sound(desk, CONTRAST, NAMELESS, TWICE)
