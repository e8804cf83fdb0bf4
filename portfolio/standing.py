"""The standing scenarios: run on the live book each minute, and at once when others stand than before.

What could not be known is looked at again sooner: most of it is an input that is late.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog

from hedgeapp.services import Lease
from portfolio.operations.standing import keep_runs
from portfolio.queries.books import BookIsBusy
from portfolio.queries.standing import runs_at, standing_marks

EVERY_S: Final = 60.0
AGAIN_S: Final = 10.0  # when something was not known
LOOK_S: Final = 2.0  # whether others stand

log = structlog.get_logger()


async def run(lease: Lease) -> None:
    """Run them for as long as the lease lasts."""
    clock = asyncio.get_running_loop().time
    marks, due = None, clock()
    while True:
        try:
            found = await lease.in_database(standing_marks)
            if found != marks or clock() >= due:
                is_known = await lease.in_database(_once)
                marks, due = found, clock() + (EVERY_S if is_known else AGAIN_S)
        except BookIsBusy as busy:
            log.warning("standing.could_not_look", error=str(busy))
        await asyncio.sleep(LOOK_S)


def _once() -> bool:
    """Run all, keep what they came to, and tell whether everything was known."""
    at = datetime.now(UTC)
    runs = runs_at(at)
    keep_runs(runs, at)
    for one in runs:
        if one.unknown:
            log.info("standing.not_known", scenario=one.scenario, because=one.unknown)
    return not any(one.unknown for one in runs)
