"""The past, the badge and the audit as a desk sees them: by keyboard, in both themes, on a phone."""

from datetime import UTC, datetime, timedelta

import pytest
from channels.db import database_sync_to_async
from django.utils import timezone
from playwright.async_api import BrowserContext, expect

from hedgeapp.core.events.halts import HaltDeclared
from hedgeapp.eventlog.models import Epoch
from tests.browser.conftest import ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TOO_WIDE, TWICE
from tests.builders.alerts import opened
from tests.builders.blotters import began, projected, told
from tests.builders.door import DOOR
from tests.builders.orders import AT

pytestmark = ONE_LOOP

# Browser notifications, without a desktop to show them: what was said is kept for the test.
NOTES = """
window.notes = [];
window.Notification = class {
  static permission = "default";
  static requestPermission() { Notification.permission = "granted"; return Promise.resolve("granted"); }
  constructor(title, options) { notes.push(`${title}: ${options.body}`); }
};
"""


@pytest.fixture(autouse=True)
def _log(web: Web) -> None:
    """Write a day at the desk."""
    began()
    told(
        HaltDeclared(at=AT, halt_id="h-1", scope="*", by="ann", reason="odd"),
        opened(at=AT),
        *DOOR,
        at=AT + timedelta(hours=1),
    )
    projected()
    now = timezone.now()
    Epoch.objects.create(
        service="engine", lock_id=1, epoch=1, holder="here/1", backend_pid=1, heartbeat_at=now, wanted_at=now
    )


async def sound(desk: Watched) -> None:
    """Check what every page must keep."""
    for failed in (CONTRAST, NAMELESS, TWICE, TOO_WIDE):
        assert await desk.page.evaluate(failed) == []
    assert (await desk.refused(), desk.errors) == ([], [])


async def test_a_moment_is_picked_by_keyboard_and_left_again(desk: Watched) -> None:
    await desk.log_in("/alerts/")
    await desk.page.keyboard.press("@")
    await desk.page.keyboard.type("2026-03-01T13:30:00")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_text("Nothing here moves, and nothing can be done here")).to_be_visible()
    assert await desk.page.evaluate("document.title.startsWith('(1) Alerts')")
    await sound(desk)
    await desk.page.get_by_role("link", name="Overview").click()
    await expect(desk.page.get_by_text("As of event")).to_be_visible()
    await desk.page.get_by_role("link", name="Back to live").click()
    await expect(desk.page.get_by_text("As of event")).to_have_count(0)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/prices/", "/halt/", "/data/", "/events/", "/alerts/", "/gate/"])
async def test_a_page_of_the_past_keeps_what_every_page_keeps(desk: Watched, path: str, width: int, theme: str) -> None:
    await desk.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await desk.log_in(f"{path}?at=2026-03-01T13:30:00Z")
    await expect(desk.page.get_by_text("As of event")).to_be_visible()
    await desk.page.locator("#moment summary").click()
    await sound(desk)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/audit/", "/data/"])
async def test_audit_and_data_keep_what_every_page_keeps(desk: Watched, path: str, width: int, theme: str) -> None:
    await desk.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await desk.log_in(path)
    await expect(desk.page.get_by_role("heading", level=1)).to_be_visible()
    await sound(desk)


async def test_whoever_asked_for_it_is_called_by_the_browser(context: BrowserContext, desk: Watched) -> None:
    await context.add_init_script(NOTES)
    await desk.log_in("/orders/")
    badge = desk.page.locator(".alert-badge")
    await expect(badge).to_contain_text("1 warning")
    await database_sync_to_async(told)(opened("d-1", subject="y", severity="critical"), at=datetime.now(UTC))
    await expect(badge).to_contain_text("1 critical")
    assert await desk.page.evaluate("notes") == []
    await desk.page.locator("summary[aria-label^='Menu of']").click()
    await desk.page.get_by_role("button", name="Browser notifications off").click()
    await expect(desk.page.get_by_role("button", name="Browser notifications on")).to_be_visible()
    await database_sync_to_async(told)(opened("d-2", subject="z", severity="critical"), at=datetime.now(UTC))
    await expect(badge).to_contain_text("2 critical")
    assert await desk.page.evaluate("notes") == ["critical alert: feed z: feed:x live expected, found stale"]
