"""Scenarios as a desk runs them: half the price in both tables, the price dragged, the link shared, saved, compared."""

from playwright.async_api import Page, expect

from tests.browser.conftest import ONE_LOOP, SLOW_MS, Watched
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE

pytestmark = ONE_LOOP

PNG = b"\x89PNG\r\n\x1a\n"
# The line of the step that is looked at, in the chart, where the slider is.
FOLLOWS = """() => {
  const chart = document.querySelector("[data-chart='composition']");
  return chart.layout?.shapes[0].x0 === Number(document.querySelector("input[name=x]").value);
}"""
DRAWN = "[data-chart='composition'] .main-svg"


async def dragged(page: Page) -> None:
    """Drag the price by the mouse to the middle of its slider and see the chart follow."""
    slider = page.locator("input[name=x]")
    await slider.scroll_into_view_if_needed()
    box = await slider.bounding_box()
    assert box is not None
    level = box["y"] + box["height"] / 2
    before = float(await slider.input_value())
    await page.mouse.move(box["x"] + box["width"] * 0.1, level)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.5, level, steps=8)
    await page.mouse.up()
    assert float(await slider.input_value()) > before + 50
    await page.wait_for_function(FOLLOWS, timeout=SLOW_MS)


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
    await page.get_by_role("button", name="2020-03").click()
    await expect(page.locator("#past")).to_contain_text("ETH −55.8 % as recorded")
    await dragged(page)
    await page.locator("input[name=x]").fill("100")
    await expect(held).to_contain_text("160.0 %")
    await page.wait_for_url("**/scenarios/?book=inverse&x=100&s=20")
    await expect(page.locator(DRAWN).first).to_be_visible()
    for name in ("composition", "unrealized", "margin-ratio", "two-shocks"):
        async with page.expect_download(timeout=SLOW_MS) as waiting:
            await page.locator(f"[data-png='{name}']").click()
        assert (await (await waiting.value).path()).read_bytes().startswith(PNG)
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
