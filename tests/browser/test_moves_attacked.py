"""Bad twins of a move's journey on the whole stack: none of them moves a coin, and an answer that was lost moves once.

What moved is asked of the sandbox alone: the custodian's own orders and what the venue says that the account has.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from hedgeapp.core.events.moves import (
    MoveIntended,
    MoveOutcomeUnknown,
    MoveRefused,
    MoveSubmitted,
)
from tests.browser.test_first_hedge import Person
from tests.browser.test_keys import KEYS, enroll, plug_in
from tests.browser.test_moves_journey import (
    ACCOUNT,
    ASSET,
    PAID_MAX,
    PATH,
    SOON_MS,
    STILL,
    agreed,
    approved,
    comes,
    command,
    filled_in,
    proposed,
    wallet,
)
from tests.builders.intruder import EDITED, WORK, Intruder
from tests.chromium import launch_options
from tests.stack import Stack, running_stack
from tests.world import World

MOVED: Final = "600000"  # which takes two approvers
LIFE_S: Final = 60  # of the move that expires: long enough for one approval on a busy machine
SILENT_MS: Final = 15_000  # longer than we wait for an answer
LOOK_S: Final = 0.25
FOUND_S: Final = 90.0  # on a busy machine

# Sign whatever digest with any key that is on this device, and send it as the page's form would.
DECIDE = """async ({ digest, typed, assertion }) => {
  if (!assertion) {
    const challenge = Uint8Array.from(digest.match(/../g), (two) => parseInt(two, 16));
    const { rpId } = document.querySelector("[data-passkeys]").dataset;
    const signed = await navigator.credentials.get({ publicKey: { challenge, rpId, userVerification: "required" } });
    assertion = JSON.stringify(signed.toJSON());
  }
  const { value } = document.querySelector("[name=csrfmiddlewaretoken]");
  const form = { csrfmiddlewaretoken: value, payload_hash: digest, seen: "0", typed, assertion };
  const answer = await fetch(`${location.pathname}approve`, { method: "POST", body: new URLSearchParams(form) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return `${answer.status} ${page.querySelector(".errors[role=alert]")?.textContent ?? ""}`;
}"""
SHORT_LIVED = """
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from django.contrib.auth.models import User
from portfolio.core.move_tickets import ways
from portfolio.operations.moves.proposals import MoveTicket, propose_move
from portfolio.queries.scenes import scene_at
at = datetime.now(UTC)
way = next(one for one in ways(scene_at(at).valuation) if (one.kind, one.destination) == ("delegate", "{account}"))
ticket = MoveTicket(
    kind=way.kind, custodian=way.custodian, asset="{asset}", amount=Decimal("{amount}"), source=way.source,
    destination=way.destination, route=way.route, reason="soon or never", nonce="short",
    life=timedelta(seconds={life_s}),
)
print(propose_move(ticket, by=User.objects.get(username="dan"), at=at).move_id)
"""

pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack whose world moves nothing by itself."""
    with running_stack(tmp_path_factory.mktemp("var"), **STILL) as running:
        yield running


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """Return the outside world of the stack."""
    return World(stack)


@pytest.fixture(scope="module")
def intruder(stack: Stack) -> Intruder:
    """Return somebody who took the web process over."""
    return Intruder(stack.environment)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Return a browser for all tests of this file."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        yield browser
        await browser.close()


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
async def short_lived(stack: Stack, world: World, bob: Person, cay: Person, dan: Person) -> tuple[str, dict[str, Any]]:
    """Return the page of a move that one approved in time, and what was anywhere then: it expires meanwhile."""
    said = SHORT_LIVED.format(account=ACCOUNT, asset=ASSET, amount=MOVED, life_s=LIFE_S)
    before, name = await ledger(world), await command(stack, "shell", "-v", "0", "-c", said)
    one = bob.pages[0].page
    await one.goto(f"{stack.url}{PATH}{name}/")
    await approved(one)
    await expect(one.get_by_text("Approved. It waits for others.")).to_be_visible(timeout=SOON_MS)
    return one.url, before


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _rest(short_lived: tuple[str, dict[str, Any]], bob: Person, cay: Person, dan: Person) -> AsyncIterator[None]:
    """Leave no page open after a test."""
    yield
    for person in (bob, cay, dan):
        await person.rest()


async def ledger(world: World) -> dict[str, Any]:
    """Return what the custodian says that it has of the asset, has mirrored, and was ever told to move."""
    state = (await asyncio.to_thread(world.told, "state"))["custodian"]
    return {"wallet": state["wallet"][ASSET], "links": state["links"], "orders": state["orders"]}  # stETH earns


async def until(look: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    for _ in range(int(FOUND_S / LOOK_S)):
        if await asyncio.to_thread(look):
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"expected {what} within {FOUND_S:g} s")


def name_in(page: Page) -> str:
    """Return the id of the move that a page shows."""
    return page.url.rstrip("/").rpartition("/")[2]


async def decides(page: Page, amount: object = MOVED) -> str:
    """Approve the move that a page shows, offered or not, with any key of this device; return what came of it."""
    digest = (await page.locator(".digest").inner_text()).strip()
    return str(await page.evaluate(DECIDE, {"digest": digest, "typed": str(amount)}))


async def waits(page: Page, approvals: str) -> None:
    """Hold that a move still waits, with so many approvals."""
    await page.reload()
    await expect(page.locator(".move-state")).to_contain_text("awaiting approval", timeout=SOON_MS)
    await expect(page.locator(".move-state")).to_contain_text(f"{approvals} of 2 approvals", timeout=SOON_MS)


async def test_who_proposes_and_signs_with_a_key_of_his_own_moves_no_coin(
    stack: Stack, world: World, bob: Person, cay: Person
) -> None:
    before, url = await ledger(world), (await proposed(cay, MOVED)).url
    own, other = cay.pages[0].page, bob.pages[0].page
    await own.goto(url)
    await expect(own.get_by_text("You cannot approve it")).to_be_visible(timeout=SOON_MS)
    assert "Somebody else than the proposer expected" in await decides(own)
    await other.goto(url)
    await approved(other)
    await expect(other.get_by_text("Approved. It waits for others.")).to_be_visible(timeout=SOON_MS)
    assert "409" in await decides(own)
    await waits(own, "1")
    assert await ledger(world) == before


async def test_an_approval_is_dead_for_a_payload_that_was_edited_after_it(
    stack: Stack, world: World, intruder: Intruder, bob: Person, cay: Person, dan: Person
) -> None:
    page = await filled_in(dan, MOVED)
    nonce = await page.locator("[name=nonce]").input_value()
    await page.get_by_role("button", name="Propose", exact=True).click()
    await expect(page.locator("#move-live")).to_contain_text("awaiting approval", timeout=SOON_MS)
    one, before = bob.pages[0].page, await ledger(world)
    await one.goto(page.url)
    await approved(one)
    await expect(one.get_by_text("Approved. It waits for others.")).to_be_visible(timeout=SOON_MS)

    again = await filled_in(dan, str(EDITED))  # the same form, with another amount
    await again.locator("[name=nonce]").evaluate("(field, nonce) => { field.value = nonce; }", nonce)
    await again.get_by_role("button", name="Propose", exact=True).click()
    await expect(again.get_by_role("alert")).to_contain_text("A fresh ticket expected", timeout=SOON_MS)
    edited = await asyncio.to_thread(intruder.edit, name_in(page))

    other = cay.pages[0].page
    await other.goto(f"{stack.url}{PATH}{edited}/")
    await approved(other)
    await expect(other.get_by_text("Approved. It waits for others.")).to_be_visible(timeout=SOON_MS)
    await expect(other.locator("#move-gate")).to_contain_text("Does not count")
    await waits(other, "1")
    assert await ledger(world) == before


async def test_a_stolen_session_without_its_key_moves_no_coin(
    stack: Stack, world: World, browser: Browser, bob: Person, dan: Person
) -> None:
    before, url = await ledger(world), (await proposed(dan, MOVED)).url
    async with await browser.new_context() as elsewhere:
        await elsewhere.add_cookies(await bob.context.cookies())  # type: ignore[arg-type]
        thief = await elsewhere.new_page()
        await thief.goto(f"{stack.url}{KEYS}")
        await plug_in(thief)  # a device of his own
        await thief.goto(url)
        await approved(thief)
        await expect(thief.locator("[data-passkey-said]")).to_contain_text("Nothing was signed", timeout=SOON_MS)
        await thief.goto(f"{stack.url}{KEYS}")
        await enroll(thief, "mine")
        await expect(thief.get_by_text("mine is enrolled and waits")).to_be_visible(timeout=SOON_MS)
        await thief.goto(url)
        assert "A passkey of bob that is confirmed and in force expected" in await decides(thief)
        await waits(thief, "0")
    assert await ledger(world) == before


async def test_what_one_approved_in_time_the_other_cannot_complete_after_it(
    world: World, short_lived: tuple[str, dict[str, Any]], bob: Person, cay: Person
) -> None:
    (url, before), one, other = short_lived, bob.pages[0].page, cay.pages[0].page
    await one.goto(url)
    await expect(one.locator(".move-state")).to_contain_text("expired", timeout=SOON_MS)
    await other.goto(url)
    answer = await decides(other)
    assert re.match("409 .* expired", answer), answer
    assert await ledger(world) == before


async def test_what_the_custodian_took_without_an_answer_moves_once(
    stack: Stack, world: World, intruder: Intruder, bob: Person, cay: Person, dan: Person
) -> None:
    before, had = await ledger(world), await wallet(world)
    given = {"kind": "timeout_after", "path": "/v1/mirrorX/order", "hold_ms": SILENT_MS}
    await asyncio.to_thread(world.act, "custody/arm", **given)
    page, one = await proposed(dan, MOVED), bob.pages[0].page
    await one.goto(page.url)
    await agreed(one, cay.pages[0].page)
    (intended,) = intruder.events(name_in(page), MoveIntended)
    assert len(intruder.events(name_in(page), MoveSubmitted)) == 1
    assert len(intruder.events(name_in(page), MoveOutcomeUnknown)) == 1
    orders = [order for order in (await ledger(world))["orders"] if order not in before["orders"]]
    assert [(order["request_id"], order["status"]) for order in orders] == [(intended.request_id, "success")]
    assert abs(await wallet(world) - had - Decimal(MOVED)) < PAID_MAX


async def test_rows_and_tasks_that_a_web_process_forges_move_no_coin(
    stack: Stack, world: World, intruder: Intruder, bob: Person, cay: Person, dan: Person
) -> None:
    page, one, other = await proposed(dan, MOVED), bob.pages[0].page, cay.pages[0].page
    await one.goto(page.url)
    await approved(one)
    await expect(one.get_by_text("Approved. It waits for others.")).to_be_visible(timeout=SOON_MS)
    await other.goto(page.url)
    await other.get_by_text("Reject…").click()
    await other.get_by_label("Why not").first.fill("it is not needed")
    await other.get_by_role("button", name="Reject with your passkey…").click()
    await expect(other.locator(".move-state")).to_contain_text("rejected", timeout=SOON_MS)

    before, worker = await ledger(world), await asyncio.to_thread(stack.pid, "moves")
    forged = await asyncio.to_thread(intruder.forge, name_in(page))
    await until(lambda: intruder.unread() == 0, "every forged task taken")
    assert await ledger(world) == before
    await asyncio.to_thread(intruder.execute, WORK, forged)
    await until(lambda: bool(intruder.events(forged, MoveRefused)), "the forged work refused")
    (refused,) = intruder.events(forged, MoveRefused)
    assert "the challenge" in refused.said
    assert await asyncio.to_thread(stack.pid, "moves") == worker
    assert await ledger(world) == before
