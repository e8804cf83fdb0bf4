"""The oracles' feeds as services: under a lease, by reference data and keys, through faults and a rotation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Oracle, Venue
from hedgeapp.services import Lease
from marketdata.feeds.oracles import pyth, redstone
from marketdata.feeds.polling import Pace
from sandbox.oracles import Oracles, describe, open_oracles
from sandbox.pyth import hermes
from sandbox.redstone import gateway
from sandbox.world import World
from tests.builders.deribit import ETH as ETH_INVERSE
from tests.operations.test_collateral_services import ASSETS, given_keys, health, introduced, serving, until

PRICES = {"ETH": 3_000.0, "BTC": 96_000.0, "stETH": 2_997.0}
PACE = Pace(poll_s=0.05, backoff_s_max=0.1, check_s=0.1, quiet_max=timedelta(seconds=60))
PATIENCE = pyth.Patience(dial_s_max=5, silence_s_max=5, backoff_s=(0.05, 0.1), busy_s=0.1, check_s=0.1)
RUN: dict[str, Callable[[Lease], Awaitable[None]]] = {
    "pyth": lambda lease: pyth.run(lease, PATIENCE),
    "redstone": lambda lease: redstone.run(lease, PACE),
}

pytestmark = pytest.mark.usefixtures("log_url")


@asynccontextmanager
async def published(folder: Path, name: str) -> AsyncIterator[tuple[Oracles, Oracle]]:
    """Serve both oracles and introduce one of them, under the assets that our catalogue has, with its key."""
    state = open_oracles(folder, lambda: PRICES, World.now_ms)
    application = web.Application()
    application.add_routes([*hermes.routes(state), *gateway.routes(state)])
    async with TestServer(application) as server:
        rows = describe(str(server.make_url("")).rstrip("/"), state)["oracles"]
        (row,) = [msgspec.convert(each, Oracle) for each in rows if each["name"] == name]
        known = {asset.symbol for asset in ASSETS}
        row = replace(row, feeds=tuple(feed for feed in row.feeds if feed.asset in known))
        await introduced(*ASSETS, row)
        await given_keys(name, {"api_key": state.api_keys[name], "secret": "unused"})
        yield state, row


@pytest.mark.parametrize("name", RUN)
async def test_a_service_posts_verified_prices_and_outlives_a_busy_oracle(tmp_path: Path, name: str) -> None:
    async with published(tmp_path, name) as (state, _), serving(f"oracle:{name}", RUN[name]) as board:
        await health(board, f"oracle:{name}", is_connected=True)

        async def priced() -> bool:
            return any(mark.subject == "USDT" and mark.proof and not mark.suspect for mark in await board.read())

        await until(priced)
        state.arm({"oracle": name, "fault": "http", "status": 500})
        said = await health(board, f"oracle:{name}", is_connected=False)
        assert "HTTP 500" in said.error
        state.arm({"oracle": name, "fault": "none"})
        await health(board, f"oracle:{name}", is_connected=True)


async def test_a_venue_that_the_catalogue_has_speaks_in_the_mark_as_soon_as_its_index_is_there(tmp_path: Path) -> None:
    venue = Venue(name="deribit", protocol="deribit", rest_url="http://localhost:1", ws_url="ws://localhost:1")
    async with published(tmp_path, "redstone") as (_, _):
        await introduced(venue, ETH_INVERSE)
        async with serving("oracle:redstone", RUN["redstone"]) as board:

            async def heard() -> bool:
                now = datetime.now(UTC)
                index = Mark(
                    subject=ETH_INVERSE.id,
                    kind="index",
                    value=Decimal(3_001),
                    at=now,
                    received_at=now,
                    source="deribit",
                )
                await board.post([index])
                marks = {mark.subject: mark for mark in await board.read() if mark.kind == "usd"}
                return "ETH" in marks and marks["ETH"].source == "deribit+redstone" and not marks["ETH"].suspect

            await until(heard)


@pytest.mark.parametrize("name", RUN)
async def test_a_rotation_of_the_signers_is_followed_without_a_restart(tmp_path: Path, name: str) -> None:
    async with published(tmp_path, name) as (_, row), serving(f"oracle:{name}", RUN[name]) as board:
        await health(board, f"oracle:{name}", is_connected=True)
        (known,) = row.trust.sets
        strangers = tuple("0x" + f"{number:040x}" for number in range(1, 6))
        rotated = replace(row.trust, sets=(replace(known, signers=strangers),))
        await introduced(replace(row, trust=rotated))

        async def refused() -> str:
            found = {each.feed: each for each in await board.read_health()}
            return found[f"oracle:{name}"].last_fault

        assert "Signer" in await until(refused)
        await introduced(row)
        before = datetime.now(UTC)

        async def heard() -> bool:
            found = {each.feed: each.last_message_at for each in await board.read_health()}
            at = found[f"oracle:{name}"]
            return at is not None and at > before

        await until(heard)
        assert await asyncio.wait_for(board.read(), 5)
