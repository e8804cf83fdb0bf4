"""What begins anew ends what it was doing, whoever swallows a cancel."""

import asyncio
import contextlib

import pytest

from hedgeapp.ending import end, together


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


async def test_who_is_canceled_while_it_ends_others_ends_them_before_it_says_so() -> None:
    asked = 0

    async def deaf() -> None:
        nonlocal asked
        while asked < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                asked += 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    ending = asyncio.create_task(end([task]))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert task.done()


async def test_loops_that_run_together_end_with_the_first_that_fails_and_say_what_it_said() -> None:
    ended = asyncio.Event()

    async def failing() -> None:
        raise ConnectionError("lost")

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(ConnectionError, match="lost"):
        await together(endless(), failing())
    assert ended.is_set()


async def test_loops_that_run_together_end_although_one_swallows_its_first_cancel() -> None:
    swallowed = asyncio.Event()

    async def deaf_once() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        swallowed.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(together(deaf_once(), asyncio.sleep(60)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert swallowed.is_set()
