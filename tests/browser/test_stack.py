"""The whole system in a browser: log in, watch numbers change, stop a feed, see it said, restore it."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.browser.conftest import WATCH, complaints
from tests.chromium import launch_options
from tests.stack import Stack, running_stack
from tests.world import World

SOON_MS = 60_000  # on a busy machine

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack with the sandbox's world."""
    with running_stack(tmp_path_factory.mktemp("var")) as stack:
        yield stack


def silence(stack: Stack, venue: str, *, on: bool) -> None:
    """Stop or restore all streams of a venue, its connections staying open."""
    World(stack).act("silence", venue=venue, symbol="*", kind="*", on=on)


def trade(stack: Stack) -> None:
    """Fill an order that nobody here sent."""
    given = {"account": "binance-usdm:main", "symbol": "ETHUSDT", "side": "SELL", "quantity": "0.5"}
    World(stack).act("fill", **given)


async def changes(page: Page, cell: str, cause: Callable[[], object] = bool) -> None:
    """Wait until a number is another one, whatever is done about it meanwhile."""
    shown = page.locator(f"#{cell} b")
    before = await shown.inner_text()
    await asyncio.to_thread(cause)
    await expect(shown).not_to_have_text(before, timeout=SOON_MS)


async def test_a_feed_that_stops_is_said_and_forgiven_when_it_is_back(stack: Stack) -> None:
    mark = "position-binance_usdm_main-binance_usdm_ETH_USDT_PERP-mark"
    other = "position-binance_coinm_main-binance_coinm_ETH_USD_PERP-mark"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        await context.add_init_script(WATCH)
        page = await context.new_page()
        errors = complaints(page)

        await page.goto(stack.login)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.locator("#connection")).to_have_attribute("data-connection", "live", timeout=SOON_MS)
        for cell in (mark, other):
            await changes(page, cell)
        # A hedged book moves by a trade and by nothing else.
        await changes(page, "kpi-net_delta_eth", lambda: trade(stack))
        await expect(page.locator("#chart .scatterlayer .trace").first).to_be_visible(timeout=SOON_MS)

        await asyncio.to_thread(silence, stack, "binance-usdm", on=True)
        await expect(page.locator(f"#{mark}")).to_have_attribute("data-state", "stale", timeout=SOON_MS)
        await expect(page.locator(f"#{mark} .age")).to_contain_text("stale")
        await expect(page.locator("#feed-feed_binance_usdm-word")).to_have_text("stale", timeout=SOON_MS)
        await expect(page.locator("#kpi-unsettled_pnl")).to_have_attribute("data-state", "stale", timeout=SOON_MS)
        await expect(page.locator("#kpi-feeds-detail")).to_contain_text("not feed:binance-usdm", timeout=SOON_MS)
        await changes(page, other)

        await asyncio.to_thread(silence, stack, "binance-usdm", on=False)
        await expect(page.locator(f"#{mark}")).to_have_attribute("data-state", "live", timeout=SOON_MS)
        await expect(page.locator("#feed-feed_binance_usdm-word")).to_have_text("live", timeout=SOON_MS)
        await changes(page, mark)
        assert (await page.evaluate("window.refused"), errors) == ([], [])
        await browser.close()
