"""An instrument as a desk sees it: its charts with data, with none and stale, at its size and on a phone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
import redis
from channels.db import database_sync_to_async
from django.conf import settings
from playwright.async_api import expect

from hedgeapp.database import conninfo
from marketdata.board import DEPTHS, MARKS
from marketdata.core.board import Depth
from marketdata.models import Instrument, Venue
from tests.browser.conftest import ONE_LOOP, Watched, Web
from tests.browser.test_desk import CONTRAST, NAMELESS, TOO_WIDE, TWICE
from tests.builders.instruments import LINEAR, instrument_rows, recorded_history
from tests.builders.recorded import emptied_records
from tests.builders.spot import PAIR
from tests.web.test_instruments import quoted

pytestmark = ONE_LOOP


@pytest.fixture(autouse=True)
def known(web: Web) -> Iterator[None]:
    """Two instruments, nothing recorded, nothing on the board."""
    instrument_rows(datetime.now(UTC))
    with redis.from_url(settings.REDIS_URL) as store, psycopg.connect(conninfo(), autocommit=True) as owner:
        emptied_records(owner)
        store.delete(MARKS, DEPTHS)
        yield
        emptied_records(owner)
        store.delete(MARKS, DEPTHS)


def record_until(age: timedelta) -> None:
    with psycopg.connect(conninfo(), autocommit=True) as owner:
        recorded_history(owner, datetime.now(UTC) - age)


def paired() -> None:
    """A spot pair at the venue of the linear contract's house, with a book on the board."""
    now = datetime.now(UTC)
    told: dict[str, Any] = {"version": 1, "changed_by": "seed", "changed_at": now}
    url = {"rest_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}
    Venue.objects.create(name=PAIR.venue, protocol=PAIR.venue, **url, **told)
    copied = ("id", "symbol", "venue_symbol", "kind", "expiry", "base", "quote", "settlement", "contract_size")
    row = {name: getattr(PAIR, name) for name in (*copied, "tick_size", "step_size")}
    Instrument.objects.create(venue_id=PAIR.venue, **row, **told)
    bids, asks = ((2999.5, 4.0), (2999.0, 6.0)), ((3000.5, 1.0),)
    depth = Depth(instrument=PAIR.id, bids=bids, asks=asks, at=now, received_at=now)
    with redis.from_url(settings.REDIS_URL) as store:
        store.hset(DEPTHS, PAIR.id, msgspec.json.encode(depth))


async def sound(desk: Watched) -> None:
    """Nothing is refused by the policy, nothing went wrong, nothing is unreadable, nameless or too wide."""
    for look in (CONTRAST, NAMELESS, TOO_WIDE, TWICE):
        assert await desk.page.evaluate(look) == []
    assert (await desk.refused(), desk.errors) == ([], [])


@pytest.mark.parametrize("width", [1280, 390])
async def test_an_instrument_is_found_and_drawn(desk: Watched, width: int) -> None:
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await database_sync_to_async(record_until)(timedelta(0))
    await quoted()
    await desk.log_in("/instruments/?words=linear")
    await sound(desk)
    await desk.page.get_by_role("link", name="ETH-USDT-PERP").click()
    for place in ("marks", "depth", "funding"):
        await expect(desk.page.locator(f"#{place} .main-svg").first).to_be_visible()
    await expect(desk.page.locator("#marks .legend")).to_contain_text("ETH in USD by pyth")
    await expect(desk.page.locator("#charts-say")).to_be_hidden()
    await sound(desk)


@pytest.mark.parametrize("width", [1280, 390])
async def test_without_data_each_chart_says_so(desk: Watched, width: int) -> None:
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await desk.log_in(f"/instruments/{LINEAR}/")
    await expect(desk.page.locator("#marks")).to_contain_text("Nothing was recorded in this time")
    await expect(desk.page.locator("#depth")).to_contain_text("There is no book")
    await expect(desk.page.locator("#funding")).to_contain_text("No funding rate was recorded")
    await sound(desk)


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_pair_is_drawn_without_what_only_contracts_have(desk: Watched, width: int) -> None:
    await desk.page.set_viewport_size({"width": width, "height": 844})
    await database_sync_to_async(paired)()
    await desk.log_in(f"/instruments/{PAIR.id}/")
    await expect(desk.page.locator("#depth .main-svg").first).to_be_visible()
    await expect(desk.page.locator("#marks")).to_contain_text("Nothing was recorded in this time")
    await expect(desk.page.locator("#funding")).to_have_count(0)
    await expect(desk.page.locator("#charts-say")).to_be_hidden()
    await sound(desk)


async def test_an_old_record_is_drawn_as_stale(desk: Watched) -> None:
    await database_sync_to_async(record_until)(timedelta(minutes=5))
    await quoted(60)
    await desk.log_in(f"/instruments/{LINEAR}/")
    await expect(desk.page.locator("#charts-say")).to_contain_text("Stale: the last quote was recorded")
    await expect(desk.page.locator("#depth")).to_have_class("chart stale js-plotly-plot")
    await sound(desk)
