"""Alerts as a desk sees them: they come by themselves, are taken by one press, and keep the rules of every page."""

from datetime import UTC, datetime

import pytest
from channels.db import database_sync_to_async
from playwright.async_api import expect

from tests.browser.conftest import ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TOO_WIDE, TWICE
from tests.builders.alerts import opened
from tests.builders.books import reference
from tests.builders.desks import written

pytestmark = ONE_LOOP


@pytest.fixture(autouse=True)
def _log(web: Web) -> None:
    written(*reference(), opened(at=datetime.now(UTC)))


async def sound(desk: Watched) -> None:
    """Check what every page must keep."""
    for failed in (CONTRAST, NAMELESS, TWICE, TOO_WIDE):
        assert await desk.page.evaluate(failed) == []
    assert (await desk.refused(), desk.errors) == ([], [])


@pytest.mark.parametrize("width", [1280, 390])
async def test_an_alert_comes_by_itself_and_is_taken_by_one_press(desk: Watched, width: int) -> None:
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await desk.log_in("/alerts/")
    await expect(desk.page.get_by_text("1 waits for somebody")).to_be_visible()
    critical = opened("d-1", at=datetime.now(UTC), rule="net_delta", subject="ETH", severity="critical", evidence="/")
    await database_sync_to_async(written)(critical)
    await expect(desk.page.get_by_text("2 wait for somebody")).to_be_visible()
    await sound(desk)
    await desk.page.get_by_role("button", name="Acknowledge net_delta ETH").click()
    await expect(desk.page.get_by_text("Taken by desk")).to_be_visible()
    await expect(desk.page.get_by_text("1 waits for somebody")).to_be_visible()
    await desk.page.get_by_role("button", name="Snooze feed feed:x for 30 min").click()
    await expect(desk.page.get_by_text("Quiet until")).to_be_visible()
    await sound(desk)
