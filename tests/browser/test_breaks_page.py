"""The page of breaks in a real browser: it follows by itself, two people close, a phone shows it all."""

import os
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from playwright.async_api import BrowserContext, Page, expect

from hedgeapp.core.differences import Difference
from tests.browser.conftest import ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.builders.books import reference
from tests.builders.breaks import difference
from tests.builders.broken import found, seen, told

pytestmark = ONE_LOOP

PHONE = {"width": 390, "height": 844}
OPEN = "#breaks-open"


def a_balance(item: str = "USDT", usd: str | None = "5000") -> Difference:
    return difference(item=item, unit=item, usd=None if usd is None else Decimal(usd))


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def broken() -> str:
    """Write three breaks; return the id of the worst that can be sized."""
    name: str = await database_sync_to_async(_broken)()
    return name


def _broken() -> str:
    told(*reference(), at=ago(900))
    return found(a_balance(), a_balance("BTC", None), a_balance("ETH", "12.5"), at=ago(4000))[0]


async def shot(page: Page, title: str) -> None:
    """Keep a picture, if somebody wants to look."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{title}.png", full_page=True)


async def test_the_open_breaks_follow_and_one_is_read_noted_and_left_to_another(desk: Watched) -> None:
    await desk.log_in("/breaks/")
    await expect(desk.page.locator(OPEN)).to_contain_text("Nothing was compared yet")
    name = await broken()
    await expect(desk.page.locator(f"{OPEN} .breaks tbody tr")).to_have_count(3)
    await expect(desk.page.locator(f"{OPEN} .breaks tbody tr").first).to_contain_text("BTC")
    await shot(desk.page, "breaks-dark")
    await desk.page.locator(f"{OPEN} .item a", has_text="USDT").click()
    await desk.page.wait_for_url(re.compile(name))
    await desk.page.get_by_label("Reason, note or explanation").fill("asked the venue")
    await desk.page.get_by_role("button", name="Note").click()
    await expect(desk.page.locator("#break")).to_contain_text("investigated by desk: asked the venue")
    await desk.page.get_by_label("Reason, note or explanation").fill("a rebate")
    await desk.page.get_by_role("button", name="Ask to accept").click()
    await expect(desk.page.locator("#break")).to_contain_text("desk asks to accept it: a rebate")
    await expect(desk.page.get_by_role("button", name=re.compile("Approve"))).to_have_count(0)
    await shot(desk.page, "break-dark")
    await desk.page.get_by_label("Reason, note or explanation").fill("half a thought")
    await database_sync_to_async(seen)(at=ago(1))
    await expect(desk.page.locator("#break .word").first).to_have_text("verified")
    await expect(desk.page.get_by_role("button", name="Withdraw")).to_have_count(0)
    assert (await desk.refused(), desk.errors) == ([], [])


@pytest.mark.parametrize(("scheme", "view"), [("light", "desk"), ("dark", "phone"), ("light", "phone")])
async def test_it_is_read_in_both_themes_and_on_a_phone(
    context: BrowserContext, web: Web, scheme: Any, view: str
) -> None:
    name = await broken()
    assert context.browser
    size = PHONE if view == "phone" else {"width": 1280, "height": 720}
    own = await context.browser.new_context(viewport=size, color_scheme=scheme, has_touch=view == "phone")  # type: ignore[arg-type]
    page = await own.new_page()
    await Watched(page, web.url).log_in()
    for path, title in (("/breaks/", "breaks"), (f"/breaks/{name}/", "break")):
        await page.goto(f"{web.url}{path}")
        await shot(page, f"{title}-{scheme}-{view}")
        for check in (CONTRAST, NAMELESS, TWICE):
            assert await page.evaluate(check) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await own.close()


async def test_who_may_only_look_sees_no_button(desk: Watched) -> None:
    name = await broken()
    await database_sync_to_async(User.objects.update)(is_superuser=False)
    await desk.log_in(f"/breaks/{name}/")
    await expect(desk.page.locator("#break-title")).to_have_text("Balance USDT")
    await expect(desk.page.locator("#main").get_by_role("button")).to_have_count(0)
