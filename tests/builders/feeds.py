"""Public feeds that run: a venue of a test's own behind a real socket, and a connection to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from hedgeapp.ending import end
from marketdata.feeds.public.connection import Connection, ConnectionIsLost
from marketdata.feeds.public.market import Market
from marketdata.feeds.public.protocol import Connected, Patience, PublicProtocol
from tests.sandbox.running import free_port

WAIT_S = 30.0


class Running:
    """A connection to a served venue while it runs."""

    def __init__(self, connection: Connected, market: Market) -> None:
        self.connection, self.market = connection, market
        self.task = asyncio.create_task(connection.run())

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds; fail with the connection's own error when it is lost first."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    async def lost(self) -> str:
        """Wait until the connection is lost; return why."""
        async with asyncio.timeout(WAIT_S):
            try:
                await self.task
            except ConnectionIsLost as lost:
                return str(lost)
        raise AssertionError("the connection ended by itself")

    async def end(self) -> None:
        """End it."""
        await end([self.task])

    def runs(self) -> bool:
        """Tell whether everything has begun on all sockets."""
        return self.connection.is_up and not self.market.wanted()


@asynccontextmanager
async def running(
    stream: Callable[[web.Request], Awaitable[web.StreamResponse]],
    path: str,
    market: Market,
    instruments: tuple[Instrument, ...],
    protocol: PublicProtocol,
    patience: Patience,
) -> AsyncIterator[Running]:
    """Serve a venue's stream at a path and run a connection to it."""
    port = free_port()
    app = web.Application()
    app.add_routes([web.get(path, stream)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    ws_url = f"ws://127.0.0.1:{port}"
    venue = Venue(name=market.venue, protocol=market.venue, rest_url="http://127.0.0.1:1", ws_url=ws_url)
    found = Running(Connection(venue, instruments, market, protocol, patience), market)
    try:
        yield found
    finally:
        await found.end()
        await runner.cleanup()
