"""A hedge from the screen through the whole stack: a breach, its proposal, the ticket, the fill; a halt; a cancel."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import ROUND_DOWN, Decimal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from tests.browser.conftest import ROOT, WATCH, Watched
from tests.browser.test_halt import PHONE, shot
from tests.chromium import launch_options
from tests.stack import Stack, running_stack
from tests.world import World

CHANGED = """() => new Promise((done) => {
  document.body.addEventListener("htmx:afterSettle", () => done(), { once: true });
  document.dispatchEvent(new Event("halts:changed"));
})"""
SOON_MS = 60_000  # on a busy machine
STILL = {"SANDBOX_MINT_EVERY": "0", "SANDBOX_HAND_EVERY": "0", "SANDBOX_VOLATILITY": "0"}
CONFIRMED_MS = 90_000  # a block of the chain and three on top of it, twelve seconds each
ACCOUNTS = ("binance-usdm:main", "binance-usdm:reserve", "binance-coinm:main")
TICK = Decimal("0.01")
FAR = Decimal("1.002")  # of the touch: an order to sell there rests, and is within its collar
MINTED = "18"  # wstETH: with the 13 ETH at the start, more than the band of 25
BOUGHT = "30"  # ETH, for another breach
ADMITTED = re.compile("Every rule is kept|The mark here is not fresh: the worker asks")
RESTING, SMALL = "100", "10"  # contracts
REFUSED = "the server responded with a status of 409"  # what Chromium says of a page that tells a refusal

COLLEAGUE = """
from datetime import UTC, datetime
from django.contrib.auth.models import Group, User
from django.urls import reverse
from hedgeapp.access.links import new_link
from hedgeapp.access.roles import RISK, TRADER
User.objects.create_user("bob").groups.set(Group.objects.filter(name__in=[RISK, TRADER]))
print(reverse("access:once", args=[new_link("bob", at=datetime.now(UTC))]))
"""

pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack whose world moves no exposure by itself."""
    with running_stack(tmp_path_factory.mktemp("var"), **STILL) as running:
        yield running


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """Return the outside world of the stack."""
    return World(stack)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Return a browser for all tests of this file."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        yield browser
        await browser.close()


class Person:
    """Somebody with a browser of his own, logged in, and everything that went wrong in it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.pages: list[Watched] = []

    async def page(self, path: str = "/") -> Watched:
        """Open another page."""
        watched = Watched(await self.context.new_page(), self.url)
        self.pages.append(watched)
        await watched.page.goto(f"{self.url}{path}")
        return watched

    async def wrong(self) -> list[str]:
        """Return what the pages complained about, and close all but the first."""
        found = [said for one in self.pages for said in (*one.errors, *await one.refused())]
        await self._close_all_but_first()
        self.pages[0].errors.clear()
        return found

    async def rest(self) -> None:
        """Close all pages but the first, which shows nothing: whatever is open asks and draws all the time."""
        await self._close_all_but_first()
        await self.pages[0].page.goto("about:blank")

    async def _close_all_but_first(self) -> None:
        for one in self.pages[1:]:
            await one.page.close()
        del self.pages[1:]


async def logged_in(browser: Browser, stack: Stack, link: str) -> Person:
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="dark")
    context.set_default_timeout(SOON_MS)
    await context.add_init_script(WATCH)
    person = Person(context, stack.url)
    page = (await person.page(link)).page
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"{stack.url}/", timeout=SOON_MS)
    return person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ann(browser: Browser, stack: Stack, world: World) -> Person:
    """Return who hedges; the Overview stays open on her first page, and a mint is on its way into the chain."""
    person = await logged_in(browser, stack, stack.login.removeprefix(stack.url))
    await expect(person.pages[0].page.locator("#exposure-ETH-word")).to_have_text("inside", timeout=SOON_MS)
    await asyncio.to_thread(world.act, "chain/mint", asset="wstETH", amount=MINTED)
    return person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bob(browser: Browser, stack: Stack, ann: Person) -> Person:
    """Return a colleague."""
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", COLLEAGUE]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    person = await logged_in(browser, stack, done.stdout.strip())
    await person.rest()
    return person


async def ours(world: World) -> dict[str, int]:
    """Return how often each of our client order ids is in the venues' ledgers."""
    told = [await asyncio.to_thread(world.told, f"accounts/{account}/client-ids") for account in ACCOUNTS]
    return {name: count for ids in told for name, count in ids.items() if name.startswith("hg")}


async def resting(world: World) -> list[str]:
    """Return the client order ids that work at the venues."""
    told = [await asyncio.to_thread(world.told, f"accounts/{account}") for account in ACCOUNTS]
    return [order["clientOrderId"] for each in told for order in each["open_orders"]]


async def net_delta(world: World) -> Decimal:
    """Return the net delta in ETH by the world's own ledgers."""
    return Decimal((await asyncio.to_thread(world.told, "state"))["net_delta"]["ETH"])


async def filled_in(desk: Watched) -> None:
    """Wait until the ticket on a page may be sent."""
    await expect(desk.page.locator("#ticket-verdict")).to_have_text(ADMITTED, timeout=SOON_MS)


async def confirmed(desk: Watched) -> None:
    """Go on to the one confirmation."""
    await desk.page.locator("#ticket-send").click()
    await expect(desk.page.locator("[data-confirm-send]")).to_be_visible(timeout=SOON_MS)


async def sent(desk: Watched) -> str:
    """Confirm a ticket and return the id of its order, whose page is open then."""
    await confirmed(desk)
    await desk.page.locator("[data-confirm-send]").click()
    await desk.page.wait_for_url("**/orders/hg*/", timeout=SOON_MS)
    return desk.page.url.rstrip("/").rpartition("/")[2]


async def comes_to(desk: Watched, state: str) -> None:
    """Wait until the page of an order says that."""
    await expect(desk.page.locator("#progress-title + .word")).to_have_text(state, timeout=SOON_MS)


async def rested(desk: Watched) -> str:
    """Send a ticket that rests in the book; return the id of its order, whose page is open then."""
    await desk.page.goto(f"{desk.url}/orders/ticket/?currency=ETH")
    await desk.page.locator("#ticket-time").select_option("gtc")
    suggests = desk.page.locator("#ticket-suggests")
    await expect(suggests).to_have_attribute("data-touch", re.compile(r"\d"), timeout=SOON_MS)
    touch = Decimal(await suggests.get_attribute("data-touch") or "")
    await desk.page.locator("#ticket-price").fill(str((touch * FAR).quantize(TICK, ROUND_DOWN)))
    await desk.page.locator("#ticket-quantity").fill(RESTING)
    await filled_in(desk)
    name = await sent(desk)
    await comes_to(desk, "working")
    return name


async def test_a_halt_ends_what_works_and_the_same_person_cannot_lift_it(
    ann: Person, bob: Person, world: World
) -> None:
    desk, waiting, other = await ann.page(), await ann.page("/orders/ticket/?currency=ETH"), await bob.page()
    await filled_in(waiting)
    await confirmed(waiting)
    name = await rested(desk)
    assert await resting(world) == [name]
    await other.page.goto(f"{other.url}/orders/{name}/")
    await comes_to(other, "working")
    await shot(desk.page, "first-working")

    await desk.page.get_by_role("link", name="■ HALT").click()
    await desk.page.get_by_role("button", name="■ HALT now").click()
    await comes_to(other, "canceled")
    await expect(other.page.locator(".halt-notice")).to_contain_text("HALT of all venues", timeout=SOON_MS)
    await shot(other.page, "first-halted")
    assert (await resting(world), (await ours(world))[name]) == ([], 1)

    halted = "no halt of binance-coinm expected, found the one that operator declared at"
    before = await ours(world)
    await waiting.page.locator("[data-confirm-send]").click()
    await expect(waiting.page.locator(".refusals")).to_contain_text(halted, timeout=SOON_MS)
    await expect(waiting.page.locator("#ticket-verdict")).to_contain_text(halted, timeout=SOON_MS)
    await expect(waiting.page.locator("#ticket-send")).to_have_attribute("aria-disabled", "true")
    await shot(waiting.page, "first-refused")
    assert await ours(world) == before

    await desk.page.get_by_label("Why it is safe to resume").fill("the venues answer again")
    await desk.page.evaluate(CHANGED)  # as when it takes hold while somebody types
    await expect(desk.page.get_by_label("Why it is safe to resume")).to_have_value("the venues answer again")
    await desk.page.get_by_role("button", name="Ask to resume…").click()
    await expect(desk.page.get_by_text("You asked. Another person must approve it.")).to_be_visible(timeout=SOON_MS)
    halt = await desk.page.locator(".halted .aside").inner_text()
    token = await desk.page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    answer = await ann.context.request.post(
        f"{desk.url}/halt/{halt}/approve", form={"csrfmiddlewaretoken": token}, headers={"Referer": desk.url}
    )
    assert answer.status == 403
    assert "another person than operator expected to approve lifting" in await answer.text()
    await other.page.goto(f"{other.url}/halt/")
    await shot(other.page, "first-approve")
    await other.page.get_by_role("button", name="Approve: resume all venues").click()
    await expect(other.page.get_by_text("Nothing is halted")).to_be_visible(timeout=SOON_MS)

    await waiting.page.goto(f"{waiting.url}/orders/ticket/?currency=ETH")
    await waiting.page.locator("#ticket-quantity").fill(SMALL)
    await filled_in(waiting)
    again = await sent(waiting)
    await comes_to(waiting, "filled")
    assert await ours(world) == {**before, again: 1}
    assert [said for said in await ann.wrong() if REFUSED not in said] == []
    assert await bob.wrong() == []


async def test_a_working_order_is_canceled_by_thumb(ann: Person, browser: Browser, world: World) -> None:
    state = await ann.context.storage_state()
    context = await browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, storage_state=state)  # type: ignore[arg-type]
    await context.add_init_script(WATCH)
    phone = Person(context, ann.url)
    desk = await phone.page()
    name = await rested(desk)
    await shot(desk.page, "first-phone-working")
    await desk.page.get_by_role("button", name="Cancel order").tap()
    await comes_to(desk, "canceled")
    await expect(desk.page.locator("[data-cancel]")).to_have_count(0)
    await shot(desk.page, "first-phone-canceled")
    assert (await resting(world), (await ours(world))[name]) == ([], 1)
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert await phone.wrong() == []
    await context.close()


async def test_a_mint_is_hedged_by_a_key_and_one_confirmation(ann: Person, world: World) -> None:
    desk, before = ann.pages[0], await ours(world)
    await expect(desk.page.locator("#exposure-ETH-hedge-word")).to_have_text("hedge proposed", timeout=CONFIRMED_MS)
    await expect(desk.page.locator("#exposure-ETH-word")).to_have_text("outside")
    await expect(desk.page.locator("#exposure-ETH-hedge")).to_contain_text("contracts of ETH-USD-PERP")
    await shot(desk.page, "first-proposed")
    await desk.page.keyboard.press("h")
    await desk.page.wait_for_url("**/orders/ticket/?proposal=ETH-*")
    await expect(desk.page.locator("#ticket-quantity")).not_to_have_value("")
    await filled_in(desk)
    await shot(desk.page, "first-ticket")
    await confirmed(desk)
    await shot(desk.page, "first-confirm")
    await desk.page.locator("[data-confirm-send]").dblclick()
    await desk.page.wait_for_url("**/orders/hg*/", timeout=SOON_MS)
    name = desk.page.url.rstrip("/").rpartition("/")[2]
    await comes_to(desk, "filled")
    await shot(desk.page, "first-filled")

    await desk.page.reload()
    await desk.page.go_back()
    await desk.page.wait_for_load_state()
    assert not await desk.page.locator("#ticket-confirm").is_visible()
    await desk.page.goto(f"{desk.url}/")
    await expect(desk.page.locator("#exposure-ETH-word")).to_have_text("inside", timeout=SOON_MS)
    await expect(desk.page.locator("#exposure-ETH-hedge-word")).to_have_text("no hedge needed", timeout=SOON_MS)
    await shot(desk.page, "first-inside")
    assert await ours(world) == {**before, name: 1}
    assert 0 <= await net_delta(world) < 1
    assert await ann.wrong() == []


async def test_two_people_who_send_the_same_proposal_never_go_past_flat(ann: Person, bob: Person, world: World) -> None:
    first, before = ann.pages[0], await ours(world)
    await first.page.goto(f"{first.url}/")
    bought = {"account": ACCOUNTS[0], "symbol": "ETHUSDT", "side": "buy", "quantity": BOUGHT}
    await asyncio.to_thread(world.act, "fill", **bought)
    await expect(first.page.locator("#exposure-ETH-hedge-word")).to_have_text("hedge proposed", timeout=CONFIRMED_MS)
    link = await first.page.locator("[data-hedge]").get_attribute("href")
    assert link is not None
    pair = [await ann.page(link), await bob.page(link)]
    for one in pair:
        await filled_in(one)
        await confirmed(one)
    await asyncio.gather(*(one.page.locator("[data-confirm-send]").click() for one in pair))
    for one in pair:
        await expect(one.page.locator("#order-progress, .refusals").first).to_be_visible(timeout=SOON_MS)
    late, early = sorted(pair, key=lambda one: "/hg" in one.page.url)
    await expect(late.page.locator(".refusals")).to_contain_text("hedge only towards flat", timeout=SOON_MS)
    await shot(late.page, "first-second")
    await comes_to(early, "filled")
    name = early.page.url.rstrip("/").rpartition("/")[2]
    assert await ours(world) == {**before, name: 1}
    assert await net_delta(world) >= 0
    assert [said for said in await ann.wrong() + await bob.wrong() if REFUSED not in said] == []
