"""Prices as a desk sees them: explained, followed by themselves, paused and resumed; at its size and on a phone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from channels.db import database_sync_to_async
from django.conf import settings
from playwright.async_api import expect

from hedgeapp.core.events.minting import MintingPaused
from marketdata.board import DEPTHS, FEEDS, MARKS
from portfolio.core.minting import Minting, Standing
from portfolio.core.price_sheets import sheet
from portfolio.models import Fill
from portfolio.queries.books import current_book
from portfolio.screen.publication import Screen
from tests.browser.conftest import ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TOO_WIDE, TWICE
from tests.builders.books import AT, limit
from tests.builders.desks import written
from tests.builders.prices import both, market, offers
from tests.web.frames import Desk
from tests.web.tickets import fresh, posted, quoted

pytestmark = ONE_LOOP

PAGE = "/prices/?asset=stETH&size=30"


@pytest.fixture(autouse=True)
def priced(web: Web) -> Iterator[None]:
    """Fill the log and the board, of this moment, so that ETH, stETH and USDT are offered."""
    Fill.objects.all().delete()
    at = fresh()
    written(*offers(), limit("taker_fee", "ETH", "5"))
    posted(quoted(at), both(at=at).values())
    yield
    with redis.from_url(settings.REDIS_URL) as store:
        store.delete(MARKS, DEPTHS, FEEDS)


def moved(price: float, seconds: float = 0) -> None:
    """Let the market be somewhere else; `seconds` ago."""
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    posted(quoted(at, str(price)), both(price, at=at).values())


async def opened(desk: Watched, path: str = PAGE) -> None:
    await desk.log_in(path)


async def sound(desk: Watched) -> None:
    """Check what every page must keep."""
    assert await desk.page.evaluate(TOO_WIDE) == []
    assert await desk.page.evaluate(CONTRAST) == []
    assert await desk.page.evaluate(NAMELESS) == []
    assert await desk.page.evaluate(TWICE) == []
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_a_price_follows_the_market_and_is_explained(desk: Watched) -> None:
    await opened(desk)
    mint = desk.page.locator("#waterfall-mint-usd b")
    assert (await mint.inner_text()).startswith("2,99")
    await database_sync_to_async(moved)(3100.0)
    await expect(mint).to_contain_text("3,09")
    await sound(desk)


@pytest.mark.parametrize("width", [1280, 390])
async def test_it_is_sound_at_the_desk_and_on_a_phone(desk: Watched, width: int) -> None:
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await opened(desk)
    await sound(desk)


async def test_stale_books_leave_no_number(desk: Watched) -> None:
    await database_sync_to_async(moved)(3000.0, 300)
    await opened(desk)
    await expect(desk.page.get_by_text("The price is not known").first).to_be_visible()
    await expect(desk.page.locator("#waterfall-mint-usd b")).to_have_text("—")
    await sound(desk)


async def test_a_person_pauses_and_resumes(desk: Watched) -> None:
    await opened(desk)
    await desk.page.get_by_label("Reason").fill("the chain looks odd")
    await desk.page.get_by_role("button", name="Pause mint and redeem").click()
    await expect(desk.page.get_by_text("the chain looks odd").first).to_be_visible()
    await sound(desk)
    await desk.page.get_by_label("Why it is safe to go on").fill("it is well")
    await desk.page.get_by_role("button", name="Resume").click()
    await expect(desk.page.get_by_text("The pause is over.")).to_be_visible()
    assert len((await database_sync_to_async(current_book)()).minting) == 0


async def test_the_overview_shows_prices_and_that_they_are_paused(desk: Watched) -> None:
    screen = Screen()
    shown = sheet(market()).bare()
    await screen.publish(Desk(datetime.now(UTC)).frame(1, prices=shown))
    await desk.log_in()
    await expect(desk.page.locator("#price-ETH-0-mint b")).to_have_text("2,996.90")
    await expect(desk.page.locator("#prices-word")).to_have_text("open")
    pauses = Minting()
    pauses.apply(
        MintingPaused(at=AT, pause_id="p", cause="feed", by="engine", reason="feed is away", resumed_by="engine"), 1
    )
    stands = Standing(pauses=tuple(pauses))
    await screen.publish(Desk(datetime.now(UTC)).frame(2, prices=shown, minting=stands))
    await expect(desk.page.locator("#prices-word")).to_have_text("paused")
    await expect(desk.page.locator("#prices-because")).to_have_text("engine: feed is away")
    await sound(desk)
