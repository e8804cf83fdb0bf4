"""Services: long-lived loops, each run once in the whole fleet, failing over by itself.

A service is a coroutine function that is given a `Lease`. A `Host` lives in a Celery worker, takes the services that
its worker prefers at once and any other that nobody holds after a grace time, and hands them over again when a worker
that prefers them asks. What makes "once" true is not the lease but its epoch: every takeover raises it, and the event
log refuses an older one.
"""

import asyncio
import contextlib
import fnmatch
import os
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
import structlog
from django.conf import settings
from django.utils.module_loading import import_string

from hedgeapp.core.records import record
from hedgeapp.database import DatabaseThreads
from hedgeapp.ending import end
from hedgeapp.eventlog import epochs
from hedgeapp.eventlog.epochs import EpochIsOver, Fence
from hedgeapp.importing import imported_gently

LOOK_S = 0.5  # how often a host looks for services to take
LOOK_S_MAX = 5.0  # a look that takes longer is given up
HEARTBEAT_S = 1.0  # how often a holder proves that it lives
HEARTBEAT_AGE_MAX = timedelta(seconds=3)  # a holder silent for longer is put out
GRACE_S = 2.5  # how long a service stays with those who prefer it before anybody takes it
STOP_S = 2.0  # how long a service may take to end
BACKOFF_S_MAX = 10.0  # longest pause before a service that failed is run again

T = TypeVar("T")
log = structlog.get_logger()


@record
class Service:
    """A service by name; `runner` is the dotted path of its coroutine function, imported only where it runs."""

    name: str
    runner: str


def declared() -> list[Service]:
    """Return all services that ought to run now, from settings and reference data."""
    fixed = [Service(name=name, runner=runner) for name, runner in settings.SERVICES.items()]
    return fixed + [service for source in settings.SERVICE_SOURCES for service in import_string(source)()]


class Lease:
    """The right to run one service: its epoch, the fence for appends, and a database thread of its own."""

    def __init__(self, service: Service, epoch: int) -> None:
        self.service = service
        self.name = service.name
        self.epoch = epoch
        self.fence = Fence(service=service.name, epoch=epoch)
        self._thread = DatabaseThreads(service.name)

    @property
    def subject(self) -> str:
        """What the service is for: the part of its name after the first colon."""
        return self.name.partition(":")[2]

    async def in_database(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run blocking database work in this service's own thread and connection."""
        return await self._thread.run(work, *args, **kwargs)

    def close(self) -> None:
        self._thread.close()


class Host:
    """Runs services in one worker process: takes, proves, hands over, and lets go."""

    def __init__(self, conninfo: str, preferred: Sequence[str], holder: str = "") -> None:
        self.conninfo = conninfo
        self.preferred = tuple(preferred)
        self.holder = holder or f"{socket.gethostname()}/{os.getpid()}"
        self._running: dict[str, asyncio.Task[None]] = {}
        self._share = 1
        self._free_since: dict[str, float] = {}
        self._looking: psycopg.AsyncConnection[Any] | None = None
        self._thread = DatabaseThreads("host")

    def prefers(self, name: str) -> bool:
        """Tell whether this worker is meant for the service."""
        return any(fnmatch.fnmatch(name, pattern) for pattern in self.preferred)

    async def run(self) -> None:
        """Look for services until canceled, then end those that run here."""
        try:
            while True:
                try:
                    async with asyncio.timeout(LOOK_S_MAX):
                        await self._look()
                except Exception as error:
                    # PostgreSQL gone, as psycopg or Django puts it, or anything else: without a host a worker is idle.
                    log.warning("services.look_failed", error=str(error).strip(), error_kind=type(error).__name__)
                    await self._forget_connection()
                await asyncio.sleep(LOOK_S)
        finally:
            await end(self._running.values(), within_s=2 * STOP_S)
            await self._forget_connection()
            self._thread.close()

    async def _look(self) -> None:
        services = await self._thread.run(declared)
        if self._looking is None or self._looking.closed:
            self._looking = await psycopg.AsyncConnection.connect(
                self.conninfo, autocommit=True, connect_timeout=3, application_name=self._presence
            )
        held = {row.service: row for row in await epochs.holders(self._looking)}
        hosts = await epochs.hosts(self._looking, self._presence)
        preferred = [service.name for service in services if self.prefers(service.name)]
        self._share = -(-len(preferred) // max(1, hosts))
        self._drop_ended({service.name for service in services})
        for service in services:
            if service.name not in self._running:
                await self._consider(service, held.get(service.name), asyncio.get_running_loop().time())

    async def _forget_connection(self) -> None:
        if self._looking:
            with contextlib.suppress(psycopg.Error, OSError):
                await self._looking.close()
        self._looking = None

    @property
    def _presence(self) -> str:
        """The name of this host's connection; hosts with the same name share the same preferences."""
        return f"services:{','.join(self.preferred)}"[:63]

    def _drop_ended(self, wanted: set[str]) -> None:
        self._running = {name: task for name, task in self._running.items() if not task.done()}
        for name in self._running.keys() - wanted:
            log.info("service.withdrawn", service=name)
            self._running[name].cancel()

    async def _consider(self, service: Service, held: "epochs.Holder | None", now: float) -> None:
        """Take a service that is free, ask for one that we should have, put a silent holder out."""
        assert self._looking is not None
        has_room = self.prefers(service.name) and self._preferred_running() < self._share
        if held and held.is_held:
            if held.silent_for <= HEARTBEAT_AGE_MAX:
                self._free_since.pop(service.name, None)
                if has_room:
                    await epochs.ask_for(self._looking, service.name, self.holder)
                return
            log.warning("service.holder_silent", service=service.name, holder=held.holder)
            await epochs.put_out(self._looking, held)
        free_for = now - self._free_since.setdefault(service.name, now)
        if has_room or free_for >= GRACE_S:
            self._free_since.pop(service.name, None)
            self._running[service.name] = asyncio.create_task(self._hold(service), name=service.name)

    def _preferred_running(self) -> int:
        return sum(self.prefers(name) for name in self._running)

    async def _hold(self, service: Service) -> None:
        """Hold one service's lock on a connection of its own for as long as it lives, and run the service under it."""
        connection = await psycopg.AsyncConnection.connect(
            self.conninfo, autocommit=True, connect_timeout=3, application_name=f"lease:{service.name}"[:63]
        )
        try:
            epoch = await epochs.take(connection, service.name, self.holder)
            if epoch is None:
                return
            lease = Lease(service, epoch)
            log.info("service.taken", service=service.name, epoch=epoch, holder=self.holder)
            try:
                await self._run_under(connection, lease)
            finally:
                lease.close()
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("service.lease_lost", service=service.name, error=str(error))
        finally:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()

    async def _run_under(self, connection: psycopg.AsyncConnection[Any], lease: Lease) -> None:
        work = asyncio.create_task(_kept_running(lease), name=f"{lease.name}@{lease.epoch}")
        try:
            while not work.done():
                async with asyncio.timeout(HEARTBEAT_S):
                    wanted_by = await epochs.heartbeat(connection, lease.fence)
                if wanted_by and (not self.prefers(lease.name) or self._preferred_running() > self._share):
                    log.info("service.handed_over", service=lease.name, to=wanted_by)
                    return
                await asyncio.wait({work}, timeout=HEARTBEAT_S)
        except EpochIsOver as over:
            log.warning("service.epoch_over", service=lease.name, reason=str(over))
        finally:
            if await end({work}, within_s=STOP_S):
                # A loop that cannot be stopped must not run beside its successor: the supervisor starts us again.
                log.critical("service.would_not_stop", service=lease.name, stop_s=STOP_S)
                os._exit(70)


async def _kept_running(lease: Lease) -> None:
    """Run a service again after it failed, with growing pauses; only losing the lease ends it."""
    pause_s = 0.5
    while True:
        began = asyncio.get_running_loop().time()
        try:
            run = await imported_gently(lease.service.runner)  # the loop goes on proving that it lives
            await run(lease)
            log.warning("service.returned", service=lease.name)
        except EpochIsOver:
            raise
        except Exception as error:
            log.exception("service.failed", service=lease.name, error=str(error), retry_s=pause_s)
        if asyncio.get_running_loop().time() - began > 60:
            pause_s = 0.5
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, BACKOFF_S_MAX)
