"""HALT in a real browser: two presses, by hand, by thumb or by key, and every open page hears of it."""

import os
from datetime import UTC, datetime

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from playwright.async_api import BrowserContext, Page, expect

from marketdata.models import Venue
from portfolio.models import Halt
from tests.browser.conftest import NAME, ONE_LOOP, PASSWORD, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE

pytestmark = ONE_LOOP

PHONE = {"width": 390, "height": 844}
THUMB_PX_MIN = 44  # height of a target that a thumb hits


def introduce_venue() -> None:
    Venue.objects.create(
        name="binance-usdm",
        protocol="binance-usdm",
        rest_url="",
        ws_url="",
        version=1,
        changed_by="seed",
        changed_at=datetime.now(UTC),
    )


def in_force() -> list[tuple[str, str]]:
    return list(Halt.objects.filter(lifted_at=None).values_list("scope", "declared_by"))


async def shot(page: Page, name: str) -> None:
    """Keep a picture, if somebody wants to look."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def test_two_presses_halt_and_another_page_hears_of_it(desk: Watched, context: BrowserContext) -> None:
    await database_sync_to_async(introduce_venue)()
    await desk.log_in()
    other = await context.new_page()
    await other.goto(f"{desk.url}/events/")
    await desk.page.get_by_role("link", name="■ HALT").click()
    await shot(desk.page, "halt-before")
    await desk.page.get_by_role("button", name="■ HALT now").click()
    await expect(desk.page.locator(".halt-notice")).to_contain_text("HALT of all venues")
    assert await database_sync_to_async(in_force)() == [("*", NAME)]
    await expect(other.locator(".halt-notice")).to_contain_text("Something looks wrong")
    await shot(other, "halt-events")
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_two_keys_halt(desk: Watched) -> None:
    await desk.log_in()
    await desk.page.keyboard.press("!")
    await expect(desk.page.get_by_role("button", name="■ HALT now")).to_be_focused()
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator(".halt-notice")).to_be_visible()


async def test_a_thumb_halts_on_a_phone(desk: Watched) -> None:
    await database_sync_to_async(introduce_venue)()
    await desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await desk.log_in()
    link = desk.page.get_by_role("link", name="■ HALT")
    await expect(link).to_be_in_viewport(ratio=1)
    await link.click()
    button = desk.page.get_by_role("button", name="■ HALT now")
    await expect(button).to_be_in_viewport(ratio=1)
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= THUMB_PX_MIN
    await shot(desk.page, "phone-before")
    await button.click()
    await expect(desk.page.locator(".halt-notice")).to_be_visible()
    await shot(desk.page, "phone-halted")
    wide = await desk.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]


async def test_the_admin_has_the_button_and_hears_of_a_halt(desk: Watched, context: BrowserContext) -> None:
    await desk.log_in()
    admin = Watched(await context.new_page(), desk.url)
    await admin.page.goto(f"{desk.url}/admin/marketdata/limit/")
    await admin.page.keyboard.press("!")
    await expect(admin.page.get_by_role("button", name="■ HALT now")).to_be_focused()
    await admin.page.goto(f"{desk.url}/admin/")
    await desk.page.goto(f"{desk.url}/halt/")
    await desk.page.get_by_role("button", name="■ HALT now").click()
    await expect(admin.page.locator(".halt-notice")).to_contain_text("HALT of all venues")
    await shot(admin.page, "halt-admin")
    assert (await admin.refused(), admin.errors) == ([], [])


async def test_two_people_resume_and_the_page_of_the_first_follows(
    desk: Watched, context: BrowserContext, web: Web
) -> None:
    await desk.log_in("/halt/")
    await desk.page.get_by_role("button", name="■ HALT now").click()
    await desk.page.get_by_label("Why it is safe to resume").fill("the venue answers again")
    await desk.page.get_by_role("button", name="Ask to resume…").click()
    await expect(desk.page.get_by_text("You asked. Another person must approve it.")).to_be_visible()
    await shot(desk.page, "halt-asked")

    def colleague() -> None:
        User.objects.create_user("bob", password=PASSWORD, is_superuser=True)

    await database_sync_to_async(colleague)()
    assert context.browser is not None
    own = await context.browser.new_context(color_scheme="light")
    another = await own.new_page()
    await Watched(another, web.url).log_in_by_form("bob", "/halt/")
    await shot(another, "halt-light")
    await another.get_by_role("button", name="Approve: resume all venues").click()
    await expect(another.get_by_text("Nothing is halted")).to_be_visible()
    await shot(another, "halt-lifted-light")
    await expect(desk.page.get_by_text("Nothing is halted")).to_be_visible()
    await expect(desk.page.locator(".halt-notice")).to_have_count(0)
    await own.close()


async def test_a_reason_that_is_being_typed_stays_while_another_halt_appears(
    desk: Watched, context: BrowserContext
) -> None:
    await database_sync_to_async(introduce_venue)()
    await desk.log_in("/halt/")
    await desk.page.get_by_role("button", name="■ HALT now").click()
    await desk.page.get_by_label("Why it is safe to resume").press_sequentially("the venue ")
    other = await context.new_page()
    await other.goto(f"{desk.url}/halt/")
    await other.get_by_role("radio", name="binance-usdm").check()
    await other.get_by_role("button", name="■ HALT now").click()
    await expect(desk.page.get_by_role("heading", name="binance-usdm halted")).to_be_visible()
    await desk.page.keyboard.type("answers")
    reasons = desk.page.get_by_label("Why it is safe to resume")
    assert sorted([await one.input_value() for one in await reasons.all()]) == ["", "the venue answers"]


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_what_a_halt_says_can_be_read_and_named_in_both_themes(desk: Watched, theme: str) -> None:
    await database_sync_to_async(introduce_venue)()
    await desk.page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    await desk.log_in("/halt/")
    await desk.page.get_by_role("button", name="■ HALT now").click()
    await expect(desk.page.locator(".halt-notice")).to_be_visible()
    for audit in (CONTRAST, NAMELESS, TWICE):
        assert await desk.page.evaluate(audit) == []
    assert await desk.page.locator("h1").count() == 1
