"""Scenarios as a desk runs them: half the price in both tables, the price dragged, the link shared, saved, compared."""

from playwright.async_api import expect

from tests.browser.conftest import ONE_LOOP, Watched
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE

pytestmark = ONE_LOOP

DRAWN = "[data-chart='composition'] .main-svg"


async def test_half_the_price_is_run_in_both_tables_dragged_shared_and_saved(desk: Watched) -> None:
    await desk.log_in()
    page = desk.page
    await page.goto(f"{desk.url}/scenarios/?x=-50")
    held = page.locator("#held")
    await expect(held).to_contain_text("500.000")
    await expect(held.get_by_role("row", name="USDT")).to_contain_text("50.0 %")
    await expect(page.locator(DRAWN).first).to_be_visible()
    await page.get_by_role("radio", name="Inverse margined").check()
    await page.wait_for_url("**/scenarios/?book=inverse")
    coins = held.get_by_role("row", name="ETH 0.000 cash")
    await expect(coins).to_contain_text("500.000")
    await expect(coins).to_contain_text("50.0 %")
    await page.locator("input[name=s]").fill("20")
    await page.locator("input[name=x]").fill("100")
    await expect(held).to_contain_text("160.0 %")
    await page.wait_for_url("**/scenarios/?book=inverse&x=100&s=20")
    await expect(page.locator(DRAWN).first).to_be_visible()
    second = await page.context.new_page()
    await second.goto(page.url)
    await expect(second.locator("#held")).to_contain_text("160.0 %")
    await second.close()
    saving = page.locator("form[action='/scenarios/save']")
    for name in ("A fifth in cash", "Doubled"):
        await saving.get_by_label("Name").fill(name)
        await saving.get_by_label("Reason").fill("the desk's week")
        await saving.get_by_role("button", name="Save this scenario").click()
        saved = page.locator("#saved").get_by_role("row", name=name)
        await expect(saved).to_contain_text("Inverse margined, ETH +100 %, s 20")
    await page.locator("#saved").get_by_role("button", name="Compare").click()
    await expect(page.get_by_role("heading", name="Doubled")).to_be_visible()
    await page.wait_for_function("document.documentElement.scrollWidth <= 1280")
    await page.go_back()
    await expect(page.locator(DRAWN).first).to_be_visible()
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        # Charts take their new width a moment after the window has.
        await page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    for check in (CONTRAST, NAMELESS, TWICE):
        assert await page.evaluate(check) == []
    assert (await desk.refused(), desk.errors) == ([], [])
