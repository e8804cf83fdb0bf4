"""Bell: what wakes this process's desk; a task, another thread or the log may ring it."""

import asyncio
from typing import Final

from celery import shared_task

from hedgeapp.wake import TASK


class Bell:
    """An event of a loop that any thread may set; nothing happens while no desk listens."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung: asyncio.Event | None = None

    def hang(self) -> None:
        """Listen in the running loop from now on."""
        self._loop, self._rung = asyncio.get_running_loop(), asyncio.Event()

    def take_down(self) -> None:
        """Stop listening."""
        self._loop = self._rung = None

    def ring(self) -> None:
        """Wake whoever waits, from any thread."""
        loop, rung = self._loop, self._rung
        if loop is not None and rung is not None and not loop.is_closed():
            loop.call_soon_threadsafe(rung.set)

    async def wait(self, for_s: float) -> None:
        """Return when it rings, or after so many seconds; what rang before counts once."""
        assert self._rung is not None
        try:
            async with asyncio.timeout(for_s):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()


BELL: Final = Bell()


@shared_task(name=TASK)
def work() -> None:
    """Wake this worker's desk: there may be something to claim."""
    BELL.ring()
