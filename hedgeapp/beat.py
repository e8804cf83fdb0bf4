"""Beat: the fleet's one clock for periodic tasks."""

import asyncio

from celery.beat import Scheduler

from hedgeapp.celery import app
from hedgeapp.services import Lease

PAUSE_S_MAX = 1.0  # the schedule is looked at no less often


async def run(lease: Lease) -> None:
    """Send due tasks for as long as the lease lasts; a broker that is away is tried again at the next tick."""
    scheduler = await asyncio.to_thread(Scheduler, app)
    while True:
        pause_s = await asyncio.to_thread(scheduler.tick)
        await asyncio.sleep(min(pause_s, PAUSE_S_MAX))
