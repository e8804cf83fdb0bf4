"""The screen as a desk uses it: at one glance, by keyboard, in both themes, on a phone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from channels.db import database_sync_to_async
from playwright.async_api import expect

from hedgeapp.access.links import new_link
from portfolio.core.figures import State
from portfolio.screen.publication import Screen
from tests.browser.conftest import NAME, ONE_LOOP, Watched
from tests.web.frames import Desk

pytestmark = ONE_LOOP

# The contrast of each text with what is behind it; colors are painted, because they are written in several notations.
CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (layers) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const failed = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.closest("svg, .sr, .skip, script")) continue;
    const behind = [];
    for (let each = element; each; each = each.parentElement) behind.unshift(getComputedStyle(each).backgroundColor);
    const [a, b] = [luminance(paint(behind)), luminance(paint([...behind, getComputedStyle(element).color]))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) failed.push(`${ratio.toFixed(2)} ${element.className} ${node.textContent.trim().slice(0, 30)}`);
  }
  return failed;
}
"""

NAMELESS = """
() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, summary")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !`${one.innerText || one.getAttribute("aria-label") || one.labels?.length || ""}`.trim())
  .map((one) => one.outerHTML.slice(0, 80))
"""

TOO_WIDE = """
() => [...document.querySelectorAll(".scroll")]
  .filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.parentElement.id)
"""

TWICE = """
() => { const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
        return ids.filter((id, place) => ids.indexOf(id) !== place); }
"""


async def opened(desk: Watched, path: str = "/") -> Screen:
    screen = Screen()
    await screen.publish(Desk(datetime.now(UTC)).frame(1))
    await desk.log_in(path)
    return screen


async def test_a_link_lets_in_once_in_a_browser_too(desk: Watched) -> None:
    token = await database_sync_to_async(new_link)(NAME, at=datetime.now(UTC))
    await desk.page.goto(f"{desk.url}/login/once/{token}")
    await desk.page.get_by_role("button", name="Log in").click()
    await desk.page.wait_for_url(f"{desk.url}/")
    await desk.page.goto(f"{desk.url}/login/once/{token}")
    await expect(desk.page.get_by_role("alert")).to_contain_text("This link has been used")


async def test_one_glance_needs_no_scrolling_at_1280_by_720(desk: Watched) -> None:
    await opened(desk)
    for section in ("kpis", "exposure", "margin"):
        box = await desk.page.locator(f"#section-{section}").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720, section
    chart = await desk.page.locator("#chart-panel").bounding_box()
    assert chart is not None
    assert chart["y"] + chart["height"] <= 720
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= 1280


@pytest.mark.parametrize("state", ["live", "stale"])
async def test_every_table_fits_at_1280_and_no_number_that_grows_old_moves_a_column(
    desk: Watched, state: State
) -> None:
    await Screen().publish(Desk(datetime.now(UTC), state=state, seconds=99).frame(1))
    await desk.log_in()
    assert await desk.page.evaluate(TOO_WIDE) == []


@pytest.mark.parametrize("path", ["/", "/events/", "/data/"])
async def test_a_phone_never_scrolls_sideways(desk: Watched, path: str) -> None:
    await desk.page.set_viewport_size({"width": 390, "height": 844})
    await opened(desk, path)
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("state", ["live", "late", "stale", "assumed", "unknown"])
async def test_every_text_has_contrast_in_both_themes(desk: Watched, theme: str, state: State) -> None:
    await desk.page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    await Screen().publish(Desk(datetime.now(UTC), state=state, seconds=9).frame(1))
    await desk.log_in()
    assert await desk.page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("path", ["/", "/events/", "/data/", "/login/account"])
async def test_everything_has_a_name_and_an_id_of_its_own(desk: Watched, path: str) -> None:
    await opened(desk, path)
    assert await desk.page.evaluate(NAMELESS) == []
    assert await desk.page.evaluate(TWICE) == []
    assert await desk.page.locator("main").count() == 1
    assert await desk.page.locator("h1").count() == 1


async def test_the_keyboard_goes_everywhere(desk: Watched) -> None:
    await opened(desk)
    keyboard = desk.page.keyboard
    await keyboard.press("?")
    await expect(desk.page.get_by_role("dialog")).to_be_visible()
    await keyboard.press("Escape")
    await keyboard.press("g")
    await keyboard.press("d")
    await desk.page.wait_for_url("**/data/")
    await keyboard.press("/")
    await keyboard.type("bid")
    await keyboard.press("Enter")
    await desk.page.wait_for_url("**/data/?words=bid")
    await keyboard.press("g")
    await keyboard.press("e")
    await desk.page.wait_for_url("**/events/")
    await keyboard.press("g")
    await keyboard.press("o")
    await desk.page.wait_for_url(f"{desk.url}/")


async def test_a_number_under_the_focus_tells_all_of_itself(desk: Watched) -> None:
    await opened(desk)
    keyboard = desk.page.keyboard
    await keyboard.press("j")
    await keyboard.press("ArrowRight")
    tip = desk.page.locator("#tip")
    await expect(tip).to_contain_text("12,431.0318 ETH")
    await expect(tip).to_contain_text("mark of binance-usdm:ETH-USDT-PERP")
    await keyboard.press("Enter")
    await expect(desk.page.get_by_text("ceffu · stETH in wallet 1")).to_be_visible()


async def test_the_focus_survives_the_frames(desk: Watched) -> None:
    screen = await opened(desk)
    await desk.page.keyboard.press("j")
    focused = "document.activeElement.getAttribute('aria-controls')"
    assert await desk.page.evaluate(focused) == "lines-exposure-ETH"
    maker = Desk(datetime.now(UTC))
    await screen.publish(maker.frame(2, exposure=maker.exposure()[:3]))
    await expect(desk.page.locator("#exposure-USDC-net")).to_have_count(0)
    assert await desk.page.evaluate(focused) == "lines-exposure-ETH"


async def test_the_theme_is_chosen_once_and_kept(desk: Watched) -> None:
    await opened(desk)
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    assert await desk.page.evaluate(scheme) == "dark"
    await desk.page.keyboard.press("t")
    await desk.page.keyboard.press("t")
    assert await desk.page.evaluate(scheme) == "light"
    await desk.page.reload()
    assert await desk.page.evaluate(scheme) == "light"


async def test_a_number_that_changed_shines_for_a_moment(desk: Watched) -> None:
    screen = await opened(desk)
    await desk.page.evaluate(
        """() => {
          window.shone = [];
          const watch = () => { for (const leaf of document.querySelectorAll(".flash")) window.shone.push(leaf.id); };
          new MutationObserver(watch).observe(document.body, { subtree: true, childList: true });
        }"""
    )
    await screen.publish(Desk(datetime.now(UTC), drift=Desk().drift + 1).frame(2))
    await expect(desk.page.locator("#exposure-ETH-net b")).to_have_text("▲+14.418")
    await expect(desk.page.locator(".flash")).to_have_count(0)
    assert "exposure-ETH-net" in await desk.page.evaluate("window.shone")


async def test_nothing_shines_for_those_who_asked_for_no_motion(desk: Watched) -> None:
    await opened(desk)
    shining = """() => {
      const leaf = document.getElementById("exposure-ETH-net");
      leaf.classList.add("flash");
      return getComputedStyle(leaf.querySelector("b")).boxShadow;
    }"""
    assert await desk.page.evaluate(shining) != "none"
    await desk.page.emulate_media(reduced_motion="reduce")
    assert await desk.page.evaluate(shining) == "none"


async def test_three_hundred_rows_come_and_go_in_one_push(desk: Watched) -> None:
    maker = Desk(datetime.now(UTC))
    one = maker.balances()[0]
    many = tuple(replace(one, account=f"binance-usdm:{number:03d}") for number in range(300))
    screen = await opened(desk)
    await screen.publish(maker.frame(2, balances=many))
    await expect(desk.page.locator("#section-balances tbody tr")).to_have_count(300)
    await screen.publish(maker.frame(3, balances=many[:4]))
    await expect(desk.page.locator("#section-balances tbody tr")).to_have_count(4)
