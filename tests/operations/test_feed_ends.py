"""A feed that begins anew ends what it was doing, whoever swallows a cancel."""

import asyncio

from marketdata.feeds.binance.service import _end


async def test_a_task_that_swallows_a_cancel_is_cancelled_again() -> None:
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    async def failing() -> None:
        raise ConnectionError("lost")

    tasks = {asyncio.create_task(deaf()), asyncio.create_task(failing())}
    await asyncio.sleep(0)
    await _end(tasks)
    assert swallowed == 3
    assert all(task.done() for task in tasks)
