"""Ending: run loops together and cancel them until they have ended, whoever swallows a cancel."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final

CANCEL_EVERY_S: Final = 0.7  # long enough to clean up


async def end(tasks: Iterable[asyncio.Task[Any]], *, within_s: float = float("inf")) -> set[asyncio.Task[Any]]:
    """Cancel tasks again and again until all have ended; return those that have not within the time.

    Once is not enough: a client that is just closing a connection, or whose time is up at that moment, may swallow it.
    What they raise is looked at here and told nowhere. Being canceled here ends nothing early: it is raised afterwards.
    """
    clock = asyncio.get_running_loop().time
    until, pending, canceled = clock() + within_s, set(tasks), False
    while pending and clock() < until:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=min(CANCEL_EVERY_S, max(0.0, until - clock())))
        except asyncio.CancelledError:
            canceled = True
        pending = {task for task in pending if not _has_ended(task)}
    if canceled:
        raise asyncio.CancelledError
    return pending


async def together(*loops: Coroutine[Any, Any, None]) -> None:
    """Run loops until all have ended or one fails; raise what that one raised, once all have ended.

    A task group would wait forever for a task that swallowed its one cancel, and wraps what was raised.
    """
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await end(tasks)
    for task in done:
        task.result()


def _has_ended(task: asyncio.Task[Any]) -> bool:
    if task.done() and not task.cancelled():
        task.exception()
    return task.done()
