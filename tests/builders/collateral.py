"""A custodian and a chain of the sandbox, served on a port of their own, with a clock that the test moves."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psycopg
from aiohttp import web
from aiohttp.test_utils import TestServer

from hedgeapp.core.events.feeds import FeedStateChanged
from hedgeapp.core.reference import Chain, Token, Wallet
from hedgeapp.database import conninfo
from hedgeapp.eventlog.read import read
from sandbox import ceffu
from sandbox import chain as sandbox_chain
from tests.builders.custodian_keys import planted

START_MS = 1_790_000_000_000
QUIET = sandbox_chain.Settings(past_blocks=120, order_every_blocks=10**9)  # orders come only when they are asked for


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, ms: int = START_MS) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms

    def wait_blocks(self, count: int) -> None:
        """Let blocks come due."""
        self.ms += count * QUIET.block_ms


@asynccontextmanager
async def served(routes: list[web.RouteDef]) -> AsyncIterator[str]:
    """Serve routes on a free port of this machine; yield the root URL."""
    app = web.Application()
    app.add_routes(routes)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def a_custodian(folder: Path, clock: Callable[[], int]) -> AsyncIterator[tuple[ceffu.Ceffu, str]]:
    """Serve a new custodian; a service needs one whose clock goes on, or its hundred requests a second end it."""
    state = ceffu.Ceffu.open(planted(folder), 7, clock(), clock=clock)
    async with served(ceffu.routes(state)) as url:
        yield state, url


@asynccontextmanager
async def a_chain(
    folder: Path, clock: Clock, settings: sandbox_chain.Settings = QUIET
) -> AsyncIterator[tuple[sandbox_chain.Chain, str]]:
    """Serve a new chain that has every block which is due."""
    state = sandbox_chain.Chain.open(folder, 7, clock(), settings, clock)
    state.advance()
    async with served(sandbox_chain.routes(state)) as url:
        yield state, url
    state.close()


def states_of(feed: str) -> list[str]:
    """Return the states that the log says a feed went through."""
    with closing(psycopg.connect(conninfo(), autocommit=True)) as connection:
        events = [recorded.event for recorded in read(connection, kinds=[FeedStateChanged.__name__])]
    return [event.state for event in events if isinstance(event, FeedStateChanged) and event.feed == feed]


def described(state: sandbox_chain.Chain, url: str, **changed: Any) -> Chain:
    """Return a served chain as the catalogue would have it."""
    (about,) = sandbox_chain.describe(url, state)["chains"]
    wallets = tuple(Wallet(**wallet) for wallet in about["wallets"])
    tokens = tuple(Token(**token) for token in about["tokens"])
    return Chain(**{**about, "wallets": wallets, "tokens": tokens, **changed})


def logged(holder: str, *kinds: type[Any]) -> list[Any]:
    """Return the events of some kinds that the log holds of a custodian or a chain."""
    with closing(psycopg.connect(conninfo(), autocommit=True)) as connection:
        events = [recorded.event for recorded in read(connection, kinds=[kind.__name__ for kind in kinds])]
    names = ("holder", "chain", "custodian", "source")
    return [event for event in events if holder in [getattr(event, name, None) for name in names]]
