"""The bootstep that gives each Celery worker a host for services.

A service is no task: a long task on this broker is delivered again and blocks the shutdown (docs/decisions). The host
runs in a daemon thread with an event loop of its own, beside the worker's pool.
"""

import asyncio
import threading
from typing import Any

import structlog
import uvloop
from celery import bootsteps
from django.conf import settings

from hedgeapp.database import conninfo
from hedgeapp.services import STOP_S, Host

log = structlog.get_logger()


class ServiceHost(bootsteps.StartStopStep):
    """Start the host when the pool runs, end its services before the worker ends."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        patterns = settings.ENVIRONMENT.hedgeapp_services
        self.preferred = tuple(pattern for pattern in patterns.split(",") if pattern)
        self.enabled = bool(self.preferred)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def include_if(self, worker: Any) -> bool:
        """Host services only where the environment names some."""
        return self.enabled

    def start(self, worker: Any) -> None:
        """Run the host in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="services", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self._loop = runner.get_loop()
            try:
                runner.run(self._host())
            except asyncio.CancelledError:
                log.info("services.stopped")

    async def _host(self) -> None:
        self._task = asyncio.current_task()
        await Host(conninfo(), self.preferred).run()

    def stop(self, worker: Any) -> None:
        """Cancel the host and wait for its services to end."""
        if self._loop and self._task and self._thread:
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(2 * STOP_S)

    def terminate(self, worker: Any) -> None:
        """End the services when the worker is told to end at once."""
        self.stop(worker)
