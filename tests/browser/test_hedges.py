"""A proposal in the exposure table of a real browser: it appears by itself, fits, and h opens its ticket."""

from datetime import UTC, datetime

from playwright.async_api import expect

from portfolio.core.frames import Frame
from portfolio.core.rows import Stand
from portfolio.screen.publication import Screen
from tests.browser.conftest import ONE_LOOP, Watched
from tests.builders.proposals import proposal_rows
from tests.web.frames import Desk

pytestmark = ONE_LOOP

TICKET = "/orders/ticket/?proposal=ETH-7"


def frame(number: int, stand: Stand, because: str = "") -> Frame:
    return Desk(datetime.now(UTC)).frame(number, proposals=proposal_rows(stand, because))


async def showing(desk: Watched, stand: Stand, because: str = "") -> Screen:
    screen = Screen()
    await screen.publish(frame(1, stand, because))
    await desk.log_in()
    await expect(desk.page.locator("#connection")).to_have_text("waiting for a frame")
    return screen


async def test_a_proposal_appears_by_itself_and_h_opens_its_ticket(desk: Watched) -> None:
    screen = await showing(desk, "inside")
    await expect(desk.page.locator("#exposure-ETH-hedge-word")).to_have_text("no hedge needed")
    await screen.publish(frame(2, "open"))
    await expect(desk.page.locator("#exposure-ETH-hedge-word")).to_have_text("hedge proposed")
    await expect(desk.page.locator("#exposure-ETH-hedge")).to_have_text(
        "sell 31.200 ETH in binance-coinm:main: 8,958 contracts of ETH-USD-PERP"
    )
    await expect(desk.page.locator("#announcement")).to_contain_text("Hedge proposed: sell 31.200 ETH")
    assert (await desk.refused(), desk.errors) == ([], [])
    await desk.page.keyboard.press("h")
    await desk.page.wait_for_url(f"{desk.url}{TICKET}")


async def test_a_long_reason_stays_on_one_line(desk: Watched) -> None:
    screen = await showing(desk, "cooldown", "cooldown until 12:00:08 UTC, after proposal ETH-1 was closed")
    line = desk.page.locator("tr:has(#exposure-ETH-hedge)")
    before = await line.bounding_box()
    await screen.publish(frame(2, "blocked", "no margin in binance-coinm:main to sell 8,973 contracts: " + 200 * "x "))
    await expect(desk.page.locator("#exposure-ETH-hedge")).to_contain_text("no margin in binance-coinm:main")
    after = await line.bounding_box()
    assert before
    assert after
    assert after["height"] == before["height"]


async def test_the_table_fits_the_smallest_desk_and_a_phone(desk: Watched) -> None:
    await showing(desk, "open")
    for width in (1280, 390):
        await desk.page.set_viewport_size({"width": width, "height": 720})
        table = desk.page.locator("#section-exposure .scroll")
        assert await table.evaluate("one => one.scrollWidth <= one.clientWidth"), width
        await expect(desk.page.locator("#exposure-ETH-hedge")).to_be_visible()
