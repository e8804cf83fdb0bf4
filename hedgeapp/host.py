"""The bootsteps that give Celery workers loops of their own: a host for services, a desk for orders.

A loop is no task: a long task on this broker is delivered again and blocks the shutdown (docs/decisions). It runs in a
daemon thread beside the worker's pool.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, ClassVar, Final

import structlog
import uvloop
from celery import bootsteps

from hedgeapp.database import conninfo
from hedgeapp.environment import Environment
from hedgeapp.importing import imported_gently
from hedgeapp.services import STOP_S, Host

RUN_DESK: Final = {
    "orders": "portfolio.tasks.orders_desk.run_kept",
    "urgent": "portfolio.tasks.orders_desk.run_kept",
    "moves": "portfolio.tasks.moves_desk.run_kept",
}

log = structlog.get_logger()


class LoopBesideWorker(bootsteps.StartStopStep):
    """Run a coroutine when the pool runs, cancel it before the worker ends."""

    requires = ("celery.worker.components:Pool",)
    thread_name: ClassVar[str] = ""
    stop_s: ClassVar[float] = 2 * STOP_S  # how long it may take to end

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self.enabled = self.is_wanted()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def is_wanted(self) -> bool:
        """Tell whether the environment wants this loop in this worker."""
        raise NotImplementedError

    def main(self) -> Coroutine[Any, Any, None]:
        """Return what runs until it is canceled."""
        raise NotImplementedError

    def include_if(self, worker: Any) -> bool:
        """Run only where it is wanted."""
        return self.enabled

    def start(self, worker: Any) -> None:
        """Run the loop in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name=self.thread_name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self._loop = runner.get_loop()
            try:
                runner.run(self._main())
            except asyncio.CancelledError:
                log.info(f"{self.thread_name}.stopped")
                return
            except BaseException:
                log.exception(f"{self.thread_name}.failed")
        # A worker without its loop looks alive and does nothing: the supervisor starts another.
        os._exit(70)

    async def _main(self) -> None:
        self._task = asyncio.current_task()
        await self.main()

    def stop(self, worker: Any) -> None:
        """Cancel the loop and wait for it to end."""
        if self._loop and self._task and self._thread:
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(self.stop_s)

    def terminate(self, worker: Any) -> None:
        """End the loop when the worker is told to end at once."""
        self.stop(worker)


class ServiceHost(LoopBesideWorker):
    """Host services; those that the environment names are preferred."""

    thread_name = "services"

    def is_wanted(self) -> bool:
        """Host services only where the environment names some."""
        # The process's own, not the settings': a fork may have been imported for another worker.
        self.preferred = tuple(pattern for pattern in Environment().hedgeapp_services.split(",") if pattern)
        return bool(self.preferred)

    def main(self) -> Coroutine[Any, Any, None]:
        """Host until canceled."""
        return Host(conninfo(), self.preferred).run()


class DeskHost(LoopBesideWorker):
    """Carry the work of one queue; imported only where it runs, because the gateways load ccxt."""

    thread_name = "desk"
    stop_s = 7.5  # what is carried may end; the supervisor waits a little longer

    def is_wanted(self) -> bool:
        """Carry work only where the environment names a queue."""
        self.queue = Environment().hedgeapp_desk
        return bool(self.queue)

    async def main(self) -> None:
        """Carry until canceled."""
        run = await imported_gently(RUN_DESK[self.queue])
        await run(self.queue)
