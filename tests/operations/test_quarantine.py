"""Accounts, custodians and chains that err again and again are not believed, and nothing that they said is lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hedgeapp.core.reference import Custodian
from hedgeapp.ending import end
from hedgeapp.eventlog.append import AsyncLog
from marketdata.board import TAPE, Board
from marketdata.core.board import FeedHealth
from marketdata.core.distrust import SPARSE
from marketdata.core.tape import RAW_BYTES_MAX, RefusedSeen
from marketdata.pulse import Pulse
from sandbox import ceffu
from sandbox import chain as sandbox_chain
from sandbox.control.actions import SPOILT_FACT
from tests.builders.accounts import MAIN, World, running, seeded
from tests.builders.collateral import QUIET, Clock, described
from tests.operations.test_account_feed import settled
from tests.operations.test_collateral_services import (
    ASSETS,
    chain_service,
    custodian_service,
    given_keys,
    introduced,
    serving,
    until,
)
from tests.operations.test_pulse import FEED, WAIT_S, told

REFUSALS = SPARSE.refused_max + 1


def now_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1_000)


async def refused(board: Board, feed: str) -> list[RefusedSeen]:
    """Return what lies ready for the recorder of a feed's refused messages."""
    return [
        seen
        for _, batch in await board.read_tape("0", 1_000)
        if batch is not None and batch.feed == feed
        for seen in batch.refused
    ]


@pytest.fixture(autouse=True)
async def empty_tape() -> None:
    """Nothing that another test left for the recorder."""
    board = Board.from_settings()
    await board._redis.delete(TAPE)
    await board.close()


@pytest.fixture
def world(tmp_path: Path, log_url: str) -> Iterator[World]:
    """A sandbox that is described and seeded, but not started."""
    found = World(tmp_path / "world")
    seeded(found)
    yield found
    found.kill()


async def test_a_source_is_quarantined_told_so_in_the_log_and_believed_again_after_a_clean_while(
    log_url: str, owner: psycopg.Connection[Any]
) -> None:
    board, now = Board.from_settings(), itertools.count(1_000)
    moved = 0.0
    async with AsyncLog(log_url) as events:
        pulse = Pulse(FEED, 1, board, events, quiet_max=None, clock=lambda: next(now) / 1_000 + moved)
        task = asyncio.create_task(pulse.keep())
        try:
            pulse.connected()
            await told(owner, 1)
            for number in range(REFUSALS):
                pulse.refused("malformed", f"fault {number}", b"{")
            assert len(await told(owner, 2)) == 2
            moved = SPARSE.clean_ms / 1_000
            states = await told(owner, 3)
        finally:
            await end([task])
            await board.close()
    assert [state for state, _ in states] == ["live", "stale", "live"]
    assert states[1][1].startswith("quarantined: at most 2 refused messages within 120 s expected, found 3")


async def test_what_was_refused_is_kept_within_its_bound_and_without_secrets(log_url: str) -> None:
    board = Board.from_settings()
    async with AsyncLog(log_url) as events:
        pulse = Pulse(FEED, 1, board, events, quiet_max=None)
        task = asyncio.create_task(pulse.keep())
        try:
            pulse.refused("malformed", "no", b"wss://venue/ws?listenKey=hunter2 \xff" + b"x" * 2 * RAW_BYTES_MAX)
            async with asyncio.timeout(WAIT_S):
                while not (found := await refused(board, FEED)):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        finally:
            await end([task])
            await board.close()
    assert len(found[0].raw) == RAW_BYTES_MAX
    assert b"hunter2" not in found[0].raw


async def test_an_account_that_sends_nonsense_is_read_again_and_not_believed(world: World, log_url: str) -> None:
    world.start()
    async with running(MAIN, log_url) as feed:
        for count in range(1, REFUSALS + 1):
            await feed.until_health(lambda health: health.is_connected)
            assert world.act("malformed", venue="binance-usdm", private=True)["streams"] >= 1
            world.fill(MAIN, "ETHUSDT", "1")
            await feed.until_health(lambda health, count=count: health.counters["refused"] >= count)  # type: ignore[misc]
        found = await feed.until_health(lambda health: health.is_connected and health.quarantined != "")
        assert "private message: its shape: a value expected" in found.last_fault
        await settled(world, feed)
        async with asyncio.timeout(WAIT_S):
            while len(kept := await refused(feed.board, f"account:{MAIN}")) < REFUSALS:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert {seen.raw for seen in kept} == {SPOILT_FACT}


class Lying:
    """A source of the sandbox that answers whatever it is asked with the same bytes while it lies."""

    def __init__(self) -> None:
        self.says: bytes | None = None

    @asynccontextmanager
    async def serving(self, routes: list[web.RouteDef]) -> AsyncIterator[str]:
        @web.middleware
        async def lie(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if self.says is not None:
                return web.Response(body=self.says, content_type="application/json")
            return await handler(request)

        app = web.Application(middlewares=[lie])
        app.add_routes(routes)
        async with TestServer(app, host="127.0.0.1") as server:
            yield str(server.make_url("")).rstrip("/")


async def assert_is_quarantined(source: Lying, board: Board, feed: str) -> None:
    """Let a source lie until it is quarantined; see it disconnected, then heard and still not believed."""

    async def is_so(holds: Callable[[FeedHealth], object]) -> bool:
        return any(holds(one) for one in await board.read_health() if one.feed == feed)

    await until(lambda: is_so(lambda one: one.is_connected))
    source.says = b'{"jsonrpc": "2.0", "id": [], "nonsense": 1}'
    await until(lambda: is_so(lambda one: one.quarantined and not one.is_connected))
    source.says = None
    await until(lambda: is_so(lambda one: one.is_connected and one.quarantined.startswith("quarantined: ")))
    raws = {seen.raw for seen in await until(lambda: refused(board, feed))}
    assert raws == {b'{"jsonrpc": "2.0", "id": [], "nonsense": 1}'}


@pytest.mark.usefixtures("log_url")
async def test_a_custodian_that_answers_nonsense_is_quarantined_with_its_bytes(tmp_path: Path) -> None:
    source = Lying()
    state = ceffu.Ceffu.open(tmp_path, 7, now_ms(), clock=now_ms)
    async with source.serving(ceffu.routes(state)) as url:
        await introduced(*ASSETS, Custodian(name="ceffu", protocol="ceffu", url=url))
        await given_keys("ceffu", state.credentials())
        async with serving("custodian:ceffu", custodian_service) as board:
            await assert_is_quarantined(source, board, "custodian:ceffu")


@pytest.mark.usefixtures("log_url")
async def test_a_node_that_answers_nonsense_is_quarantined_with_its_bytes_and_rates(tmp_path: Path) -> None:
    source = Lying()
    state = sandbox_chain.Chain.open(tmp_path, 7, Clock()(), QUIET, Clock())
    state.advance()
    async with source.serving(sandbox_chain.routes(state)) as url:
        await introduced(*ASSETS, described(state, url))
        async with serving("chain:ethereum", chain_service) as board:
            await assert_is_quarantined(source, board, "chain:ethereum")

            async def doubted() -> bool:
                # The market's rates too, of which it is the only voice here.
                return all("quarantined: " in one.suspect for one in await board.read())

            await until(doubted)
    state.close()
