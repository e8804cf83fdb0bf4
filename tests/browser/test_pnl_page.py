"""PnL as a desk sees it: nothing today, a day of the past that is picked, sums that agree, at a desk and on a phone."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from channels.db import database_sync_to_async
from playwright.async_api import expect

from portfolio.core.attribution import LINES
from tests.browser.conftest import ONE_LOOP, Watched
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.builders.books import D
from tests.builders.earning import live_on, lived, written

pytestmark = ONE_LOOP

FULL = "cells => cells.map(cell => cell.title)"  # all digits, with the unit


async def sound(desk: Watched, name: str) -> None:
    for width in (1280, 390):
        await desk.page.set_viewport_size({"width": width, "height": 844})
        await desk.page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        for check in (CONTRAST, NAMELESS, TWICE):
            assert await desk.page.evaluate(check) == []
        if folder := os.environ.get("SCREENSHOTS"):
            await desk.page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    await desk.page.set_viewport_size({"width": 1280, "height": 844})
    assert (await desk.refused(), desk.errors) == ([], [])


async def numbers(cells: Any) -> list[Decimal]:
    return [Decimal(full.split()[0].replace(",", "").replace("−", "-")) for full in await cells.evaluate_all(FULL)]


def two_days() -> None:
    ledger = lived()
    ledger.later(86_400)
    live_on(ledger, late=D("-750"))
    written(ledger)


async def test_a_day_is_picked_and_its_lines_are_its_change(desk: Watched) -> None:
    await desk.log_in("/pnl/")
    await expect(desk.page.get_by_text("No minute of this day is attributed yet").first).to_be_visible()
    await sound(desk, "pnl-empty")
    await database_sync_to_async(two_days)()
    await desk.page.reload()
    day = desk.page.get_by_role("row").filter(has=desk.page.get_by_role("link", name="2026-03-02"))
    (change,) = await numbers(day.locator("td[data-label=change]"))
    await day.get_by_role("link").click()
    lines = desk.page.locator("table.attribution td[data-label=day]")
    await expect(lines).to_have_count(len(LINES) + 2)  # the rest, and the sum
    *parts, sum_of = await numbers(lines)
    assert sum(parts) == sum_of == change
    (unexplained,) = await numbers(desk.page.locator("td[data-label=unexplained]").first)
    assert parts[-1] == unexplained
    assert sum(await numbers(desk.page.locator("#pnl-live section:last-child td[data-label=USD]"))) == unexplained
    await expect(desk.page.locator("#waterfall .main-svg").first).to_be_visible()
    await sound(desk, "pnl-day")
