"""The ticket and the order's page as a desk uses them: typed in peace, confirmed once, sent once, by keyboard alone."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from playwright.async_api import expect

from hedgeapp.core.events.orders import OrderAcknowledged, OrderOutcomeUnknown, OrderSent
from hedgeapp.eventlog.models import LoggedEvent
from marketdata.board import DEPTHS, FEEDS, MARKS
from portfolio.models import Fill, Work
from tests.browser.conftest import NAME, ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TOO_WIDE, TWICE
from tests.builders.desks import D, written
from tests.web.tickets import depths, fresh, posted, quoted

pytestmark = ONE_LOOP

TICKET = "/orders/ticket/?currency=ETH"
TICK_MS = 1_200  # a refresh and its answer


@pytest.fixture(autouse=True)
def market(web: Web) -> Iterator[None]:
    """Fill the log and the board, of this moment, with a book that is long 30 ETH."""
    Work.objects.all().delete()
    Fill.objects.all().delete()
    at = fresh()
    posted(quoted(at), depths(at))
    yield
    with redis.from_url(settings.REDIS_URL) as store:
        store.delete(MARKS, DEPTHS, FEEDS)


def moved(price: str, seconds: float = 0) -> None:
    """Let the market be somewhere else; `seconds` ago."""
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    posted(quoted(at, price), depths(at, float(price)))


async def opened(desk: Watched, path: str = TICKET) -> None:
    await desk.log_in(path)


async def intended() -> list[str]:
    """Return the ids of the orders in the log."""
    found = LoggedEvent.objects.filter(kind="OrderIntended").order_by("seq").values_list("key", flat=True)
    return [key.rpartition(":")[2] for key in await database_sync_to_async(list)(found)]


async def confirmed(desk: Watched) -> None:
    """Fill the ticket's way to the dialog, by the button."""
    await desk.page.locator("#ticket-send").click()
    await expect(desk.page.locator("#ticket-confirm")).to_be_visible()


async def sent(desk: Watched) -> str:
    """Send a ticket as it is filled in; return the id of its order."""
    await opened(desk)
    await confirmed(desk)
    await desk.page.locator("[data-confirm-send]").click()
    await desk.page.wait_for_url("**/orders/hg*/")
    (name,) = await intended()
    return name


async def test_a_ticket_is_sent_by_keyboard_alone_and_leads_to_its_order(desk: Watched) -> None:
    await opened(desk)
    keyboard = desk.page.keyboard
    await expect(desk.page.locator("#ticket-quantity")).to_be_focused()
    await keyboard.press("Enter")
    dialog = desk.page.locator("#ticket-confirm")
    await expect(dialog).to_contain_text("Sell 8,973 contracts")
    await expect(dialog).to_contain_text("SANDBOX")
    await keyboard.press("Enter")  # nothing is sent by the key that opened it
    assert await intended() == []
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await desk.page.wait_for_url("**/orders/hg*/")
    await expect(desk.page.locator("#order-progress")).to_contain_text("waiting to be sent")
    assert len(await intended()) == 1
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_escape_leaves_the_ticket_as_it_was(desk: Watched) -> None:
    await opened(desk)
    await desk.page.locator("#ticket-quantity").fill("100")
    await confirmed(desk)
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("#ticket-confirm")).not_to_be_visible()
    await expect(desk.page.locator("#ticket-quantity")).to_have_value("100")
    assert await intended() == []


async def test_what_is_typed_keeps_its_place_and_the_focus_while_the_rest_moves(desk: Watched) -> None:
    await opened(desk)
    size, price = desk.page.locator("#ticket-quantity"), desk.page.locator("#ticket-price")
    await size.fill("10")
    await size.press("ArrowLeft")
    await database_sync_to_async(moved)("3010")
    await expect(price).to_have_value("3002.78")  # it follows the mark
    await expect(desk.page.locator("#ticket-live .mid").first).to_contain_text("3,010")
    await desk.page.keyboard.type("5")
    await expect(size).to_have_value("150")
    await expect(size).to_be_focused()
    await price.fill("3009")
    await database_sync_to_async(moved)("3012")
    await expect(desk.page.locator("#ticket-live .mid").first).to_contain_text("3,012")
    await expect(price).to_have_value("3009")
    await desk.page.get_by_role("button", name="follow the market").click()
    await expect(price).to_have_value("3004.78")


async def test_a_number_does_not_move_under_the_hand_that_types_it(desk: Watched) -> None:
    await opened(desk)
    price, mid = desk.page.locator("#ticket-price"), desk.page.locator("#ticket-live .mid").first
    await price.focus()
    await database_sync_to_async(moved)("3010")
    await expect(price).to_have_value("3002.78")  # selected whole, it follows
    await desk.page.keyboard.type("2999")
    await expect(price).to_have_value("2999")

    await desk.page.get_by_role("button", name="follow the market").click()
    await expect(price).to_have_value("3002.78")
    await price.press("End")
    await database_sync_to_async(moved)("3012")
    await expect(mid).to_contain_text("3,012")
    await expect(desk.page.locator("[data-says=price]")).to_have_text("waits while you are in it")
    await expect(price).to_have_value("3002.78")
    await price.press("Tab")
    await expect(price).to_have_value("3004.78")


async def test_what_is_confirmed_is_what_is_sent_however_the_market_moves(desk: Watched) -> None:
    await opened(desk)
    await confirmed(desk)
    await database_sync_to_async(moved)("3001")
    await desk.page.wait_for_timeout(TICK_MS)
    await desk.page.locator("[data-confirm-send]").click()
    await desk.page.wait_for_url("**/orders/hg*/")
    await expect(desk.page.locator(".order-head")).to_contain_text("Sell 8,973 contracts")
    await expect(desk.page.locator(".order-head")).to_contain_text("2,992.80 USD")


async def test_pressing_twice_or_going_back_does_not_send_twice(desk: Watched) -> None:
    await opened(desk)
    await confirmed(desk)
    # Two presses before the page may do anything about the first, as a nervous finger or a slow page makes them.
    await desk.page.evaluate(
        """() => { const form = document.querySelector("#ticket-confirm form[method=post]");
                   const body = new URLSearchParams(new FormData(form));
                   return Promise.all([1, 2].map(() => fetch(form.action, { method: "POST", body }))); }"""
    )
    await desk.page.locator("[data-confirm-send]").dblclick()
    await desk.page.wait_for_url("**/orders/hg*/")
    assert len(await intended()) == 1
    await desk.page.reload()
    await desk.page.go_back()
    await desk.page.wait_for_load_state()
    assert not await desk.page.locator("#ticket-confirm").is_visible()
    assert len(await intended()) == 1


async def test_an_order_that_the_rules_refuse_cannot_be_confirmed(desk: Watched) -> None:
    await opened(desk)
    await desk.page.locator("#ticket-quantity").fill("900000")
    await expect(desk.page.locator("#ticket-verdict")).to_contain_text("an order of at most 40 ETH expected")
    await expect(desk.page.locator("#ticket-send")).to_have_attribute("aria-disabled", "true")
    await desk.page.locator("#ticket-quantity").press("Enter")
    await desk.page.wait_for_timeout(300)
    assert not await desk.page.locator("#ticket-confirm").is_visible()
    await desk.page.get_by_role("button", name="to flat").click()
    await expect(desk.page.locator("#ticket-verdict")).to_have_text("Every rule is kept.")


async def test_another_place_and_time_in_force_fill_it_in_anew(desk: Watched) -> None:
    await opened(desk)
    await desk.page.locator("[name=reason]").fill("as agreed")
    await desk.page.locator("#ticket-time").select_option("post_only")
    await expect(desk.page.locator("#ticket-price")).to_have_value("3000.1")
    await desk.page.locator("#ticket-place").select_option(label="ETH-USDT-PERP · linear · binance-usdm:main")
    await desk.page.wait_for_url("**instrument=binance-usdm*")
    await expect(desk.page.locator("#ticket-quantity")).to_have_value("30")
    await expect(desk.page.locator("[name=reason]")).to_have_value("as agreed")
    await expect(desk.page.locator("#ticket-live")).to_contain_text("It would rest in the book at 3000.1")


async def test_a_ticket_without_answers_says_how_old_it_is(desk: Watched, web: Web) -> None:
    await opened(desk)
    web.kill()
    try:
        await expect(desk.page.locator("[data-polled-says]")).to_contain_text("No answer for")
    finally:
        await asyncio.to_thread(web.start)
    await expect(desk.page.locator("[data-polled-says]")).to_be_hidden()


async def test_who_may_not_send_sees_all_of_it_and_types_nothing(desk: Watched) -> None:
    await database_sync_to_async(User.objects.filter(username=NAME).update)(is_superuser=False)
    await opened(desk)
    await expect(desk.page.locator("#ticket-form")).to_contain_text("Read only: your role does not send orders")
    await expect(desk.page.locator("#ticket-quantity")).to_have_attribute("readonly", "")
    await expect(desk.page.locator("#ticket-live .ladder")).to_be_visible()
    await desk.page.wait_for_timeout(TICK_MS)
    await expect(desk.page.locator("#ticket-live")).to_contain_text("before")
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_the_page_of_an_order_follows_it_and_says_the_end_aloud(desk: Watched) -> None:
    name = await sent(desk)
    progress = desk.page.locator("#order-progress")
    at = (await LoggedEvent.objects.aget(key=f"order-intended:{name}")).recorded_at
    marked = OrderSent(at=at, client_order_id=name, valid_until=at, mark=D(3000), mark_at=at, net=D(30))
    await database_sync_to_async(written)(marked, at=at)
    await expect(progress).to_contain_text("sent, waiting for the venue's word")
    lost = OrderOutcomeUnknown(at=at, client_order_id=name, because="no answer within 2 s")
    await database_sync_to_async(written)(lost, at=at)
    await expect(progress).to_contain_text("Nobody knows yet whether the venue has it")
    found = OrderAcknowledged(at=at, client_order_id=name, venue_order_id="77")
    await database_sync_to_async(written)(found, at=at)
    await expect(desk.page.locator("#order-said")).to_have_text("Order acknowledged")
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_one_key_cancels(desk: Watched) -> None:
    await sent(desk)
    await desk.page.keyboard.press("c")
    await expect(desk.page.locator("#order-progress")).to_contain_text(f"{NAME} asked to cancel it at")
    assert await LoggedEvent.objects.filter(kind="CancelAsked").acount() == 1


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("state", ["full", "refused", "stale", "nothing known"])
async def test_every_state_fits_is_named_and_has_contrast(desk: Watched, width: int, theme: str, state: str) -> None:
    await desk.page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    await desk.page.set_viewport_size({"width": width, "height": 844})
    if state == "stale":
        await database_sync_to_async(moved)("3000", 99)
    if state == "nothing known":
        with redis.from_url(settings.REDIS_URL) as store:
            store.delete(MARKS, DEPTHS)
    await opened(desk, f"{TICKET}&quantity=900000" if state == "refused" else TICKET)
    await desk.page.wait_for_timeout(TICK_MS)
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= width
    for failed in (CONTRAST, NAMELESS, TWICE, TOO_WIDE):
        assert await desk.page.evaluate(failed) == []
    assert await desk.page.locator("h1").count() == 1
    assert (await desk.refused(), desk.errors) == ([], [])


@pytest.mark.parametrize(("width", "theme"), [(1280, "dark"), (390, "light")])
async def test_dialog_and_order_fit_are_named_and_have_contrast(desk: Watched, width: int, theme: str) -> None:
    await desk.page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await opened(desk)
    await confirmed(desk)
    for failed in (CONTRAST, NAMELESS, TWICE, TOO_WIDE):
        assert await desk.page.evaluate(failed) == []
    await desk.page.locator("[data-confirm-send]").click()
    await desk.page.wait_for_url(re.compile("/orders/hg"))
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= width
    for failed in (CONTRAST, NAMELESS, TWICE, TOO_WIDE):
        assert await desk.page.evaluate(failed) == []
