"""The sandbox's control page in a browser: faults armed and cleared by hand, and its own ledger."""

import urllib.request
from collections.abc import AsyncIterator, Callable

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.chromium import launch_options
from tests.sandbox.running import MAIN, Sandbox

SOON_MS = 30_000  # on a busy machine


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        opened = await browser.new_page()
        problems: list[str] = []
        opened.on("pageerror", lambda problem: problems.append(str(problem)))
        await opened.goto(sandbox.url)
        yield opened
        await browser.close()
        sandbox.control("faults/clear")
        assert problems == []


async def test_a_fault_is_armed_listed_and_cleared_by_hand(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_label("fault", exact=True).select_option("reject")
    await page.get_by_label("fault code").fill("-2022")
    await page.get_by_label("fault times").fill("2")
    await page.get_by_role("button", name="arm", exact=True).click()
    await expect(page.locator("#armed")).to_contain_text("ReduceOnly Order is rejected.")
    (fault,) = sandbox.get("/control/faults")["faults"]
    assert (fault["kind"], fault["code"], fault["left"]) == ("reject", -2022, 2)
    await page.locator("#armed").get_by_role("button", name="clear").click()
    await expect(page.locator("#armed")).to_contain_text("none")
    assert sandbox.get("/control/faults")["faults"] == []


async def test_the_ledger_says_that_each_client_order_id_is_there_once(
    start: Callable[..., Sandbox], page: Page
) -> None:
    await page.goto(start("--hand-every", "0", "--mint-every", "0").url)  # a ledger that no other test wrote to
    await expect(page.locator("#ledger")).to_contain_text("each client order id is in this ledger once")


async def test_the_ledger_shows_what_a_drill_did(sandbox: Sandbox, page: Page) -> None:
    given = {"account": MAIN, "symbol": "ETHUSDT", "side": "SELL", "quantity": "0.05"}
    order_id = sandbox.control("fill", **given)["order_id"]
    await expect(page.locator("#ledger")).to_contain_text(str(order_id), timeout=SOON_MS)


def test_the_page_needs_no_other_file(sandbox: Sandbox) -> None:
    with urllib.request.urlopen(sandbox.url, timeout=10) as answer:
        text = answer.read().decode()
    assert "src=" not in text
    assert "href=" not in text
