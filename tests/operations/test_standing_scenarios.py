"""The service of standing scenarios: it runs what stands, at once when others do, and keeps what is latest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from hedgeapp.ending import end
from hedgeapp.services import Lease, Service
from portfolio import standing
from portfolio.core.scenarios.asked import Asked
from portfolio.core.scenarios.standing import StandingRun
from portfolio.operations.scenarios import mark_scenario, save_scenario
from portfolio.operations.standing import keep_runs
from portfolio.queries.standing import last_runs
from portfolio.queries.upkeep import upkeep_now
from tests.builders.books import AT
from tests.builders.desks import history, written

WAIT_S = 60.0
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _desk(log_url: str) -> None:
    written(*history())
    keep_runs((), AT)


def stands(name: str, wanted: Asked) -> None:
    saved = save_scenario(name, wanted, by="ann", reason="each day", at=AT)
    mark_scenario(name, saved_at=saved.at, is_standing=True, by="bob", reason="watch it", at=AT + SECOND)


@asynccontextmanager
async def serving() -> AsyncIterator[Lease]:
    lease = Lease(Service(name="standing", runner="portfolio.standing.run"), 1)
    running = asyncio.create_task(standing.run(lease))
    try:
        yield lease
        assert not running.done(), running.result()
    finally:
        await end([running])
        lease.close()


async def kept(lease: Lease, names: set[str]) -> dict[str, StandingRun]:
    """Wait until the results of these scenarios are kept, and return them."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found = {one.scenario: one for one in await lease.in_database(last_runs)}
            if found.keys() == names:
                return found
            await asyncio.sleep(0.05)


async def test_what_is_marked_while_the_service_runs_has_its_result_without_waiting_for_the_minute() -> None:
    async with serving() as lease:
        await lease.in_database(stands, "Near", Asked(book="live", grid="near"))
        (first,) = (await kept(lease, {"Near"})).values()
        await lease.in_database(stands, "Odd", Asked(book="live", failed=("nowhere",)))
        found = await kept(lease, {"Near", "Odd"})
        assert "found nowhere" in found["Odd"].because
        assert found["Near"].at > first.at
        assert {one.scenario for one in (await lease.in_database(upkeep_now)).standing} == {"Near", "Odd"}


def result(name: str, after: timedelta) -> StandingRun:
    return StandingRun(scenario=name, saved_at=AT, at=AT + after, seq=1, measures=None, because="no price")


def test_what_a_slower_one_brings_late_does_not_take_the_place_of_what_is_newer() -> None:
    newer = result("Near", SECOND)
    assert keep_runs([newer], newer.at)
    assert not keep_runs([result("Near", timedelta(0))], AT)
    assert last_runs() == (newer,)


def test_after_a_clock_was_set_back_its_results_are_kept_all_the_same() -> None:
    ahead = result("Near", timedelta(hours=1))
    keep_runs([ahead], ahead.at)
    now = result("Near", timedelta(0))
    assert keep_runs([now], now.at)
    assert last_runs() == (now,)
