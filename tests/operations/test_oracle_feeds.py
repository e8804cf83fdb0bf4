"""The oracles' feeds against the sandbox's Hermes and gateway: only what is verified reaches the board."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Oracle
from hedgeapp.ending import end
from hedgeapp.eventlog.append import AsyncLog
from marketdata.board import MARKS, QUOTES, Board
from marketdata.core.distrust import SPARSE
from marketdata.core.oracles.signatures import OracleRefused
from marketdata.core.venue_prices import Voice
from marketdata.feeds.oracles import pyth, redstone
from marketdata.feeds.oracles.desk import Desk, Setup
from marketdata.pulse import Pulse
from sandbox.oracles import Oracles, control_routes, describe, open_oracles
from sandbox.pyth import hermes
from sandbox.redstone import gateway
from sandbox.world import World as SandboxWorld

PRICES: Final = {"ETH": 3_000.0, "BTC": 96_000.0, "stETH": 2_997.0}
UNDERLYING: Final = {"ETH": "ETH", "BTC": "BTC", "USDT": "USDT", "USDC": "USDC", "stETH": "ETH"}
PATIENCE: Final = pyth.Patience(dial_s_max=30.0, silence_s_max=30.0)  # a busy machine is slow
BRIEF: Final = pyth.Patience(dial_s_max=30.0, silence_s_max=2.0)


class World:
    """Both oracles, served, and the desks of their feeds on a board that was empty."""

    def __init__(self, state: Oracles, url: str, board: Board) -> None:
        self.state, self.board = state, board
        self.pyth, self.redstone = (self._desk(msgspec.convert(row, Oracle)) for row in describe(url, state)["oracles"])

    def _desk(self, oracle: Oracle) -> tuple[Setup, Desk, Pulse]:
        setup = Setup(oracle=oracle, api_key=self.state.api_keys[oracle.name], underlying=UNDERLYING)
        events = cast(AsyncLog, None)  # the log hears of a feed's state by `Pulse.keep`, which does not run here
        pulse = Pulse(f"oracle:{oracle.name}", 1, self.board, events, quiet_max=None)
        window = pyth.WINDOW if oracle.protocol == "pyth" else redstone.WINDOW
        return setup, Desk(setup, pulse, self.board, window), pulse

    async def marks(self) -> dict[str, Mark]:
        return {mark.subject: mark for mark in await self.board.read() if mark.kind == "usd"}

    async def poll(self) -> None:
        """Ask the gateway once."""
        setup, desk, _ = self.redstone
        async with ClientSession() as session:
            await redstone.step(session, setup, desk, redstone.Patience())

    @asynccontextmanager
    async def streaming(self, patience: pyth.Patience = PATIENCE) -> AsyncIterator["asyncio.Task[None]"]:
        """Follow Hermes meanwhile."""
        setup, desk, _ = self.pyth
        reading = asyncio.create_task(pyth.read(setup, desk, patience))
        try:
            yield reading
        finally:
            await end([reading])


async def until(condition: Any, reading: "asyncio.Task[None]") -> None:
    """Wait for a condition while somebody reads; what ended him is raised."""
    async with asyncio.timeout(60):
        while not await condition():
            if reading.done():
                reading.result()
            await asyncio.sleep(0.02)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    state = open_oracles(tmp_path, lambda: PRICES, SandboxWorld.now_ms)
    application = web.Application()
    application.add_routes([*hermes.routes(state), *gateway.routes(state), *control_routes(state)])
    board = Board.from_settings()
    await board._redis.delete(MARKS, QUOTES)
    async with TestServer(application) as server:
        yield World(state, str(server.make_url("")).rstrip("/"), board)
    await board._redis.delete(MARKS, QUOTES)
    await board.close()


async def test_hermes_prices_come_to_the_board_verified_with_conf_and_proof(world: World) -> None:
    async def is_there() -> bool:
        return world.pyth[2].counters["messages"] >= 3

    async with world.streaming() as reading:
        await until(is_there, reading)
    found = await world.marks()
    assert found.keys() == UNDERLYING.keys()
    assert found["USDT"].value == Decimal("0.9997")
    assert found["ETH"].proof == "pyth router set 1: 3 of 5 signed"
    assert found["ETH"].conf == Decimal("0.45")
    assert (found["ETH"].source, found["ETH"].suspect) == ("pyth", "")


async def test_both_oracles_together_make_one_mark(world: World) -> None:
    async def is_there() -> bool:
        return world.pyth[2].counters["messages"] >= 1

    async with world.streaming() as reading:
        await until(is_there, reading)
    await world.poll()
    found = (await world.marks())["USDC"]
    assert (found.source, found.suspect) == ("pyth+redstone", "")
    assert "pyth router set 1: 3 of 5 signed; redstone redstone-primary-prod set 0: 5 of 5 signed" in found.proof


async def test_what_a_stranger_signed_never_reaches_the_board(world: World) -> None:
    for name in ("pyth", "redstone"):
        world.state.arm({"oracle": name, "fault": "wrong_signature"})

    async def is_refused() -> bool:
        return world.pyth[2].counters["refused"] >= 2

    async with world.streaming() as reading:
        await until(is_refused, reading)
    await world.poll()
    assert await world.marks() == {}
    assert world.redstone[2].counters["refused"] == 1
    assert "SignerIsNotInTheSet: " in world.pyth[2].last_fault
    assert "SignerIsNotAuthorized: " in world.redstone[2].last_fault


async def test_an_outlier_that_is_well_signed_makes_the_mark_suspect(world: World) -> None:
    await world.poll()
    assert (await world.marks())["ETH"].suspect == ""
    world.state.arm({"oracle": "pyth", "fault": "outlier", "percent": 8})

    async def is_there() -> bool:
        return world.pyth[2].counters["messages"] >= 1

    async with world.streaming() as reading:
        await until(is_there, reading)
    assert "sources that agree expected" in (await world.marks())["ETH"].suspect


async def test_a_stream_that_falls_silent_is_left(world: World) -> None:
    async with world.streaming(BRIEF) as reading:

        async def is_there() -> bool:
            return world.pyth[2].counters["messages"] >= 1

        await until(is_there, reading)
        world.state.arm({"oracle": "pyth", "fault": "silent"})
        with pytest.raises(pyth.HermesIsLost, match="found none for 2 s"):
            await asyncio.wait_for(reading, 30)


@pytest.mark.parametrize(("status", "pause_s"), [(429, 10.0), (500, 0.0)])
async def test_a_busy_hermes_is_left_alone_for_a_while(world: World, status: int, pause_s: float) -> None:
    world.state.arm({"oracle": "pyth", "fault": "http", "status": status})
    setup, desk, _ = world.pyth
    with pytest.raises(pyth.HermesIsLost, match=f"HTTP {status}") as lost:
        await pyth.read(setup, desk, PATIENCE)
    assert lost.value.pause_s == pause_s


async def test_a_busy_gateway_is_a_fault_in_a_sentence(world: World) -> None:
    world.state.arm({"oracle": "redstone", "fault": "http", "status": 429})
    with pytest.raises(redstone.GatewayIsLost, match="packages expected, found HTTP 429"):
        await world.poll()


async def test_a_wrong_key_is_said(world: World) -> None:
    world.state.api_keys = {"pyth": "another", "redstone": "another"}
    setup, desk, _ = world.pyth
    with pytest.raises(pyth.HermesIsLost, match="HTTP 401"):
        await pyth.read(setup, desk, PATIENCE)
    with pytest.raises(redstone.GatewayIsLost, match="HTTP 401"):
        await world.poll()


async def test_the_pool_of_a_staked_asset_is_one_more_source(world: World) -> None:
    now = datetime.now(UTC)
    rate = Mark(
        subject="stETH", kind="pool_rate", value=Decimal("0.999"), at=now, received_at=now, source="chain:ethereum"
    )
    await world.board.post([rate])
    await world.poll()
    assert (await world.marks())["stETH"].source == "chain:ethereum+redstone"


async def test_the_index_of_a_venue_is_one_more_source(world: World) -> None:
    setup, desk, _ = world.redstone
    heard = replace(setup, voices={"deribit:ETH-USD-PERP": Voice(asset="ETH", currency="USD", house="deribit")})
    now = datetime.now(UTC)
    index = Mark(
        subject="deribit:ETH-USD-PERP",
        kind="index",
        value=Decimal(3_001),
        at=now,
        received_at=now,
        source="deribit",
    )
    await world.poll()
    await world.board.post([index])
    listening = Desk(heard, world.redstone[2], world.board, redstone.WINDOW)
    listening.quotes = desk.quotes
    await listening.post()
    assert (await world.marks())["ETH"].source == "deribit+redstone"
    assert (await world.marks())["BTC"].source == "redstone"


async def test_a_price_that_goes_back_is_refused(world: World) -> None:
    setup, desk, _ = world.redstone
    at = datetime.now(UTC)
    async with ClientSession() as session:
        answer = await redstone._asked(session, setup, redstone.Patience())
    first = redstone.verified(answer, setup, at)
    later = {feed: msgspec.structs.replace(cast(Any, one), sequence=one.sequence + 1) for feed, one in first.items()}
    desk.take(later, at)
    with pytest.raises(OracleRefused, match="or later expected"):
        desk.take(first, at)
    with pytest.raises(OracleRefused, match="s old"):
        desk.take(later, at + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("sent", "said"),
    [(b"event: error\ndata: Connection timeout reached (24h)\n\n", "24h"), (b"data:" + b"x" * 3_000, "at most")],
)
async def test_an_error_or_an_endless_event_ends_the_stream(sent: bytes, said: str) -> None:
    class Stream:
        async def iter_any(self) -> AsyncIterator[bytes]:
            yield sent

    with pytest.raises(pyth.HermesIsLost, match=said):
        [event async for event in pyth.events_of(cast(Any, Stream()), 1_000)]


async def test_events_are_read_across_parts_and_keep_alives() -> None:
    class Stream:
        async def iter_any(self) -> AsyncIterator[bytes]:
            for part in (b":\n\nda", b"ta:{1", b"}\n", b"\ndata: {2}\r\n\r\n:\n\n"):
                yield part

    assert [event async for event in pyth.events_of(cast(Any, Stream()), 1_000)] == [b"{1}", b"{2}"]


async def test_an_oracle_whose_words_are_refused_again_and_again_has_no_vote(world: World) -> None:
    await world.poll()
    assert (await world.marks())["ETH"].suspect == ""
    for _ in range(SPARSE.refused_max + 1):
        world.state.arm({"oracle": "redstone", "fault": "wrong_signature"})
        await world.poll()
    _, desk, pulse = world.redstone
    await desk.post()
    assert pulse.quarantined.startswith("quarantined: ")
    found = (await world.marks())["ETH"]
    assert "redstone is quarantined: " in found.suspect
    assert {one.suspect for one in (await world.board.read_quotes())[0]} == {pulse.quarantined}
