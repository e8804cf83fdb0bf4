"""The pages of moves in real browsers: one person proposes, two sign with their keys, everybody sees it at once."""

import os
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group, User
from playwright.async_api import Browser, Page, expect

from hedgeapp.access.models import Passkey
from hedgeapp.access.passkeys import confirm_at_console
from hedgeapp.access.roles import grant_roles
from hedgeapp.eventlog.models import LoggedEvent
from portfolio.models import Work
from portfolio.operations.moves.proposals import propose_move
from tests.browser.conftest import ONE_LOOP, PASSWORD, WATCH, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.browser.test_keys import KEYS, PHONE, THUMB_PX_MIN, enroll, plug_in
from tests.browser.test_orders_page import OVERLAPPING
from tests.browser.test_past import NOTES
from tests.builders.blotters import projected
from tests.builders.keyholders import now
from tests.builders.move_desk import history, ticket
from tests.builders.passwords import QuickArgon2

pytestmark = ONE_LOOP

PATH = "/moves/"
OPEN = "#moves-open"
LIVES_S = (6, 20, 60)  # of a move that expires: longer ones where the page comes too late
GONE_MS = 120_000
WAY = re.compile("w1 → binance-usdm:main")


async def shot(page: Page, name: str) -> None:
    """Keep a picture, if somebody wants to look."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def _somebody(name: str, *roles: str) -> None:
    grant_roles()
    user = User.objects.create(username=name, password=QuickArgon2().encode(PASSWORD, "a salt for tests"))
    user.groups.set(Group.objects.filter(name__in=roles))


def _confirmed(name: str) -> None:
    confirm_at_console(Passkey.objects.get(user__username=name, confirmed_at=None).pk, at=now(), using="default")


def _proposed(amount: str = "100", nonce: str = "n-1", **given: Any) -> str:
    return propose_move(ticket(amount, nonce, **given), by=User.objects.get(username="ann"), at=now()).move_id


proposed = database_sync_to_async(_proposed)


class People:
    """People with browsers of their own; those who decide have a key in theirs."""

    def __init__(self, browser: Browser, web: Web) -> None:
        self._browser, self._web = browser, web
        self.pages: list[Watched] = []

    async def come(self, name: str, *roles: str, has_key: bool = False, **look: Any) -> Watched:
        """Let somebody log in."""
        await database_sync_to_async(_somebody)(name, *roles)
        given: dict[str, Any] = {"viewport": {"width": 1280, "height": 720}, "color_scheme": "dark", **look}
        context = await self._browser.new_context(**given)
        await context.add_init_script(WATCH)
        one = Watched(await context.new_page(), self._web.url)
        self.pages.append(one)
        await one.log_in_by_form(name, KEYS if has_key else PATH)
        if has_key:
            await plug_in(one.page)
            await enroll(one.page, f"key of {name}")
            await expect(one.page.get_by_text("is enrolled and waits")).to_be_visible()
            await database_sync_to_async(_confirmed)(name)
            await one.page.goto(f"{self._web.url}{PATH}")
        return one

    async def wrong(self) -> list[Any]:
        """Return what went wrong in any page."""
        return [said for one in self.pages for said in (*one.errors, *await one.refused())]

    async def leave(self) -> None:
        """Close all pages: whatever is open asks all the time."""
        for one in self.pages:
            await one.page.context.close()


@pytest.fixture(autouse=True)
async def _log(web: Web, settings: Any) -> None:
    settings.PASSKEY_ORIGIN = web.url

    def begin() -> None:
        Work.objects.all().delete()
        history()
        projected()

    await database_sync_to_async(begin)()


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser, web: Web) -> AsyncIterator[People]:
    came = People(browser, web)
    yield came
    await came.leave()


async def test_whoever_asked_for_it_is_called_by_the_browser_to_a_move(people: People) -> None:
    await people.come("ann", "trader")
    bob = await people.come("bob", "approver", has_key=True)
    await bob.page.context.add_init_script(NOTES)
    await bob.page.goto(f"{bob.url}/orders/")
    await bob.page.locator("summary[aria-label^='Menu of']").click()
    await bob.page.get_by_role("button", name="Browser notifications off").click()
    await expect(bob.page.get_by_role("button", name="Browser notifications on")).to_be_visible()
    await proposed()
    await expect(bob.page.locator("#moves-badge")).to_have_attribute("data-count", "1")
    assert await bob.page.evaluate("notes") == ["Approval: 1 move waits for your word"]
    assert await people.wrong() == []


async def test_a_row_keeps_the_keyboard_when_another_comes_above_it(people: People) -> None:
    bob = await people.come("bob", "approver", has_key=True)
    await database_sync_to_async(_somebody)("ann", "trader")
    first = await proposed()
    await expect(bob.page.locator(f"{OPEN} tr.mine")).to_have_count(1)
    await bob.page.keyboard.press("j")
    second = await proposed("200", "n-2")
    await expect(bob.page.locator(f"{OPEN} tr.mine")).to_have_count(2)
    await expect(bob.page.locator(f"{OPEN} tr.mine a").first).to_have_attribute("href", re.compile(second))
    await bob.page.keyboard.press("Enter")
    await expect(bob.page).to_have_url(re.compile(first))
    assert await people.wrong() == []


async def test_one_proposes_two_sign_and_everybody_sees_it_at_once(people: People) -> None:
    ann = await people.come("ann", "trader")
    bob = await people.come("bob", "approver", has_key=True)
    cay = await people.come("cay", "approver", has_key=True, color_scheme="light")
    await expect(ann.page.locator(".empty strong")).to_have_text("Nobody has moved any collateral yet")
    await shot(ann.page, "moves-first-run")
    await ann.page.get_by_role("link", name="propose one").click()
    await ann.page.get_by_label("way").select_option(label=await _way(ann.page))
    await ann.page.get_by_label("amount").fill("100")
    await ann.page.get_by_label("reason").fill("the headroom is low")
    await expect(ann.page.get_by_text("Delegate 100 ETH (about 300,000 USD)")).to_be_visible()
    await expect(ann.page.get_by_text("asks 2 of approver")).to_be_visible()
    await shot(ann.page, "move-ticket")
    await ann.page.get_by_role("button", name="Propose", exact=True).click()
    await expect(ann.page.locator("#move-live")).to_contain_text("awaiting approval")
    await shot(ann.page, "move-proposer")

    await expect(bob.page.locator("#moves-badge")).to_have_attribute("data-count", "1")
    await expect(bob.page.locator(f"{OPEN} tr.mine")).to_have_count(1)
    await shot(bob.page, "moves-approver")
    await bob.page.keyboard.press("j")
    await bob.page.keyboard.press("Enter")
    await expect(bob.page.locator("h1")).to_have_text("Delegate")
    await bob.page.wait_for_load_state()  # until then nobody listens to keys
    await shot(bob.page, "move-approver-dark")
    await bob.page.keyboard.press("a")
    await bob.page.keyboard.type("100")
    await bob.page.keyboard.press("Enter")
    await expect(bob.page.get_by_text("Approved. It waits for others.")).to_be_visible()
    await expect(bob.page.locator("#moves-badge")).to_have_attribute("data-count", "0")
    await expect(ann.page.locator("#move-gate")).to_contain_text("bob approves")

    await cay.page.goto(ann.page.url)
    await shot(cay.page, "move-approver-light")
    await cay.page.get_by_label("Type the amount in").fill("100")
    await cay.page.get_by_role("button", name="Approve with your passkey…").click()
    await expect(cay.page.get_by_text("Approved, and its quorum is reached")).to_be_visible()
    for one in (ann, bob, cay):
        await expect(one.page.locator("#move-live")).to_contain_text("approved, to be sent")
    assert await database_sync_to_async(Work.objects.filter(kind="move").count)() == 1
    assert await people.wrong() == []


async def _way(page: Page) -> str:
    labels = await page.get_by_label("way").locator("option").all_inner_texts()
    return next(label for label in labels if WAY.search(label))


async def test_what_is_typed_wrong_moves_nothing(people: People) -> None:
    bob = await people.come("bob", "approver", has_key=True)
    await people.come("ann", "trader")
    await bob.page.goto(f"{bob.url}{PATH}{await proposed()}/")
    await bob.page.get_by_label("Type the amount in").fill("10")
    await bob.page.get_by_role("button", name="Approve with your passkey…").click()
    await expect(bob.page.get_by_role("alert").first).to_contain_text("The amount 100 typed in expected, found 10")
    count = await database_sync_to_async(LoggedEvent.objects.filter(kind="MoveDecided").count)()
    assert count == 0


async def test_a_form_of_another_payload_than_the_one_shown_is_not_sent(people: People) -> None:
    bob = await people.come("bob", "approver", has_key=True)
    await people.come("ann", "trader")
    move, other = await proposed(), await proposed("50", "n-2")
    await bob.page.goto(f"{bob.url}{PATH}{other}/")
    digest = await bob.page.locator(".digest").inner_text()
    await bob.page.goto(f"{bob.url}{PATH}{move}/")
    await bob.page.evaluate(
        "(hash) => { for (const one of document.querySelectorAll('[name=payload_hash]')) one.value = hash; }", digest
    )
    await bob.page.get_by_label("Type the amount in").fill("100")
    await bob.page.get_by_role("button", name="Approve with your passkey…").click()
    await expect(bob.page.get_by_role("alert").first).to_contain_text("another one than you are about to decide on")
    assert await database_sync_to_async(LoggedEvent.objects.filter(kind="MoveDecided").count)() == 0


async def test_the_form_goes_when_the_move_expires(people: People) -> None:
    bob = await people.come("bob", "approver", has_key=True)
    await people.come("ann", "trader")
    button = bob.page.get_by_role("button", name="Approve with your passkey…")
    for life_s in LIVES_S:
        move = await proposed(nonce=f"n-{life_s}", life=timedelta(seconds=life_s))
        await bob.page.goto(f"{bob.url}{PATH}{move}/")
        if await button.count():
            break
    else:
        raise AssertionError(f"a page within {life_s} s expected")
    await expect(button).to_have_count(0, timeout=GONE_MS)


async def test_a_page_without_the_key_signs_nothing(people: People, browser: Browser, web: Web) -> None:
    """A stolen session has the cookie and not the key."""
    bob = await people.come("bob", "approver", has_key=True)
    await people.come("ann", "trader")
    move = await proposed()
    thief = await browser.new_context()
    await thief.add_cookies(await bob.page.context.cookies())  # type: ignore[arg-type]
    page = await thief.new_page()
    await page.goto(f"{web.url}{PATH}{move}/")
    await page.get_by_label("Type the amount in").fill("100")
    await plug_in(page)  # another device than bob's
    await page.get_by_role("button", name="Approve with your passkey…").click()
    await expect(page.get_by_role("alert").first).to_contain_text("Nothing was signed")
    count = await database_sync_to_async(LoggedEvent.objects.filter(kind="MoveDecided").count)()
    assert count == 0
    await thief.close()


async def test_a_reason_that_somebody_types_outlives_what_comes_in(people: People) -> None:
    bob = await people.come("bob", "approver", has_key=True)
    cay = await people.come("cay", "approver", has_key=True)
    await people.come("ann", "trader")
    move = await proposed()
    await cay.page.goto(f"{cay.url}{PATH}{move}/")
    await cay.page.get_by_text("Reject…").click()
    await cay.page.get_by_label("Why not").first.fill("the venue looks wrong")
    await bob.page.goto(f"{bob.url}{PATH}{move}/")
    await bob.page.get_by_label("Type the amount in").fill("100")
    await bob.page.get_by_role("button", name="Approve with your passkey…").click()
    await expect(cay.page.locator("#move-gate")).to_contain_text("bob approves")
    await expect(cay.page.get_by_label("Why not").first).to_have_value("the venue looks wrong")
    await cay.page.get_by_role("button", name="Reject with your passkey…").click()
    await expect(cay.page.locator("#move-live")).to_contain_text("rejected")
    await expect(bob.page.locator("#move-live")).to_contain_text("the venue looks wrong")
    await shot(bob.page, "move-rejected")


async def test_a_phone_approves_with_one_hand(people: People) -> None:
    bob = await people.come("bob", "approver", has_key=True, viewport=PHONE)
    await people.come("ann", "trader")
    move = await proposed()
    await expect(bob.page.locator(f"{OPEN} tbody tr")).to_have_count(1)
    await shot(bob.page, "moves-phone")
    assert await bob.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert await bob.page.evaluate(OVERLAPPING) == []
    await bob.page.goto(f"{bob.url}{PATH}{move}/")
    await shot(bob.page, "move-phone")
    assert await bob.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    button = bob.page.get_by_role("button", name="Approve with your passkey…")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= THUMB_PX_MIN
    await bob.page.get_by_label("Type the amount in").fill("100")
    await button.click()
    await expect(bob.page.get_by_text("Approved. It waits for others.")).to_be_visible()


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_what_the_pages_of_moves_say_can_be_read_and_named(people: People, theme: str) -> None:
    bob = await people.come("bob", "approver", has_key=True, color_scheme=theme, reduced_motion="reduce")
    await people.come("ann", "trader", "risk")
    move = await proposed()
    await proposed("10", "n-2")
    await database_sync_to_async(projected)()
    for name, path in (("moves", PATH), ("move", f"{PATH}{move}/"), ("ticket", f"{PATH}propose/")):
        await bob.page.goto(f"{bob.url}{path}")
        await shot(bob.page, f"{name}-{theme}")
        for audit in (CONTRAST, NAMELESS, TWICE):
            assert await bob.page.evaluate(audit) == [], name
        assert await bob.page.locator("h1").count() == 1
        assert await bob.page.evaluate("document.documentElement.scrollWidth") <= 1280
