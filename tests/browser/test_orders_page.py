"""The orders page in a real browser: what is under way follows by itself, one press cancels, a phone shows it all."""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from playwright.async_api import BrowserContext, Page, expect

from hedgeapp.core.events import Event
from hedgeapp.core.events.orders import OrderOutcomeUnknown
from hedgeapp.eventlog.models import LoggedEvent
from tests.browser.conftest import ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.builders.blotters import began, life, name, projected, rows, told
from tests.builders.orders import seen

pytestmark = ONE_LOOP

PHONE = {"width": 390, "height": 844}
THUMB_PX_MIN = 44  # height of a target that a thumb hits
OPEN = "#orders-open"

# Cells of a row that stand on each other, by their texts.
OVERLAPPING = """
() => [...document.querySelectorAll(".blotter tbody tr")].flatMap((row) => {
  const boxes = [...row.children].filter((cell) => cell.checkVisibility() && cell.textContent.trim()).map((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return [cell.textContent.trim(), range.getBoundingClientRect(), cell.getBoundingClientRect()];
  }).map(([text, inner, outer]) => [text, Math.max(inner.left, outer.left), Math.min(inner.right, outer.right), inner]);
  return boxes.flatMap(([text, left, right, box], at) => boxes.slice(at + 1)
    .filter(([, l, r, b]) => l < right - 1 && left < r - 1 && b.top < box.bottom - 1 && box.top < b.bottom - 1)
    .map(([other]) => `${text} on ${other}`));
})
"""


async def written(*events: Event) -> None:
    await database_sync_to_async(told)(*events, at=datetime.now(UTC))


async def desk_of_today() -> None:
    await database_sync_to_async(_desk_of_today)()


def _desk_of_today() -> None:
    """Write some orders of today: two under way, one of an unknown outcome, and some that are over."""
    at = datetime.now(UTC) - timedelta(seconds=30)
    coin: dict[str, Any] = {"account": "binance-coinm:main", "instrument": "binance-coinm:ETH-USD-PERP"}
    told(*life(1, at=at), *life(2, "refused", at=at, **coin), *life(3, "canceled", at=at, side="buy"), at=at)
    told(*life(4, "working", at=at), *life(5, "sent", at=at), *life(6, "intended", at=at, reduce_only=True), at=at)
    unknown = OrderOutcomeUnknown(at=at, client_order_id=name(5), because="no answer within 2 s")
    told(unknown, seen(name="web_1", venue_order_id="55"), at=at)
    projected()


async def shot(page: Page, title: str) -> None:
    """Keep a picture, if somebody wants to look."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{title}.png", full_page=True)


@pytest.fixture(autouse=True)
async def _log(web: Web) -> None:
    await database_sync_to_async(began)()


async def test_an_order_is_followed_and_canceled_from_the_page(desk: Watched) -> None:
    await desk.log_in("/orders/")
    await expect(desk.page.locator(".empty strong")).to_have_text("Nobody has ordered yet")
    await shot(desk.page, "orders-first-run")
    await desk_of_today()
    await desk.page.reload()
    await expect(desk.page.locator(f"{OPEN} tbody tr")).to_have_count(3)
    await shot(desk.page, "orders-dark")
    await desk.page.get_by_role("button", name="Cancel sell 5 ETH-USDT-PERP").last.click()
    await expect(desk.page.locator(OPEN)).to_contain_text("asked ")
    await expect(desk.page.locator(f"{OPEN} .act button")).to_have_count(2)
    asked = await database_sync_to_async(LoggedEvent.objects.get)(kind="CancelAsked")
    assert name(4).encode() in bytes(asked.body)
    await written(seen(name(4), status="canceled", venue_order_id="7004"))
    await expect(desk.page.locator(f"{OPEN} tbody tr").last).to_contain_text("canceled")
    await expect(desk.page.locator("#orders-said")).to_contain_text("1 under way, 1 with an unknown outcome")
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_nothing_is_redrawn_while_nothing_changes_nor_beneath_a_finger(desk: Watched) -> None:
    await desk_of_today()
    await desk.log_in("/orders/")
    await desk.page.evaluate("document.getElementById('orders-open').dataset.kept = 'yes'")
    for _ in range(2):
        await desk.page.wait_for_event("response", lambda answer: "/orders/open/" in answer.url)
    await expect(desk.page.locator(OPEN)).to_have_attribute("data-kept", "yes")
    await desk.page.locator(f"{OPEN} .word").first.hover()
    await desk.page.mouse.down()
    await written(*life(7, "working"))
    for _ in range(2):
        await desk.page.wait_for_event("response", lambda answer: "/orders/open/" in answer.url)
    await expect(desk.page.locator(OPEN)).to_have_attribute("data-kept", "yes")
    await desk.page.mouse.up()
    await expect(desk.page.locator(f"{OPEN} tbody tr")).to_have_count(4)
    await desk.page.locator(f"#cancel-{name(6)}").focus()
    await written(*life(8, "working"))
    await expect(desk.page.locator(f"{OPEN} tbody tr")).to_have_count(5)
    await expect(desk.page.locator(f"#cancel-{name(6)}")).to_be_focused()


async def test_a_page_that_gets_no_answer_says_so(desk: Watched) -> None:
    await desk_of_today()
    await desk.log_in("/orders/")
    await desk.page.route("**/orders/**", lambda route: route.abort())
    await expect(desk.page.locator("[data-polled-says]")).to_be_visible()
    await desk.page.get_by_role("button", name="Cancel sell 5 ETH-USDT-PERP").first.click()
    await expect(desk.page.locator("#orders-refused")).to_contain_text("no answer. It is not canceled by this")
    await shot(desk.page, "orders-lost")


async def test_filters_paging_and_the_file(desk: Watched) -> None:
    await database_sync_to_async(rows)(range(1, 10_001))
    await desk.log_in("/orders/")
    await shot(desk.page, "orders-10000")
    await desk.page.locator("select[name=state]").select_option("finished")
    await desk.page.get_by_label("our id or the venue's").fill("1700")
    await desk.page.keyboard.press("Enter")
    await desk.page.wait_for_url(re.compile("text=1700"))
    await expect(desk.page.locator("#orders-title")).to_have_text("Orders: finished")
    await expect(desk.page.locator(".blotter tbody tr")).to_have_count(1)
    async with desk.page.expect_download() as got:
        await desk.page.get_by_role("link", name="Export CSV").click()
    path = await (await got.value).path()
    assert len(path.read_text().splitlines()) == 2
    await desk.page.get_by_role("link", name="All", exact=True).click()
    await desk.page.get_by_role("link", name="Older").click()
    await expect(desk.page.locator(".blotter tbody tr")).to_have_count(100)
    assert (await desk.refused(), desk.errors) == ([], [])


@pytest.mark.parametrize(("scheme", "view"), [("light", "desk"), ("dark", "phone"), ("light", "phone")])
async def test_it_is_read_in_both_themes_and_on_a_phone(
    context: BrowserContext, web: Web, scheme: Any, view: str
) -> None:
    await desk_of_today()
    assert context.browser
    size = PHONE if view == "phone" else {"width": 1280, "height": 720}
    own = await context.browser.new_context(viewport=size, color_scheme=scheme, has_touch=view == "phone")  # type: ignore[arg-type]
    page = await own.new_page()
    await Watched(page, web.url).log_in("/orders/")
    await shot(page, f"orders-{scheme}-{view}")
    for check in (CONTRAST, NAMELESS, TWICE, OVERLAPPING):
        assert await page.evaluate(check) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if view == "phone":
        cancel = await page.locator(f"{OPEN} .act button").first.bounding_box()
        assert cancel
        assert cancel["height"] >= THUMB_PX_MIN
        await page.locator(f"{OPEN} .act button").first.tap()
        await expect(page.locator(OPEN)).to_contain_text("asked ")
    else:
        wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length"
        assert await page.evaluate(wide) == 0
    await page.goto(f"{web.url}/orders/venues/")
    await expect(page.locator(".blotter tbody tr")).to_have_count(1)
    await shot(page, f"venue-orders-{scheme}-{view}")
    assert await page.evaluate(CONTRAST) == []
    await own.close()


async def test_who_may_only_look_is_told(desk: Watched) -> None:
    await desk_of_today()
    await database_sync_to_async(User.objects.update)(is_superuser=False)
    await desk.log_in("/orders/")
    await expect(desk.page.locator(OPEN)).to_contain_text("your role may look, not cancel")
    await expect(desk.page.locator(f"{OPEN} .act button")).to_have_count(0)
    await shot(desk.page, "orders-look-only")
