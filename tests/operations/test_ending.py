"""What begins anew ends what it was doing, whoever swallows a cancel."""

import asyncio
import contextlib

from hedgeapp.ending import end


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
    assert await end(tasks) == set()
    assert swallowed == 3
    assert all(task.done() for task in tasks)


async def test_a_task_that_never_ends_is_named_when_the_time_is_up() -> None:
    let_go = asyncio.Event()

    async def deaf() -> None:
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    assert await end([task], within_s=0.05) == {task}
    let_go.set()
    await task
