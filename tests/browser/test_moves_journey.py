"""Moves through the whole stack: a person or the engine proposes, two sign, the custodian acts, both sides agree."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.conftest import ROOT
from tests.browser.test_first_hedge import Person, logged_in
from tests.browser.test_keys import KEYS, enroll, plug_in
from tests.browser.test_moves_page import shot
from tests.chromium import launch_options
from tests.stack import Stack, running_stack
from tests.world import World

SOON_MS = 90_000  # on a busy machine
RECONCILED_S = 150  # on a busy machine: a run each 15 s, two looks each
STILL = {
    "SANDBOX_MINT_EVERY": "0",
    "SANDBOX_HAND_EVERY": "0",
    "SANDBOX_VOLATILITY": "0",
    "SANDBOX_SETTLEMENT_EVERY": "0",
}
OFTEN = {"HEDGEAPP_RECONCILE_EVERY_S": "15"}
FALLEN_S = 90  # a fall of 20 s, on a busy machine
PATH, ACCOUNT, ASSET = "/moves/", "binance-usdm:main", "USDT"
DELEGATED = "1500000"  # which takes two approvers
PAID_MAX = 10_000  # USDT that fees and funding may change meanwhile
CEILING = 11_000_000  # USD of headroom, by the sandbox's limits
COOLDOWN = "/admin/marketdata/limit/binance-usdm main move cooldown/change/"
COMES = """
from django.core.management import call_command
call_command(*{person})
call_command(*{login})
"""  # in one process
FALL = {"percent": "-30", "seconds": "20"}  # slower than what a feed refuses as a jump

pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack whose world moves nothing by itself."""
    with running_stack(tmp_path_factory.mktemp("var"), **STILL, **OFTEN) as running:
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


async def command(stack: Stack, *words: str) -> str:
    """Run a command as whoever runs the installation."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def comes(browser: Browser, stack: Stack, name: str, *roles: str, has_key: bool = False) -> Person:
    """Let somebody come in, with a browser and, where he decides, a key of his own; his page then shows nothing."""
    granted = [word for role in roles for word in ("--role", role)]
    said = COMES.format(person=["person", name, *granted], login=["one_time_login", "--person", name])
    link = (await command(stack, "shell", "-v", "0", "-c", said)).splitlines()[-1]
    person = await logged_in(browser, stack, re.sub(r"^https?://[^/]+", "", link))
    if has_key:
        page = person.pages[0].page
        await page.goto(f"{stack.url}{KEYS}")
        await plug_in(page)
        await enroll(page, f"key of {name}")
        await expect(page.get_by_text("is enrolled and waits")).to_be_visible(timeout=SOON_MS)
        print_of_key = await page.locator("tbody td[data-label=fingerprint]").first.inner_text()
        await command(stack, "confirm_passkey", *print_of_key.split())
    await person.rest()
    return person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bob(browser: Browser, stack: Stack) -> Person:
    """Return the first approver."""
    return await comes(browser, stack, "bob", "approver", has_key=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cay(browser: Browser, stack: Stack) -> Person:
    """Return the second approver, who may also propose."""
    return await comes(browser, stack, "cay", "approver", "trader", has_key=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dan(browser: Browser, stack: Stack) -> Person:
    """Return who proposes."""
    return await comes(browser, stack, "dan", "trader")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def eve(browser: Browser, stack: Stack) -> Person:
    """Return who sets limits, and therefore decides on nothing that rests on them."""
    return await comes(browser, stack, "eve", "risk")


async def approved(page: Page) -> None:
    """Sign as somebody who has read the amount."""
    amount = await page.locator(".payload dd").first.inner_text()
    await page.get_by_label("Type the amount in").fill(amount)
    await page.get_by_role("button", name="Approve with your passkey…").click()


async def filled_in(person: Person, amount: str) -> Page:
    """Open a proposal of a delegation and fill it in."""
    page = (await person.page(f"{PATH}propose/?kind=delegate&destination={ACCOUNT}")).page
    await page.get_by_label("asset").select_option(ASSET)
    await page.get_by_label("amount").fill(amount)
    await page.get_by_label("reason").fill("the headroom is low")
    return page


async def proposed(person: Person, amount: str) -> Page:
    """Propose a delegation by hand; return its page."""
    page = await filled_in(person, amount)
    await page.get_by_role("button", name="Propose", exact=True).click()
    await expect(page.locator("#move-live")).to_contain_text("awaiting approval", timeout=SOON_MS)
    return page


async def agreed(one: Page, other: Page) -> None:
    """Let two people sign the move that the first one's page shows, and wait until both sides show it."""
    await approved(one)
    await expect(one.get_by_text("Approved. It waits for others.")).to_be_visible(timeout=SOON_MS)
    await other.goto(one.url)
    await approved(other)
    for page in (one, other):
        await expect(page.locator("#move-live .move-state")).to_contain_text("done", timeout=SOON_MS)
    await expect(one.locator("#move-live")).to_contain_text("ceffu's order")


async def wallet(world: World) -> Decimal:
    """Return what the venue says that the account has."""
    return (await asyncio.to_thread(world.balances, ACCOUNT)).get(ASSET, Decimal(0))


async def test_what_two_people_sign_is_margin_at_the_venue(
    stack: Stack, world: World, bob: Person, cay: Person, dan: Person
) -> None:
    before = await wallet(world)
    page = await proposed(dan, DELEGATED)
    one = bob.pages[0].page
    await one.goto(f"{stack.url}{PATH}")
    await expect(one.locator("#moves-badge")).to_have_attribute("data-count", "1", timeout=SOON_MS)
    await one.goto(page.url)
    await expect(one.locator("#move-effects")).to_contain_text("headroom")
    await shot(one, "journey-move")
    await agreed(one, cay.pages[0].page)
    await expect(page.locator("#move-live .move-state")).to_contain_text("done", timeout=SOON_MS)
    await shot(page, "journey-done")
    assert abs(await wallet(world) - before - Decimal(DELEGATED)) < PAID_MAX
    assert [said for person in (bob, cay, dan) for said in await person.wrong()] == []


async def reconciled(page: Page, url: str) -> None:
    """Wait for runs of the custodian and of the account that end after this moment, and find nothing."""
    since = (await page.locator("#clock").inner_text()).strip()
    await page.goto(f"{url}/breaks/")
    for subject in ("custodian:ceffu", f"account:{ACCOUNT}"):
        run = page.locator(".runs tr", has_text=subject).first
        for _ in range(RECONCILED_S):
            is_later = (await run.locator("td").first.inner_text()).split()[-1] > since
            if is_later:
                break
            await asyncio.sleep(1)
        assert is_later, f"no run of {subject} after {since}"
        await expect(run.locator(".word")).to_have_attribute("data-level", "good", timeout=SOON_MS)
    await expect(page.locator("#breaks-open .breaks tr", has_text="ceffu")).to_have_count(0)


async def test_both_sides_agree_afterwards(stack: Stack, bob: Person) -> None:
    await reconciled(bob.pages[0].page, stack.url)


async def shorter_cooldown(person: Person) -> None:
    """Let the engine speak again at once, by a limit that is changed on its page."""
    page = (await person.page(COOLDOWN)).page
    await page.locator("#id_value").fill("1")
    await page.locator("#id_reason").fill("a drill waits for nothing")
    await page.locator("[name=_save]").click()
    await expect(page.locator(".messagelist .success")).to_be_visible(timeout=SOON_MS)


async def headroom(page: Page) -> Decimal:
    """Return the margin headroom in USD that an open Overview shows."""
    shown = page.locator(f"#margin-binance_usdm_main-{ASSET}-headroom_usd")
    await expect(shown).to_have_attribute("data-full", re.compile(r"\d"), timeout=SOON_MS)
    return Decimal((await shown.get_attribute("data-full") or "").split()[0].replace(",", ""))


async def test_a_fall_of_30_percent_makes_the_engine_ask_for_what_two_people_then_sign(
    stack: Stack, world: World, bob: Person, cay: Person, dan: Person, eve: Person
) -> None:
    await shorter_cooldown(eve)
    overview, one = (await dan.page("/")).page, bob.pages[0].page
    before, had = await wallet(world), await headroom(overview)
    assert had < CEILING
    for coin in ("ETH", "BTC"):
        await asyncio.to_thread(world.act, "jump", coin=coin, **FALL)
    for _ in range(FALLEN_S):
        if await headroom(overview) > CEILING:
            break
        await asyncio.sleep(1)
    assert await headroom(overview) > CEILING
    await one.goto(f"{stack.url}{PATH}")
    wanted = one.locator("#moves-open tbody tr", has_text="engine")
    await expect(wanted).to_have_count(1, timeout=SOON_MS)
    await expect(wanted).to_contain_text(f"{ACCOUNT} →")
    await shot(overview, "journey-fallen")

    await one.goto(f"{stack.url}{await wanted.get_by_role('link').get_attribute('href')}")
    await expect(one.locator(".payload")).to_contain_text(f"above its ceiling of {CEILING} USD")
    await expect(one.locator(".payload dd").first).to_have_text(DELEGATED)
    await expect(one.locator("#move-gate")).to_contain_text("asks 2 of approver")
    await shot(one, "journey-engine")
    await agreed(one, cay.pages[0].page)
    assert abs(await wallet(world) - before + Decimal(DELEGATED)) < PAID_MAX
    await shot(one, "journey-taken-back")
    await reconciled(one, stack.url)
    assert [said for person in (bob, cay, dan) for said in await person.wrong()] == []
