"""Passkeys in a real browser, with authenticators in software: enroll, confirm each other's, sign a payload."""

import os
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group, User
from django.db import transaction
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, expect

from hedgeapp.access.models import Assertion, Passkey
from hedgeapp.access.passkeys import confirm_at_console
from hedgeapp.access.roles import grant_roles
from hedgeapp.access.signing import keyring, sign, signer_again
from hedgeapp.core.passkeys import text_of
from tests.browser.conftest import NAME, ONE_LOOP, PASSWORD, WATCH, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TWICE
from tests.builders.keyholders import now
from tests.builders.passwords import QuickArgon2

pytestmark = ONE_LOOP

KEYS = "/login/keys/"
PAYLOAD = bytes(range(32))
PHONE = {"width": 390, "height": 844}
THUMB_PX_MIN = 44  # height of a target that a thumb hits
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def shot(page: Page, name: str) -> None:
    """Keep a picture, if somebody wants to look."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


class Plugged:
    """An authenticator in a page's browser."""

    def __init__(self, session: CDPSession, name: str) -> None:
        self._session, self._name = session, name

    async def pull(self) -> None:
        """Take it away."""
        await self._session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._name})


async def plug_in(page: Page, **changed: Any) -> Plugged:
    """Give a page's browser an authenticator."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **changed}})
    return Plugged(session, added["authenticatorId"])


async def enroll(page: Page, name: str) -> None:
    await page.get_by_label("Name of the key").fill(name)
    await page.get_by_role("button", name="Enroll a passkey…").click()


def confirm_first() -> None:
    """Do what the console does with the only key that waits."""
    confirm_at_console(Passkey.objects.get(confirmed_at=None).pk, at=now(), using="default")


def colleague() -> None:
    grant_roles()
    bob = User.objects.create(username="bob", password=QuickArgon2().encode(PASSWORD, "a salt for tests"))
    bob.groups.set(Group.objects.filter(name="approver"))


async def person(desk: Watched) -> None:
    """Let the desk's person have a key in force."""
    await desk.log_in()
    await plug_in(desk.page)
    await desk.page.goto(f"{desk.url}{KEYS}")
    await enroll(desk.page, "laptop")
    await expect(desk.page.get_by_text("laptop is enrolled and waits")).to_be_visible()
    await database_sync_to_async(confirm_first)()
    await desk.page.goto(f"{desk.url}{KEYS}")
    await expect(desk.page.get_by_text("in force").first).to_be_visible()


async def bobs_page(browser: Browser, web: Web) -> Watched:
    """Return the page of a colleague, in a browser of his own."""
    await database_sync_to_async(colleague)()
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    await context.add_init_script(WATCH)
    bob = Watched(await context.new_page(), web.url)
    await bob.log_in_by_form("bob", KEYS)
    await plug_in(bob.page)
    return bob


async def test_two_people_confirm_each_other(desk: Watched, browser: Browser, web: Web) -> None:
    await person(desk)
    bob = await bobs_page(browser, web)
    await enroll(bob.page, "blue key")
    await expect(bob.page.get_by_text("blue key is enrolled and waits")).to_be_visible()
    shown = await bob.page.locator("tbody td[data-label=fingerprint]").first.inner_text()
    await shot(bob.page, "keys-waiting-light")
    await desk.page.reload()
    await expect(desk.page.get_by_role("row", name="blue key").first).to_contain_text(shown.strip())
    await shot(desk.page, "keys-confirm")
    await desk.page.get_by_role("button", name="Confirm blue key of bob").click()
    await expect(desk.page.get_by_text("You signed for blue key of bob")).to_be_visible()
    await bob.page.reload()
    await expect(bob.page.get_by_text("in force").first).to_be_visible()
    assert [(await one.refused(), one.errors) for one in (desk, bob)] == [([], []), ([], [])]
    await bob.page.context.close()


async def test_a_further_key_takes_the_older_one_first(desk: Watched) -> None:
    await person(desk)
    spare = await plug_in(desk.page, transport="usb")
    await enroll(desk.page, "spare")
    await expect(desk.page.get_by_text("waits for an older key")).to_be_visible()
    await shot(desk.page, "keys-spare")
    await spare.pull()  # of two that are plugged in, the one without a key would answer first
    await desk.page.get_by_role("button", name="Sign with an older key…").click()
    await expect(desk.page.get_by_text("spare waits for another person now.")).to_be_visible()


async def test_a_page_has_a_payload_signed_and_another_process_believes_it(
    desk: Watched, web: Web, settings: Any
) -> None:
    await person(desk)
    assertion = await desk.page.evaluate(
        "async (hash) => (await import(document.querySelector('script[src*=passkeys]').src)).assertFor(hash)",
        text_of(PAYLOAD),
    )
    settings.PASSKEY_ORIGIN = web.url

    def keep() -> int:
        with transaction.atomic():
            sign(User.objects.get(username=NAME), PAYLOAD, assertion, at=now())
        return signer_again(Assertion.objects.get(), PAYLOAD, ring=keyring())

    signer = await database_sync_to_async(keep)()
    assert signer == (await database_sync_to_async(User.objects.get)(username=NAME)).pk


async def test_a_device_that_does_not_know_its_person_signs_nothing(desk: Watched) -> None:
    await desk.log_in()
    await plug_in(desk.page, isUserVerified=False)
    await desk.page.goto(f"{desk.url}{KEYS}")
    await enroll(desk.page, "laptop")
    await expect(desk.page.get_by_role("alert")).to_contain_text("Nothing was signed")
    assert not await database_sync_to_async(Passkey.objects.exists)()
    await expect(desk.page.get_by_role("button", name="Enroll a passkey…")).to_be_enabled()


async def test_a_device_that_has_a_key_makes_no_second_one(desk: Watched) -> None:
    await person(desk)
    await enroll(desk.page, "again")
    await expect(desk.page.get_by_role("alert")).to_contain_text("This device has a key of yours already")


async def test_a_page_at_another_address_says_where_passkeys_work(desk: Watched) -> None:
    await desk.log_in()
    other = desk.url.replace("localhost", "127.0.0.1")
    cookies = await desk.page.context.cookies()
    await desk.page.context.add_cookies([{"name": c["name"], "value": c["value"], "url": other} for c in cookies])
    await desk.page.goto(f"{other}{KEYS}")
    await enroll(desk.page, "laptop")
    await expect(desk.page.get_by_role("alert")).to_contain_text(f"Passkeys work at {desk.url} only")


async def test_a_key_is_revoked_by_its_owner_on_a_phone(desk: Watched) -> None:
    await desk.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await person(desk)
    await shot(desk.page, "keys-phone")
    await desk.page.get_by_label("Revoke laptop").click()
    await desk.page.get_by_label("Why").fill("lost")
    button = desk.page.get_by_role("button", name="Revoke", exact=True)
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= THUMB_PX_MIN
    await shot(desk.page, "keys-phone-revoking")
    await button.click()
    await expect(desk.page.get_by_text("is revoked and signs no more")).to_be_visible()
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_what_the_page_of_keys_says_can_be_read_and_named(
    desk: Watched, context: BrowserContext, theme: str
) -> None:
    await desk.page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    await person(desk)
    await desk.page.get_by_role("button", name="Set up codes anew…").click()
    await expect(desk.page.locator("#codes-uri")).to_contain_text("otpauth://totp/")
    await shot(desk.page, f"keys-{theme}")
    for audit in (CONTRAST, NAMELESS, TWICE):
        assert await desk.page.evaluate(audit) == []
    assert await desk.page.locator("h1").count() == 1
