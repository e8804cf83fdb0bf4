"""The sandbox's control page in a browser: faults armed and cleared by hand, and its own ledger."""

import urllib.request
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

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


async def test_the_custodian_is_frozen_thawed_and_robbed_by_one_press_each(sandbox: Sandbox, page: Page) -> None:
    def held() -> Decimal:
        return Decimal(sandbox.get("/control/state")["custodian"]["wallet"]["USDT"]["amount"])

    before = held()
    await page.get_by_role("button", name="freeze the custodian").click()
    await expect(page.locator("#custodian")).to_contain_text("FROZEN", timeout=SOON_MS)
    await page.get_by_role("button", name="thaw the custodian").click()
    await expect(page.locator("#custodian")).not_to_contain_text("FROZEN", timeout=SOON_MS)
    await page.get_by_role("button", name="change a balance behind our back").click()
    await expect(page.locator("#said")).to_contain_text(f"{before - 25_000}", timeout=SOON_MS)
    assert held() == before - 25_000
    sandbox.control("custody/adjust", coin="USDT", amount="25000")


async def test_a_venue_is_cut_and_a_fill_dropped_by_one_press_each(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_role("button", name="cut binance-coinm").click()
    await page.get_by_role("button", name="let binance-coinm serve again").click()
    await expect(page.get_by_role("button", name="cut binance-coinm")).to_be_visible(timeout=SOON_MS)
    await page.get_by_role("button", name="drop a fill of binance-usdm").click()
    await expect(page.locator("#armed")).to_contain_text("drop_fill", timeout=SOON_MS)


async def test_people_mint_and_prices_fall_by_one_press_each(start: Callable[..., Sandbox], page: Page) -> None:
    still = start("--hand-every", "0", "--mint-every", "0", "--volatility", "0")  # a world that no other test looks at
    before = still.get("/control/state")["index"]["ETH"]
    await page.goto(still.url)
    for name in ("mint 5 M", "redeem 100 k"):
        await page.get_by_role("button", name=name).click()
        await expect(page.locator("#said")).to_contain_text("RFQ-", timeout=SOON_MS)
    await page.get_by_role("button", name="price −20 % in a minute").click()
    await expect(page.locator("#said")).to_contain_text("jump", timeout=SOON_MS)
    await expect(page.locator("#venues")).not_to_contain_text(f"{before:.4f}", timeout=SOON_MS)
    assert still.get("/control/state")["index"]["ETH"] < before


def test_the_page_needs_no_other_file(sandbox: Sandbox) -> None:
    with urllib.request.urlopen(sandbox.url, timeout=30) as answer:
        text = answer.read().decode()
    assert "src=" not in text
    assert "href=" not in text
