"""Break-glass in real browsers: two people sign it with their keys on the page of a move, two others review it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from playwright.async_api import Browser, expect

from hedgeapp.core.events.approvals import PolicyRule
from portfolio.models import Work
from portfolio.operations.moves.proposals import propose_move
from tests.browser.conftest import ONE_LOOP, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.browser.test_keys import PHONE, THUMB_PX_MIN
from tests.browser.test_moves_page import People, shot
from tests.browser.test_orders_page import OVERLAPPING
from tests.builders.blotters import projected
from tests.builders.keyholders import now
from tests.builders.move_desk import history, ticket

pytestmark = ONE_LOOP

NEVER = PolicyRule(name="never", outcome="refuse")
REASON = "the venue stops withdrawals at noon"


@pytest.fixture(autouse=True)
async def _log(web: Web, settings: Any) -> None:
    settings.PASSKEY_ORIGIN = web.url

    def begin() -> None:
        Work.objects.all().delete()
        history(NEVER, is_seeded=True)
        projected()

    await database_sync_to_async(begin)()


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser, web: Web) -> AsyncIterator[People]:
    came = People(browser, web)
    yield came
    await came.leave()


def _proposed() -> str:
    name = propose_move(ticket("100", kind="undelegate"), by=User.objects.get(username="ann"), at=now()).move_id
    projected()
    return f"/moves/{name}/"


proposed = database_sync_to_async(_proposed)


async def test_two_people_break_it_and_two_others_are_asked_to_review_it(people: People) -> None:
    ann = await people.come("ann", "trader")
    bob = await people.come("bob", "approver", has_key=True)
    cay = await people.come("cay", "risk", has_key=True, color_scheme="light", viewport=PHONE)
    dan = await people.come("dan", "approver")
    path = await proposed()
    await ann.page.goto(f"{ann.url}{path}")
    await expect(ann.page.get_by_text("Bring it home without its quorum…")).to_have_count(0)
    await cay.page.goto(f"{cay.url}{path}")
    await bob.page.goto(f"{bob.url}{path}")
    await shot(bob.page, "glass-whole")
    await expect(bob.page.locator("#move-effects .empty")).to_have_count(0)
    await bob.page.get_by_text("Bring it home without its quorum…").click()
    await bob.page.get_by_label("Why it cannot wait").fill(REASON)
    await shot(bob.page, "glass-reason")
    await bob.page.get_by_role("button", name="Next: what you sign…").click()
    await expect(bob.page.get_by_text(f"You sign: break-glass, because {REASON}")).to_be_visible()
    await shot(bob.page, "glass-signing")
    await bob.page.get_by_label("Type the amount in").fill("100")
    await bob.page.get_by_role("button", name="Break the glass with your passkey…").click()
    await expect(bob.page.get_by_text("You signed the break-glass.")).to_be_visible()
    await shot(bob.page, "glass-half")

    await expect(cay.page.locator("#move-glass")).to_contain_text("1 of 2 signed")
    await expect(cay.page.get_by_text(f"You sign: break-glass, because {REASON}")).to_be_visible()
    await shot(cay.page, "glass-phone")
    assert await cay.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert await cay.page.evaluate(OVERLAPPING) == []
    button = cay.page.get_by_role("button", name="Break the glass with your passkey…")
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= THUMB_PX_MIN
    await cay.page.get_by_label("Type the amount in").fill("100")
    await button.click()
    await expect(cay.page.get_by_text("The glass is broken: it is on its way home.")).to_be_visible()
    await expect(bob.page.locator("#move-glass")).to_contain_text("Brought home by bob and cay without its quorum")
    await shot(bob.page, "glass-broken")
    assert await database_sync_to_async(Work.objects.filter(kind="move").count)() == 1

    for one, said in ((dan, "by nobody yet"), (bob, "You signed the break-glass: two others review it.")):
        await one.page.goto(f"{one.url}/moves/")
        await one.page.get_by_role("link", name="Review…").click()
        await expect(one.page.locator("main")).to_contain_text(REASON)
        await expect(one.page.locator("main")).to_contain_text(said)
        assert await one.page.evaluate("document.documentElement.scrollWidth") <= 1280
        await shot(one.page, f"glass-review-{len(said)}")
    assert await people.wrong() == []


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_what_is_said_of_it_can_be_read_and_named(people: People, theme: str) -> None:
    bob = await people.come("bob", "approver", has_key=True, color_scheme=theme, reduced_motion="reduce")
    await people.come("ann", "trader")
    await bob.page.goto(f"{bob.url}{await proposed()}")
    await bob.page.get_by_text("Bring it home without its quorum…").click()
    await bob.page.get_by_label("Why it cannot wait").fill(REASON)
    for _ in range(2):
        for audit in (CONTRAST, NAMELESS, TWICE):
            assert await bob.page.evaluate(audit) == []
        if await (step := bob.page.get_by_role("button", name="Next: what you sign…")).count():
            await step.click()
            await expect(bob.page.get_by_text("You sign:")).to_be_visible()
