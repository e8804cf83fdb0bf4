"""The gate in a real browser: a policy is typed, moved about and signed by two people with authenticators."""

from channels.db import database_sync_to_async
from django.contrib.auth.models import Group, User
from playwright.async_api import Browser, Page, ViewportSize, expect

from hedgeapp.access.roles import grant_roles
from tests.browser.conftest import NAME, ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.browser.test_keys import PHONE, bobs_page, enroll, person, shot
from tests.builders.books import reference
from tests.builders.desks import written
from tests.builders.keyholders import now
from tests.builders.moves import ALL_CAP, DESTINATIONS, STETH_CAP, agreed, gate_change

pytestmark = ONE_LOOP

GATE = "/gate/"
DESK: ViewportSize = {"width": 1280, "height": 720}


def ready() -> None:
    """Let the desk's person change the gate; caps and destinations stand, though nobody signed them."""
    grant_roles()
    User.objects.get(username=NAME).groups.set(Group.objects.filter(name__in=("risk", "admin")))
    changes = (
        gate_change("caps", caps=(ALL_CAP, STETH_CAP)),
        gate_change("destinations", destinations=DESTINATIONS),
    )
    written(*reference(), *(event for change in changes for event in (change, agreed(change))), at=now())


async def line(page: Page, number: int, **typed: str) -> None:
    for name, text in typed.items():
        await page.locator(f"[name=line-{number}-{name}]").fill(text)


async def looked_at(page: Page, name: str) -> None:
    """Keep pictures, and hold what every page holds: names, contrast, no two ids alike, nothing wider than a phone."""
    await shot(page, name)
    assert await page.evaluate(NAMELESS) == []
    assert await page.evaluate(TWICE) == []
    assert await page.evaluate(CONTRAST) == []
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await shot(page, f"{name}-phone")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.set_viewport_size(DESK)


async def test_two_people_sign_a_policy_that_one_of_them_typed(desk: Watched, browser: Browser, web: Web) -> None:
    await person(desk)
    await database_sync_to_async(ready)()
    bob = await bobs_page(browser, web)
    await enroll(bob.page, "blue key")
    await expect(bob.page.get_by_text("blue key is enrolled and waits")).to_be_visible()
    await desk.page.goto(f"{desk.url}/login/keys/")
    await desk.page.get_by_role("button", name="Confirm blue key of bob").click()
    await expect(desk.page.get_by_text("You signed for blue key of bob")).to_be_visible()

    await desk.page.goto(f"{desk.url}{GATE}")
    await looked_at(desk.page, "gate-empty")
    await desk.page.goto(f"{desk.url}{GATE}edit/policy/")
    add = desk.page.get_by_role("button", name="Add a line")
    await add.click()
    await line(desk.page, 0, name="any other", quotas="1 of approver")
    await add.click()
    await line(desk.page, 1, name="small", quotas="1 of approver", assets="stETH, ETH", amount_usd_max="1,000,000")
    await desk.page.locator("[name=line-1-kinds][value=delegate]").check()
    await desk.page.get_by_role("button", name="Move no. 2 up").click()
    await expect(desk.page.locator("[name=line-0-name]")).to_have_value("small")
    await desk.page.get_by_label("Reason").fill("the first policy")
    await looked_at(desk.page, "gate-edit")
    await desk.page.get_by_label("Reason").press("Enter")
    await expect(desk.page.get_by_role("heading", name="Propose version 1 of the policy")).to_be_visible()
    await looked_at(desk.page, "gate-preview")
    await desk.page.get_by_role("button", name="Propose, with a passkey…").click()
    await expect(desk.page.get_by_text("You proposed it. Another person must agree")).to_be_visible()
    await looked_at(desk.page, "gate-proposed")

    await bob.page.goto(desk.page.url)
    await looked_at(bob.page, "gate-agree")
    await bob.page.get_by_role("button", name="Agree, with a passkey…").click()
    await expect(bob.page.get_by_text("You agreed. It holds from")).to_be_visible()
    await expect(bob.page.get_by_text("both signed")).to_be_visible()
    await looked_at(bob.page, "gate-holds")
    assert [(await one.refused(), one.errors) for one in (desk, bob)] == [([], []), ([], [])]
    await bob.page.context.close()


async def test_the_pages_of_people_and_sources_fit(desk: Watched) -> None:
    await person(desk)
    await database_sync_to_async(ready)()
    for path, name in (("/login/people/", "people"), ("/login/people/change", "person-form"), ("/sources/", "sources")):
        await desk.page.goto(f"{desk.url}{path}")
        await looked_at(desk.page, name)
    await desk.page.goto(f"{desk.url}/login/people/change")
    await desk.page.get_by_label("Name").fill("tom")
    await desk.page.get_by_label("trader").check()
    await desk.page.get_by_label("Reason").fill("joins the desk")
    await desk.page.get_by_role("button", name="Look at what changes…").click()
    await expect(desk.page.get_by_role("heading", name="Let tom in")).to_be_visible()
    await looked_at(desk.page, "person-look")
    await desk.page.get_by_role("button", name="Propose, with a passkey…").click()
    await expect(desk.page.get_by_text("Another person must agree to the change of tom")).to_be_visible()
    await looked_at(desk.page, "people-waiting")
    assert (await desk.refused(), desk.errors) == ([], [])
