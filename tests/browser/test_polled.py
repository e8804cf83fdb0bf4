"""A part that asks for itself says that it gets no answer when it gets none, and only then."""

from playwright.async_api import expect

from tests.browser.conftest import ONE_LOOP, Watched

pytestmark = ONE_LOOP

PART = "#channels"
STEP_MS = 4_000  # of the page's clock, which the test drives: the part asks each 2 s and is lost after 8 s
KEPT = "data-kept"


async def test_a_part_that_each_answer_replaces_has_been_heard(desk: Watched) -> None:
    await desk.page.clock.install()
    await desk.log_in("/data/")
    says = desk.page.locator("[data-polled-says=channels]")
    for _ in range(4):
        await desk.page.locator(PART).evaluate("(part, name) => part.setAttribute(name, '')", KEPT)
        await desk.page.clock.run_for(STEP_MS)
        await expect(desk.page.locator(f"{PART}:not([{KEPT}])")).to_be_attached()
    await desk.page.clock.run_for(1_000)
    await expect(says).to_be_hidden()
    await desk.page.route("**/data/channels", lambda route: route.abort())
    await desk.page.clock.run_for(3 * STEP_MS)
    await expect(says).to_contain_text("No answer for")
