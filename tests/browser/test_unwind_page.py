"""The unwind run as a desk sees it: the balances drawn, another share by one click, a chart as a picture."""

from datetime import UTC, datetime
from decimal import Decimal

from channels.db import database_sync_to_async
from playwright.async_api import expect

from hedgeapp.core.events.collateral import CollateralStated
from tests.browser.conftest import ONE_LOOP, Watched
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.builders.books import collateral, fill, limit, supply
from tests.builders.desks import written
from tests.builders.prices import both, offers
from tests.web.tickets import fresh, posted, quoted

pytestmark = ONE_LOOP

PNG = b"\x89PNG\r\n\x1a\n"


def told() -> None:
    """Write a log and a board of now: 80 ETH on chain, 220 stETH at the custodian, 270 short at one venue."""
    now = fresh()
    hot = CollateralStated(
        at=now, holder="ethereum", wallet="0xhot", asset="ETH", total=Decimal(80), locked=Decimal(0), reference="9"
    )
    written(
        *offers(), limit("taker_fee", "ETH", "5"), limit("settlement_cycle", "account", "28800"),
        limit("redeem_per_block_max", "chain", "50000"), supply("900000"), hot, collateral("stETH", "220", now),
        fill("sell", "270", "3100"),
    )  # fmt: skip
    at = datetime.now(UTC)
    posted(quoted(at), both(at=at).values())


async def test_a_run_is_drawn_changed_by_one_click_and_its_chart_is_a_picture(desk: Watched) -> None:
    await database_sync_to_async(told)()
    await desk.log_in()
    page = desk.page
    await page.goto(f"{desk.url}/scenarios/unwind?unwind=25&hours=24")
    await expect(page.locator("#unwound")).to_contain_text("225,000")
    await expect(page.locator("[data-chart='balances'] .main-svg").first).to_be_visible()
    await page.get_by_role("link", name="50 %").click()
    await page.wait_for_url("**/scenarios/unwind?unwind=50&hours=24")
    await expect(page.locator("#unwound")).to_contain_text("450,000")
    await expect(page.locator("[data-chart='balances'] .main-svg").first).to_be_visible()
    async with page.expect_download(timeout=90_000) as waiting:
        await page.locator("[data-png='unwind-balances']").click()
    picture = await waiting.value
    assert picture.suggested_filename == "unwind-balances.png"
    assert (await picture.path()).read_bytes().startswith(PNG)
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        # Charts take their new width a moment after the window has.
        await page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    for check in (CONTRAST, NAMELESS, TWICE):
        assert await page.evaluate(check) == []
    assert (await desk.refused(), desk.errors) == ([], [])
