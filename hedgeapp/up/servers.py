"""Servers: PostgreSQL and Valkey as supervised children, where the operator named none."""

import asyncio
import io
import os
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from hedgeapp.core.records import record
from hedgeapp.up.environment import for_children, kept_secrets
from hedgeapp.up.ports import remembered_port
from hedgeapp.up.postgres import APP, ENVIRONMENT, MOVES, OWNER, Cluster
from hedgeapp.up.supervisor import Child
from hedgeapp.up.valkey import Valkey
from hedgeapp.up.voice import Voice

Held = TypeVar("Held")
PortOf = Callable[[Path], int]

STOP_S_MAX = 20.0  # a checkpoint may be written on the way out


@record
class Servers:
    """The servers of a data folder that are ours to run, and the variables by which the others find them."""

    cluster: Cluster | None
    valkey: Valkey | None

    @property
    def urls(self) -> dict[str, str]:
        """The variables, without those that the operator set."""
        urls = {}
        if self.cluster:
            urls = {
                "DATABASE_URL": self.cluster.url(APP),
                "DATABASE_OWNER_URL": self.cluster.url(OWNER),
                "DATABASE_MOVES_URL": self.cluster.url(MOVES),
            }
        return urls | ({"REDIS_URL": self.valkey.url} if self.valkey else {})


def missing(var: Path, port_of: PortOf, *, durable: bool = True, given: Mapping[str, str] = os.environ) -> Servers:
    """Describe the servers whose URL the given environment lacks; `port_of` finds a port from its note."""
    kept = kept_secrets(var)
    cluster = valkey = None
    if "DATABASE_URL" not in given:
        cluster = Cluster(
            folder=var / "postgres",
            port=port_of(var / "postgres.port"),
            owner_password=kept["POSTGRES_OWNER_PASSWORD"],
            app_password=kept["POSTGRES_APP_PASSWORD"],
            moves_password=kept["POSTGRES_MOVES_PASSWORD"],
            durable=durable,
        )
    if "REDIS_URL" not in given:
        port = port_of(var / "valkey.port")
        valkey = Valkey(folder=var / "valkey", port=port, password=kept["VALKEY_PASSWORD"], durable=durable)
    return Servers(cluster=cluster, valkey=valkey)


@asynccontextmanager
async def postgres(cluster: Cluster, voice: Voice) -> AsyncIterator[Child]:
    """Run a cluster, with its roles and its database, while the block lasts."""
    prepare = await asyncio.to_thread(cluster.prepare)
    child = Child(
        "postgres",
        cluster.command,
        ENVIRONMENT,
        voice,
        prepare=prepare,
        polite=signal.SIGINT,  # fast shutdown
        deadly=signal.SIGINT,
        quiet=True,
    )
    await child.start()
    try:
        await asyncio.to_thread(cluster.wait_until_ready, lambda: child.is_alive)
        await asyncio.to_thread(cluster.ensure_roles)
        yield child
    finally:
        await child.stop(STOP_S_MAX)


@asynccontextmanager
async def valkey(server: Valkey, voice: Voice) -> AsyncIterator[Child]:
    """Run a Valkey server while the block lasts."""
    server.prepare()
    child = Child("valkey", server.command, ENVIRONMENT, voice, quiet=True)
    await child.start()
    try:
        await asyncio.to_thread(server.wait_until_ready, lambda: child.is_alive)
        yield child
    finally:
        await child.stop(STOP_S_MAX)


@asynccontextmanager
async def running(servers: Servers, voice: Voice) -> AsyncIterator[None]:
    """Run servers, started side by side, while the block lasts."""
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.TaskGroup() as starting:
                if servers.cluster:
                    starting.create_task(_entered(stack, postgres(servers.cluster, voice), voice, "PostgreSQL"))
                if servers.valkey:
                    starting.create_task(_entered(stack, valkey(servers.valkey, voice), voice, "Valkey"))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        yield


async def _entered(stack: AsyncExitStack, server: AbstractAsyncContextManager[Child], voice: Voice, label: str) -> None:
    with voice.step(label):
        await stack.enter_async_context(server)


@contextmanager
def held(
    run: Callable[[], AbstractAsyncContextManager[Held]],
) -> Iterator[Held]:
    """Hold an asynchronous context open in a thread of its own, for callers that have no event loop.

    The thread lives as long as the block: the kernel ends children with the thread that started them.
    """
    entered: Future[Held] = Future()
    leave = asyncio.Event()

    async def hold() -> None:
        async with run() as value:
            entered.set_result(value)
            await leave.wait()

    def live() -> None:
        try:
            runner.run(hold())
        except BaseException as error:
            if entered.done():
                raise
            entered.set_exception(error)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=live, name="servers", daemon=True)
        thread.start()
        try:
            yield entered.result()
        finally:
            loop.call_soon_threadsafe(leave.set)
            thread.join()


@contextmanager
def private_servers(*, durable: bool = True) -> Iterator[dict[str, str]]:
    """Run both servers on an empty folder that goes with the block; yield a complete environment for commands on them.

    For checks and benchmarks, which must never meet a server that the operator named.
    """
    with tempfile.TemporaryDirectory(prefix="hedgeapp-") as folder:
        var = Path(folder)
        servers = missing(var, remembered_port, durable=durable, given={})
        with held(lambda: running(servers, Voice(io.StringIO()))):
            kept = {name: value for name, value in kept_secrets(var).items() if name.startswith("HEDGEAPP_")}
            yield for_children(var, kept, {}) | servers.urls | kept | {"HEDGEAPP_VAR": folder}
