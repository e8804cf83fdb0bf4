"""Funding as a desk sees it: nothing yet, then a book whose payments are counted down, at a desk and on a phone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import redis
from channels.db import database_sync_to_async
from django.conf import settings
from playwright.async_api import expect

from hedgeapp.core.instruments import FundingTerms
from portfolio.core.frames import frame
from portfolio.screen.publication import FRAME_KEY
from tests.browser.conftest import ONE_LOOP, Watched
from tests.browser.test_backing_page import sound
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.builders.books import INVERSE, LINEAR, D, book_of, common, instrument, mark, opening
from tests.core.test_funding_calendar import due_at

pytestmark = ONE_LOOP


def held(rate: str) -> None:
    """Let the engine have shown two shorts, one of them paid at this rate in 5 hours."""
    at = datetime.now(UTC)
    known = replace(instrument(LINEAR), funding_terms=FundingTerms(minutes=480, cap=D("0.0075"), floor=D("-0.0075")))
    marks = common("1990", at=at) | {
        (LINEAR, "funding_rate"): mark(LINEAR, "funding_rate", rate, at),
        (LINEAR, "funding_at"): mark(LINEAR, "funding_at", due_at(at + timedelta(hours=5)), at),
    }
    book = book_of(opening("-700", "2000"), opening("-2500", "1950", INVERSE), instruments=(known, instrument(INVERSE)))
    with redis.from_url(settings.REDIS_URL) as store:
        store.set(FRAME_KEY, msgspec.json.encode(frame(book, marks, (), number=1, at=at)))


async def test_the_calendar_follows_and_fits_with_and_without_a_book(desk: Watched) -> None:
    await desk.log_in("/funding/")
    await expect(desk.page.get_by_text("Waiting for the first frame")).to_be_visible()
    await sound(desk, NAMELESS, TWICE)  # the skeleton of what is awaited has no contrast to speak of
    await database_sync_to_async(held)("0.0001")
    usd: Any = desk.page.locator("#funding-binance_usdm_main-binance_usdm_ETH_USDT_PERP-payment_usd b")
    await expect(usd).to_have_text("+139.30", timeout=90_000)
    await database_sync_to_async(held)("-0.0002")
    await expect(usd).to_have_text("−278.60", timeout=90_000)
    await sound(desk, NAMELESS, TWICE, CONTRAST)
