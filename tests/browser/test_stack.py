"""The whole system in a browser: log in, watch numbers change, stop a feed, see it said, restore it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.browser.conftest import WATCH
from tests.chromium import launch_options
from tests.stack import Stack, running_stack

SOON_MS = 30_000  # on a busy machine
TRADE_MS = 90_000  # the sandbox's hand trades every half a minute or so, and a hedged book moves by nothing else
MARK_AGE_MAX_S = 3.0  # the sandbox's own limit on the age of a mark
SAID_WITHIN_S = 10.0  # beyond that, on a busy machine: a frame, its way to the browser, a look

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack with the sandbox's world."""
    with running_stack(tmp_path_factory.mktemp("var")) as stack:
        yield stack


def silence(stack: Stack, venue: str, *, on: bool) -> None:
    """Stop or restore all streams of a venue, its connections staying open."""
    body: dict[str, Any] = {"venue": venue, "symbol": "*", "kind": "*", "on": on}
    request = Request(f"{stack.sandbox_url}/control/silence", json.dumps(body).encode(), method="POST")
    with urlopen(request, timeout=30) as answer:
        assert answer.status == 200


async def changes(page: Page, cell: str) -> None:
    """Wait until a number is another one."""
    shown = page.locator(f"#{cell} b")
    before = await shown.inner_text()
    await expect(shown).not_to_have_text(before, timeout=TRADE_MS)


async def test_a_feed_that_stops_is_said_within_its_budget_and_forgiven_when_it_is_back(stack: Stack) -> None:
    mark = "position-binance_usdm_main-binance_usdm_ETH_USDT_PERP-mark"
    other = "position-binance_coinm_main-binance_coinm_ETH_USD_PERP-mark"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        await context.add_init_script(WATCH)
        page = await context.new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))

        await page.goto(stack.login)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.locator("#connection")).to_have_attribute("data-connection", "live", timeout=SOON_MS)
        for cell in (mark, other, "kpi-net_delta_eth"):
            await changes(page, cell)
        await expect(page.locator("#chart .scatterlayer .trace").first).to_be_visible(timeout=SOON_MS)

        await asyncio.to_thread(silence, stack, "binance-usdm", on=True)
        budget_ms = (MARK_AGE_MAX_S + SAID_WITHIN_S) * 1000
        await expect(page.locator(f"#{mark}")).to_have_attribute("data-state", "stale", timeout=budget_ms)
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
