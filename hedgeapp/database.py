"""The database for loops: raw connections, and threads in which Django's blocking work is done.

psycopg connects as Django does, for loops that hold a connection of their own.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from django.db import connections
from psycopg.conninfo import make_conninfo

# A connection that rested for longer goes back into the pool and is checked before it is used; loops pause for less.
KEPT_S: Final = 5.0

T = TypeVar("T")

_NAMES = ("host", "port", "user", "password", "dbname")


def conninfo(alias: str = "default") -> str:
    """Return the connection string of a Django database alias."""
    parameters = connections[alias].get_connection_params()
    return make_conninfo(**{name: parameters[name] for name in _NAMES if parameters.get(name)})


class DatabaseThreads:
    """Threads of one loop, each with a connection that it keeps while it is busy; the one that rested least goes first.

    Taking a connection from the pool for each step would cost a round trip each time.
    """

    def __init__(self, name: str, count: int = 1) -> None:
        self._all = [_Thread(f"db:{name}") for _ in range(count)]
        self._resting = list(self._all)
        self._turn = asyncio.Semaphore(count)

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run blocking work in a thread that has nothing else to do."""
        async with self._turn:
            thread = self._resting.pop()
            try:
                return await thread.run(lambda: work(*args, **kwargs))
            finally:
                self._resting.append(thread)

    def close(self) -> None:
        """Give the connections back once the work that runs is done; wait for nothing."""
        for thread in self._all:
            thread.close()


class _Thread:
    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._used_at = 0.0

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._with_connection, work)

    def close(self) -> None:
        self._executor.submit(connections.close_all)
        self._executor.shutdown(wait=False)

    def _with_connection(self, work: Callable[[], T]) -> T:
        if time.monotonic() - self._used_at > KEPT_S:
            connections.close_all()
        try:
            return work()
        except BaseException:
            connections.close_all()
            raise
        finally:
            self._used_at = time.monotonic()
