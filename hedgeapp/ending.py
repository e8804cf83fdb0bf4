"""Ending: cancel tasks until they have ended, whoever swallows a cancel."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

CANCEL_EVERY_S: Final = 0.7  # long enough to clean up


async def end(tasks: Iterable[asyncio.Task[Any]], *, within_s: float = float("inf")) -> set[asyncio.Task[Any]]:
    """Cancel tasks again and again until all have ended; return those that have not within the time.

    Once is not enough: a client that is just closing a connection, or whose time is up at that moment, may swallow it.
    What they raise is looked at here and told nowhere.
    """
    clock = asyncio.get_running_loop().time
    until, pending = clock() + within_s, set(tasks)
    while pending and clock() < until:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=min(CANCEL_EVERY_S, max(0.0, until - clock())))
        for task in done:
            if not task.cancelled():
                task.exception()
    return pending
