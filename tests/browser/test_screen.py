"""The live screen in a real browser: it follows, it notices, it says so."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import msgspec
import redis.asyncio
from channels.db import database_sync_to_async
from django.conf import settings
from playwright.async_api import BrowserContext, expect

from hedgeapp import live
from portfolio.models import FrameTaken
from portfolio.screen import overview
from portfolio.screen.publication import Screen, fragment
from tests.browser.conftest import ONE_LOOP, Watched, Web
from tests.web.frames import Desk

pytestmark = ONE_LOOP

PILL = "#connection"
EVERY_S = 0.25  # between two frames of an engine
LATER = 1_000  # the number of a frame after all that an engine has shown
LOOKS = 240  # one each EVERY_S, on a busy machine

# What comes and goes is kept by the page: a test that looks from outside may look too late.
WITNESS = """() => {
  window.witnessed = { cell: [], pill: [], banner: [] };
  const look = () => {
    const now = {
      cell: document.getElementById("exposure-ETH-net")?.dataset.state,
      pill: document.getElementById("connection")?.dataset.connection,
      banner: document.getElementById("banner")?.textContent.trim(),
    };
    for (const [name, seen] of Object.entries(witnessed)) {
      if (now[name] && seen.at(-1) !== now[name]) seen.push(now[name]);
    }
  };
  look();
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


# Every cell of the page and of the whole that the server would give now; ages are words of this page's own.
CELLS = """async () => {
  const told = (root) => Object.fromEntries([...root.querySelectorAll(".f[id]")].map((cell) => {
    const { state, said, ...data } = cell.dataset;
    const body = [...cell.childNodes].slice(0, -1).map((one) => one.outerHTML ?? one.data).join();
    return [cell.id, { ...data, body }];
  }));
  const whole = document.createElement("template");
  whole.innerHTML = await (await fetch(document.getElementById("live").dataset.whole)).text();
  return [told(document), told(whole.content)];
}"""
MANY = 50  # cells


def now(drift: str = "0") -> Desk:
    return Desk(datetime.now(UTC), drift=Decimal(drift))


async def showing(desk: Watched, screen: Screen, number: int = 1) -> None:
    """Log in to a screen that shows a frame, with its socket open."""
    await screen.publish(now().frame(number))
    await desk.log_in()
    await connected(desk)


@asynccontextmanager
async def going_on(screen: Screen, drift: str, number: int) -> AsyncIterator[None]:
    """Show frame after frame while the block lasts, as the engine does: without the next one a page is late at once."""
    is_over = asyncio.Event()

    async def show() -> None:
        for each in count(number):
            if is_over.is_set():
                return
            await screen.publish(now(drift).frame(each))
            await asyncio.sleep(EVERY_S)

    showing = asyncio.create_task(show())
    try:
        yield
    finally:
        is_over.set()
        await showing


async def witnessed(desk: Watched, what: str, *told: str) -> None:
    """Wait until something on the page has said these words one after the other."""
    for _ in range(LOOKS):
        seen = iter(await desk.page.evaluate("(what) => witnessed[what]", what))
        if all(any(word in said for said in seen) for word in told):
            return
        await asyncio.sleep(EVERY_S)
    raise AssertionError(f"{told} expected, found {await desk.page.evaluate('witnessed')}")


async def connected(desk: Watched) -> None:
    await expect(desk.page.locator(PILL)).to_have_text("waiting for a frame")


async def test_a_person_logs_in_and_watches_numbers_change(desk: Watched) -> None:
    screen = Screen()
    await screen.publish(now().frame(1))
    await desk.log_in_by_form()
    await connected(desk)
    assert await desk.text("exposure-ETH-net") == "▲+13.418"
    for number, drift in enumerate(("1", "-20", "0.25"), start=2):
        await screen.publish(now(drift).frame(number))
    await expect(desk.page.locator("#exposure-ETH-net b")).to_have_text("▲+13.668")
    await expect(desk.page.locator("#kpi-net_delta_eth b")).to_have_text("▲+13.668")
    async with going_on(screen, "0.25", 5):
        await expect(desk.page.locator(PILL)).to_have_attribute("data-connection", "live")
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_a_page_that_followed_frames_shows_what_one_that_is_opened_shows(desk: Watched) -> None:
    screen = Screen()
    await showing(desk, screen)
    late = Desk(datetime.now(UTC), state="late", seconds=2)
    for number, one in enumerate((now("1"), late, now("-20"), now("0.25")), start=2):
        await screen.publish(one.frame(number))
    await expect(desk.page.locator("#frame")).to_have_attribute("data-number", "5")
    followed, opened = await desk.page.evaluate(CELLS)
    assert len(opened) > MANY
    assert followed == opened


async def test_a_page_that_waits_opens_with_the_first_frame(desk: Watched) -> None:
    await desk.log_in()
    await expect(desk.page.get_by_text("Waiting for the first frame")).to_be_visible()
    await expect(desk.page.locator(PILL)).to_have_text("waiting for a frame")
    await Screen().publish(now().frame(1))
    await expect(desk.page.locator("#exposure-ETH-net")).to_be_visible()


async def test_a_frame_that_is_missed_reloads_the_whole(desk: Watched) -> None:
    await showing(desk, Screen(), 5)
    fetched: list[str] = []
    desk.page.on("request", lambda request: fetched.append(request.url) if request.url.endswith("/whole/") else None)
    before, after = now("2").frame(7), now("3").frame(8)
    shown = overview.sections(after)
    picture = overview.picture(after, shown)
    push = live.push(
        overview.picture(before, overview.sections(before)), picture, lambda name: fragment(name, shown, picture)
    )
    async with redis.asyncio.from_url(settings.REDIS_URL) as store:
        await store.set("screen:frame", msgspec.json.encode(after))
    await live.send(push)
    await expect(desk.page.locator("#exposure-ETH-net b")).to_have_text("▲+16.418")
    assert len(fetched) == 1
    assert await desk.page.locator("#frame").get_attribute("data-number") == "8"
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_an_engine_that_takes_over_redraws_without_a_reload(desk: Watched) -> None:
    await showing(desk, Screen())
    await Screen().publish(now("4").frame(1 << 33))
    await expect(desk.page.locator("#exposure-ETH-net b")).to_have_text("▲+17.418")
    await expect(desk.page.locator("#frame")).to_have_attribute("data-number", str(1 << 33))


async def test_silence_is_said_and_cells_grow_stale_by_their_own_budget(desk: Watched) -> None:
    screen = Screen()
    await showing(desk, screen)
    await desk.page.evaluate(WITNESS)
    await screen.publish(now("1").frame(2))
    cell = desk.page.locator("#exposure-ETH-net")
    await witnessed(desk, "cell", "live", "late", "stale")
    await witnessed(desk, "pill", "live", "late")
    await expect(cell.locator(".age")).to_have_text(re.compile(r"stale \d+ s"))
    async with going_on(screen, "2", 3):
        await expect(cell).to_have_attribute("data-state", "live")
        await expect(desk.page.locator(PILL)).to_have_attribute("data-connection", "live")


async def test_what_the_server_calls_stale_is_grey_and_says_its_age(desk: Watched) -> None:
    screen = Screen()
    await showing(desk, screen)
    await screen.publish(Desk(datetime.now(UTC), state="stale", seconds=12).frame(2))
    cell = desk.page.locator("#exposure-ETH-net")
    await expect(cell).to_have_attribute("data-state", "stale")
    await expect(cell.locator(".age")).to_contain_text("stale 1")
    assert "gradient" in await cell.evaluate("one => getComputedStyle(one).backgroundImage")
    await expect(desk.page.locator("#feed-feed_binance_usdm-word")).to_have_text("stale")
    await expect(desk.page.locator("#announcement")).to_contain_text("Feed feed:binance-usdm is stale")


async def test_a_lost_socket_is_said_at_once_and_comes_back_by_itself(desk: Watched, web: Web) -> None:
    screen = Screen()
    await showing(desk, screen)
    async with going_on(screen, "1", 2):
        await expect(desk.page.locator(PILL)).to_have_attribute("data-connection", "live")
    web.kill()
    try:
        await expect(desk.page.locator(PILL)).to_contain_text("reconnecting")
        await expect(desk.page.locator("#banner")).to_contain_text("Connection lost. Numbers are as of")
    finally:
        await asyncio.to_thread(web.start)

    # The engine knows nothing of it and goes on showing frames.
    async with going_on(screen, "7", LATER):
        await expect(desk.page.locator("#exposure-ETH-net b")).to_have_text("▲+20.418")
        await expect(desk.page.locator(PILL)).to_have_attribute("data-connection", "live")
        await expect(desk.page.locator("#banner")).to_be_hidden()


async def test_a_session_that_ended_is_said_and_not_retried(desk: Watched, web: Web, context: BrowserContext) -> None:
    screen = Screen()
    await showing(desk, screen)
    await context.clear_cookies()
    web.kill()
    await asyncio.to_thread(web.start)
    await expect(desk.page.locator(PILL)).to_have_text("session ended")
    await expect(desk.page.get_by_role("link", name="Log in again")).to_be_visible()


async def test_a_part_that_asks_by_itself_after_the_session_ended_leaves_the_numbers_on_the_page(
    desk: Watched, context: BrowserContext
) -> None:
    screen = Screen()
    await showing(desk, screen)
    await context.clear_cookies()
    await expect(desk.page.locator(PILL)).to_have_text("session ended")
    assert await desk.text("exposure-ETH-net") == "▲+13.418"


async def test_a_new_row_appears_and_what_is_unfolded_stays_open(desk: Watched) -> None:
    screen, maker = Screen(), now()
    await screen.publish(maker.frame(1, exposure=maker.exposure()[:2]))
    await desk.log_in()
    await expect(desk.page.locator(PILL)).to_have_text("waiting for a frame")
    await desk.page.locator("#section-exposure .unfold").first.click()
    line = desk.page.get_by_text("ceffu · stETH in wallet 1")
    assert "open=lines-exposure-ETH" in desk.page.url
    await screen.publish(now().frame(2))
    await expect(desk.page.locator("#exposure-USDT-net")).to_be_visible()
    await expect(line).to_be_visible()
    await desk.page.reload()
    await expect(line).to_be_visible()


async def test_the_chart_is_drawn_within_the_policy(desk: Watched) -> None:
    at = datetime.now(UTC)
    rows = [
        FrameTaken(
            number=number,
            at=at - timedelta(seconds=10 * number),
            seq=1,
            net={"ETH": str(number % 7)},
            price={"ETH": "2871"},
        )
        for number in range(300)
    ]
    await database_sync_to_async(FrameTaken.objects.bulk_create)(rows)
    await showing(desk, Screen())
    await expect(desk.page.locator("#chart .scatterlayer .trace").first).to_be_visible()
    assert await desk.page.locator("#chart .scatterlayer .trace").count() == 2
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_no_page_breaks_the_policy_or_speaks_to_another_host(desk: Watched, context: BrowserContext) -> None:
    elsewhere: list[str] = []
    context.on(
        "request",
        lambda request: None if request.url.startswith((desk.url, "data:", "blob:")) else elsewhere.append(request.url),
    )
    await showing(desk, Screen())
    for path in ("/", "/events/", "/data/", "/data/?words=bid", "/login/account", "/admin/"):
        await desk.page.goto(f"{desk.url}{path}")
        await desk.page.wait_for_load_state("networkidle") if path == "/admin/" else await asyncio.sleep(0.2)
        assert (path, await desk.refused()) == (path, [])
    assert (elsewhere, desk.errors) == ([], [])


async def test_other_pages_follow_the_connection_without_drawing_cells(desk: Watched) -> None:
    screen = Screen()
    await showing(desk, screen)
    await desk.page.goto(f"{desk.url}/data/")
    await expect(desk.page.locator(PILL)).to_have_text("waiting for a frame")
    async with going_on(screen, "1", 2):
        await expect(desk.page.locator(PILL)).to_have_attribute("data-connection", "live")
    assert desk.errors == []


async def test_a_page_that_slept_says_so_and_reads_everything_again(desk: Watched) -> None:
    screen = Screen()
    await showing(desk, screen)
    async with going_on(screen, "1", 2):
        await expect(desk.page.locator(PILL)).to_have_attribute("data-connection", "live")
    await desk.page.evaluate(WITNESS)
    # A frozen tab runs nothing; a script that does not return is the same to the page.
    await desk.page.evaluate("() => { const end = Date.now() + 6000; while (Date.now() < end); }")
    await witnessed(desk, "banner", "This page was asleep for")
    await screen.publish(now("3").frame(LATER))
    await expect(desk.page.locator("#exposure-ETH-net b")).to_have_text("▲+16.418")
