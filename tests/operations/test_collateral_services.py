"""The custodian's and the chain's feed as services: under a lease, on the real board and log, through faults."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from hedgeapp.core.events.collateral import CollateralStated, CustodianStateChanged, MintSeen
from hedgeapp.core.events.moves import UnintendedMoveSeen
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import Asset, Custodian
from hedgeapp.database import conninfo
from hedgeapp.ending import end
from hedgeapp.eventlog import epochs
from hedgeapp.services import Lease, Service
from marketdata.board import Board
from marketdata.core.board import FeedHealth
from marketdata.core.catalogue import Row
from marketdata.feeds import ceffu, chain
from marketdata.feeds.ceffu.client import Settings
from marketdata.feeds.chain.provider import Bounds
from marketdata.feeds.polling import Pace
from marketdata.operations.changes import change
from marketdata.operations.credentials import set_credential
from sandbox.ceffu.wallets import TRANSFER, Wanted
from sandbox.sockets import now_ms
from tests.builders.collateral import Clock, a_chain, a_custodian, described, logged, states_of

PACE = Pace(poll_s=0.05, backoff_s_max=0.1, check_s=0.1, quiet_max=timedelta(seconds=60))
WAIT_S = 60.0
ASSETS = [
    Asset(symbol=symbol, name=symbol, decimals=18, underlying=underlying)
    for symbol, underlying in (("ETH", "ETH"), ("BTC", "BTC"), ("USDT", "USDT"), ("stETH", "ETH"), ("wstETH", "ETH"))
]

pytestmark = pytest.mark.usefixtures("log_url")


async def introduced(*rows: Row) -> None:
    for row in rows:
        await sync_to_async(change)(row, by="test", reason="test", at=datetime.now(UTC))


async def given_keys(holder: str, keys: dict[str, str]) -> None:
    await sync_to_async(set_credential)(
        holder, api_key=keys["api_key"], secret=keys["secret"], by="test", at=datetime.now(UTC)
    )


@asynccontextmanager
async def serving(name: str, run: Callable[[Lease], Awaitable[None]]) -> AsyncIterator[Board]:
    """Run a service under a lease that was really taken, with nothing on the board before; yield the board."""
    board = Board.from_settings()
    await emptied()
    async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True) as connection:
        epoch = await epochs.take(connection, name, "test")
        assert epoch
        lease = Lease(Service(name=name, runner="tests"), epoch)
        task = asyncio.ensure_future(run(lease))
        try:
            yield board
            assert not task.done()
        finally:
            await end([task])
            await lease.in_database(connections.close_all)
            lease.close()
            await sync_to_async(connections.close_all)()
            await board.close()


async def emptied() -> None:
    """Make the board lose everything."""
    async with redis.asyncio.from_url(settings.REDIS_URL) as client:
        await client.flushall()


async def until(true: Callable[[], Awaitable[Any]]) -> Any:
    """Return the first true answer; fail when there is none for long."""
    end_s = time.monotonic() + WAIT_S
    while not (found := await true()):
        assert time.monotonic() < end_s, f"{true} never came true"
        await asyncio.sleep(0.05)
    return found


async def health(board: Board, feed: str, is_connected: bool) -> FeedHealth:
    async def of_feed() -> FeedHealth | None:
        found = [each for each in await board.read_health() if each.feed == feed and each.is_connected == is_connected]
        return found[0] if found and (is_connected or found[0].error) else None

    found: FeedHealth = await until(of_feed)
    return found


async def holdings(holder: str) -> dict[str, Decimal]:
    return {event.asset: event.total for event in logged(holder, CollateralStated) if event.total}


def custodian_service(lease: Lease) -> Awaitable[None]:
    return ceffu.run(lease, PACE, Settings(request_timeout_s=5.0, backoff_s=0.01))


async def test_what_nobody_of_us_moved_is_an_alarm_in_the_log_once(tmp_path: Path) -> None:
    async with a_custodian(tmp_path, now_ms) as (state, url):
        await introduced(*ASSETS, Custodian(name="ceffu", protocol="ceffu", url=url))
        await given_keys("ceffu", state.credentials())

        async def seen(kind: type[Any]) -> list[Any]:
            return await sync_to_async(logged)("ceffu", kind)

        async with serving("custodian:ceffu", custodian_service):
            await until(lambda: seen(CustodianStateChanged))
            wallet = state.wallet.wallet_id
            moved = Wanted(
                kind=TRANSFER,
                request_id="7",
                wallet_id=wallet,
                to_wallet_id=state.wallets.create("second", auto_collection=False).id,
                coin="USDT",
                network="",
                amount=Decimal(5),
                address="",
            )
            order = state.wallets.ask(moved)
            (alarm,) = await until(lambda: seen(UnintendedMoveSeen))
            assert (alarm.reference, alarm.kind, alarm.amount) == (order.id, "transfer", 5)
            state.freeze(frozen=True)
            await until(lambda: _is_in_maintenance(seen))
        assert len(await seen(UnintendedMoveSeen)) == 1


async def _is_in_maintenance(seen: Callable[[type[Any]], Awaitable[list[Any]]]) -> bool:
    return [one.state for one in await seen(CustodianStateChanged)] == ["open", "maintenance"]


def chain_service(lease: Lease) -> Awaitable[None]:
    return chain.run(lease, PACE, Bounds(request_timeout_s=5.0, backoff_s=0.01))


async def test_a_custodians_collateral_enters_the_log_and_its_health_the_board(tmp_path: Path) -> None:
    async with a_custodian(tmp_path, now_ms) as (state, url):
        await introduced(*ASSETS, Custodian(name="ceffu", protocol="ceffu", url=url))
        await given_keys("ceffu", state.credentials())
        async with serving("custodian:ceffu", custodian_service) as board:
            await until(lambda: holdings("ceffu"))
            told = await health(board, "custodian:ceffu", is_connected=True)
    assert await holdings("ceffu") == {"stETH": Decimal(5000), "BTC": Decimal(110), "USDT": Decimal(1500000)}
    assert (told.error, told.epoch) == ("", 1)
    assert told.last_message_at


async def test_a_custodian_with_a_wrong_url_is_told_and_taken_up_when_it_is_corrected(tmp_path: Path) -> None:
    row = Custodian(name="ceffu", protocol="ceffu", url="http://127.0.0.1:9")
    async with a_custodian(tmp_path, now_ms) as (state, url):
        await introduced(*ASSETS, row)
        await given_keys("ceffu", state.credentials())
        async with serving("custodian:ceffu", custodian_service) as board:
            told = await health(board, "custodian:ceffu", is_connected=False)
            assert "no answer from http://127.0.0.1:9" in told.error
            await introduced(replace(row, url=url))
            await health(board, "custodian:ceffu", is_connected=True)
    assert len(await holdings("ceffu")) == 3


async def test_wrong_keys_are_told_and_right_ones_taken_up(tmp_path: Path) -> None:
    async with a_custodian(tmp_path, now_ms) as (state, url):
        await introduced(*ASSETS, Custodian(name="ceffu", protocol="ceffu", url=url))
        async with serving("custodian:ceffu", custodian_service) as board:
            told = await health(board, "custodian:ceffu", is_connected=False)
            assert "keys of ceffu to read with expected" in told.error
            await given_keys("ceffu", {**state.credentials(), "api_key": "somebody"})
            await until(lambda: _says(board, "custodian:ceffu", "G20010"))
            await given_keys("ceffu", state.credentials())
            await health(board, "custodian:ceffu", is_connected=True)
    assert len(await holdings("ceffu")) == 3


async def _says(board: Board, feed: str, words: str) -> bool:
    return any(words in each.error for each in await board.read_health() if each.feed == feed)


async def _of_all_kinds(board: Board) -> list[Mark] | None:
    """Return the board's marks once the protocol's, the pool's and the market's rates of both assets are there."""
    marks = await board.read()
    return marks if len({(mark.subject, mark.kind) for mark in marks}) == 6 else None


async def test_a_chains_rates_are_on_the_board_again_after_it_lost_everything(tmp_path: Path) -> None:
    async with a_chain(tmp_path, Clock()) as (state, url):
        await introduced(*ASSETS, described(state, url))
        async with serving("chain:ethereum", chain_service) as board:
            for _ in range(2):
                marks = await until(lambda: _of_all_kinds(board))
                rates = {(mark.subject, mark.kind): mark for mark in marks}
                assert rates["wstETH", "protocol_rate"].value == Decimal("1.22")
                alone = rates["stETH", "market_rate"]
                assert (alone.value, alone.source) == (rates["stETH", "pool_rate"].value, "chain:ethereum")
                assert alone.caveat == "chain:ethereum alone says so"
                assert "s old, at most 120 s expected" in alone.suspect, "the test's chain stands still, long ago"
                assert rates["wstETH", "market_rate"].value == alone.value * Decimal("1.22")
                await emptied()
            await until(board.read)


async def test_a_chains_holdings_enter_the_log_and_follow_a_mint(tmp_path: Path) -> None:
    clock = Clock()
    async with a_chain(tmp_path, clock) as (state, url):
        await introduced(*ASSETS, described(state, url))
        async with serving("chain:ethereum", chain_service) as board:
            await until(lambda: holdings("ethereum"))
            state.submit("wstETH", Decimal("2.5"))
            clock.wait_blocks(5)

            async def minted() -> list[MintSeen]:
                return logged("ethereum", MintSeen)

            (mint,) = await until(minted)
            await health(board, "chain:ethereum", is_connected=True)
    assert mint.collateral_amount == Decimal("2.5")
    assert (await holdings("ethereum"))["wstETH"] == Decimal("3002.5")


async def test_a_node_that_is_down_at_start_is_told_and_taken_up_when_it_comes(tmp_path: Path) -> None:
    async with a_chain(tmp_path, Clock()) as (state, url):
        row = described(state, url)
        await introduced(*ASSETS, replace(row, url="http://127.0.0.1:9/chain"))
        async with serving("chain:ethereum", chain_service) as board:
            told = await health(board, "chain:ethereum", is_connected=False)
            assert "no answer from http://127.0.0.1:9/chain" in told.error
            await introduced(replace(row, chain_id=1))
            await until(lambda: _says(board, "chain:ethereum", "chain 1 expected"))
            await introduced(row)
            await health(board, "chain:ethereum", is_connected=True)
            await until(lambda: _said("chain:ethereum", ["disconnected", "live"]))


async def _said(feed: str, states: list[str]) -> bool:
    return states_of(feed) == states


async def test_a_feed_that_is_canceled_in_any_moment_leaves_the_next_one_free(tmp_path: Path) -> None:
    clock = Clock()
    async with a_chain(tmp_path, clock) as (state, url):
        await introduced(*ASSETS, described(state, url))
        for moment in range(12):
            async with serving("chain:ethereum", chain_service):
                clock.wait_blocks(1)
                await asyncio.sleep(moment / 50)
        async with serving("chain:ethereum", chain_service) as board:
            await health(board, "chain:ethereum", is_connected=True)
            await until(lambda: holdings("ethereum"))
