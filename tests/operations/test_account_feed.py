"""An account's facts in the log are the venue's own, whatever happens to the connection between them."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from marketdata.feeds.ccxt import service
from marketdata.feeds.ccxt.binance.reads import BinanceReads
from marketdata.operations.changes import change
from marketdata.operations.credentials import set_credential
from marketdata.queries.catalogue import reference
from tests.builders.accounts import (
    COIN,
    INSTRUMENTS,
    MAIN,
    Feed,
    World,
    logged_trades,
    running,
    seeded,
    venue_trades,
)

ETH = INSTRUMENTS[MAIN]["ETHUSDT"]


@pytest.fixture
def world(tmp_path: Path, log_url: str) -> Iterator[World]:
    """A sandbox that is described and seeded, but not started."""
    found = World(tmp_path / "world")
    seeded(found)
    yield found
    found.kill()


async def settled(world: World, feed: Feed) -> None:
    """Wait until the log has exactly the trades that unmodified ccxt reads."""
    theirs = await asyncio.to_thread(venue_trades, world, feed.account)
    await feed.until(lambda: logged_trades(feed) == theirs)


def assert_positions_equal(world: World, feed: Feed) -> None:
    client = world.client(feed.account)
    rows = client.fetch_positions(None, {"subType": "linear" if feed.account == MAIN else "inverse"})
    stated = {one.instrument: one.quantity for one in feed.told(PositionStated)}
    theirs = {INSTRUMENTS[feed.account][row["info"]["symbol"]]: row["info"]["positionAmt"] for row in rows}
    assert theirs
    assert {id_: Decimal(quantity) for id_, quantity in theirs.items()} == {id_: stated[id_] for id_ in theirs}


def assert_balances_equal(world: World, feed: Feed) -> None:
    client = world.client(feed.account)
    given = {"type": "swap", "subType": "linear" if feed.account == MAIN else "inverse"}
    rows = client.fetch_balance(given)["info"]["assets"]
    theirs = {row["asset"]: Decimal(row["walletBalance"]) for row in rows}
    stated = {one.asset: one.total for one in feed.told(BalanceStated)}
    assert {asset: total for asset, total in theirs.items() if total} == stated


@pytest.mark.parametrize("account", [MAIN, COIN])
async def test_fills_positions_and_balances_are_those_that_unmodified_ccxt_reads(
    world: World, log_url: str, account: str
) -> None:
    world.start()
    symbol, instrument = next(iter(INSTRUMENTS[account].items()))
    async with running(account, log_url) as feed:
        before = len(feed.told(FillRecorded))
        assert before > 0
        world.fill(account, symbol, "7")
        await feed.until(lambda: len(feed.told(FillRecorded)) > before)
        await settled(world, feed)
        await feed.until(lambda: feed.told(TransferSeen) != [] and feed.told(FundingPaid) != [])
        await asyncio.to_thread(assert_positions_equal, world, feed)
        await asyncio.to_thread(assert_balances_equal, world, feed)
        assert feed.told(PositionOpened) == []
        ended = [order for order in feed.told(OrderSeen) if order.instrument == instrument][-1]
        assert (ended.status, ended.filled) == ("filled", Decimal(7))
        assert {event.by for event in feed.told(InstrumentChanged)} == {f"account:{account}"}


async def test_what_happened_while_the_venue_was_away_is_read_after_it_came_back(world: World, log_url: str) -> None:
    world.start()
    async with running(MAIN, log_url) as feed:
        world.kill()
        lost = await feed.until_health(lambda health: not health.is_connected)
        assert lost.error
        world.start()
        world.fill(MAIN, "ETHUSDT", "3")
        await feed.until_health(lambda health: health.is_connected)
        await settled(world, feed)


async def test_what_happened_while_the_service_was_dead_is_read_by_the_next_one(world: World, log_url: str) -> None:
    world.start()
    async with running(MAIN, log_url) as feed:
        first = logged_trades(feed)
        await feed.stop()
        world.fill(MAIN, "ETHUSDT", "3")
        world.fill(MAIN, "BTCUSDT", "0.5", side="SELL")
    async with running(MAIN, log_url) as feed:
        await settled(world, feed)
        assert set(first) < set(logged_trades(feed))
        await asyncio.to_thread(assert_positions_equal, world, feed)


async def test_a_service_killed_in_its_first_reading_leaves_nothing_out(world: World, log_url: str) -> None:
    world.start()
    async with running(MAIN, log_url, live=False) as feed:
        await feed.until(lambda: feed.told(FillRecorded) != [])
    async with running(MAIN, log_url) as feed:
        await settled(world, feed)


async def test_reading_everything_again_changes_nothing(world: World, log_url: str) -> None:
    world.start()
    kinds = (FillRecorded, PositionStated, BalanceStated, OrderSeen, FundingPaid, TransferSeen)
    async with running(MAIN, log_url) as feed:
        world.fill(MAIN, "ETHUSDT", "3")
        await settled(world, feed)
        await feed.until(lambda: feed.told(FundingPaid) != [])
        told = {kind: len(feed.told(kind)) for kind in kinds}
    for _ in range(2):
        async with running(MAIN, log_url) as feed:
            await feed.until_health(lambda health: health.last_message_at is not None)
            await settled(world, feed)
            assert {kind: len(feed.told(kind)) for kind in kinds} == told
            health = await feed.health()
            assert health is not None
            assert health.counters["refused"] == 0


async def test_the_stream_and_rest_tell_the_same_fill(
    world: World, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    async with running(MAIN, log_url) as feed:
        before = {fill.trade_id for fill in feed.told(FillRecorded)}
        world.fill(MAIN, "ETHUSDT", "12.5", side="SELL")
        await settled(world, feed)
        by_stream = [fill for fill in feed.told(FillRecorded) if fill.trade_id not in before]
        assert by_stream
    monkeypatch.setattr(service, "READ_EVERY_S", 0.2)
    async with running(MAIN, log_url) as feed:
        world.act("silence", venue="binance-usdm", symbol="*", kind="*", on=True)
        world.fill(MAIN, "ETHUSDT", "12.5")
        await settled(world, feed)
        health = await feed.until_health(lambda health: health.last_message_at is not None)
        assert health.counters["refused"] == 0


@pytest.mark.parametrize(
    ("action", "given"),
    [("drop", {"venue": "binance-usdm", "private": True}), ("expire-listen-key", {"account": MAIN})],
)
async def test_a_stream_that_ends_is_opened_again_and_its_hole_is_closed(
    world: World, log_url: str, action: str, given: dict[str, Any]
) -> None:
    world.start()
    async with running(MAIN, log_url) as feed:
        world.act(action, **given)
        world.fill(MAIN, "ETHUSDT", "3")
        await feed.until_health(lambda health: health.is_connected and health.counters["reconnects"] > 0)
        await settled(world, feed)
        world.fill(MAIN, "ETHUSDT", "2")
        await settled(world, feed)


async def test_funding_and_transfers_are_told_once_each(world: World, log_url: str) -> None:
    world.start()
    async with running(COIN, log_url) as feed:
        await feed.until(lambda: feed.told(FundingPaid) != [])
        paid, moved = len(feed.told(FundingPaid)), len(feed.told(TransferSeen))
        world.act("funding", venue="binance-coinm")
        world.act("transfer", account=COIN, asset="ETH", amount="-12.5")
        await feed.until(lambda: len(feed.told(FundingPaid)) >= paid + 2 and len(feed.told(TransferSeen)) > moved)
        assert (feed.told(TransferSeen)[-1].amount, feed.told(TransferSeen)[-1].asset) == (Decimal("-12.5"), "ETH")
        assert len(feed.told(FundingPaid)) == paid + 2
        await asyncio.to_thread(assert_balances_equal, world, feed)


@pytest.mark.parametrize(
    ("account", "symbol", "contract"), [(MAIN, "ETH/USDT:USDT", "ETHUSDT"), (COIN, "ETH/USD:ETH", "ETHUSD_PERP")]
)
async def test_a_short_under_a_positive_rate_receives(
    world: World, log_url: str, account: str, symbol: str, contract: str
) -> None:
    world.start()
    instrument = INSTRUMENTS[account][contract]
    async with running(account, log_url) as feed:
        await feed.until(lambda: feed.told(FundingPaid) != [] and feed.told(PositionStated) != [])
        held = {one.instrument: one.quantity for one in feed.told(PositionStated)}
        assert held[instrument] < 0
        history = await asyncio.to_thread(world.client(account).fetch_funding_rate_history, symbol)
        rates = {row["timestamp"]: Decimal(row["fundingRate"]) for row in history}
        paid = {round(one.at.timestamp() * 1000): one for one in feed.told(FundingPaid) if one.instrument == instrument}
        assert paid.keys() & rates.keys()
        assert all((paid[at].amount > 0) == (rates[at] > 0) for at in paid.keys() & rates.keys())


async def test_a_venue_that_is_down_at_the_start_is_said_and_waited_for(world: World, log_url: str) -> None:
    async with running(MAIN, log_url, live=False) as feed:
        health = await feed.until_health(lambda health: bool(health.error))
        assert "an answer of the venue expected" in health.error
        world.start()
        await feed.until_health(lambda health: health.is_connected)
        await settled(world, feed)


async def test_wrong_keys_are_said_without_a_secret_and_right_ones_are_taken(
    world: World, log_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    world.start()
    right = json.loads((world.folder / "credentials.json").read_text())[MAIN]
    await asyncio.to_thread(keep, "hunter2-the-secret")
    async with running(MAIN, log_url, live=False) as feed:
        health = await feed.until_health(lambda health: bool(health.error))
        assert "keys that the venue accepts expected" in health.error
        assert "Credentials" in health.error
        await asyncio.to_thread(keep, right["secret"], right["api_key"])
        await feed.until_health(lambda health: health.is_connected)
    said = capfd.readouterr()
    for secret in ("hunter2-the-secret", right["secret"], right["api_key"]):
        assert secret not in said.out + said.err + health.error


def keep(secret: str, api_key: str = "a-key-of-nobody") -> None:
    from django.db import connection

    set_credential(MAIN, api_key=api_key, secret=secret, by="alice", at=datetime.now(UTC))
    connection.close()


async def test_a_position_older_than_the_history_of_trades_is_opened_as_the_venue_states_it(
    world: World, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    whole = BinanceReads.trades

    async def without_the_oldest(self: Any, instrument: Any, from_id: int) -> Any:
        fills = await whole(self, instrument, from_id)
        return fills[5:] if from_id == 0 else fills

    monkeypatch.setattr(BinanceReads, "trades", without_the_oldest)
    async with running(MAIN, log_url) as feed:
        opened = {one.instrument: one for one in feed.told(PositionOpened)}
        assert set(opened) == set(INSTRUMENTS[MAIN].values())
        assert feed.told(FillRecorded) == []
        world.fill(MAIN, "ETHUSDT", "3")
        await feed.until(lambda: sum(fill.quantity for fill in feed.told(FillRecorded)) == 3)
        added = sum(fill.quantity for fill in feed.told(FillRecorded))
        assert all(int(fill.trade_id) > int(opened[ETH].last_trade_id) for fill in feed.told(FillRecorded))
        stated = {one.instrument: one.quantity for one in feed.told(PositionStated)}
        assert opened[ETH].quantity + added == stated[ETH]


async def test_a_changed_url_is_followed(world: World, log_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.start()
    monkeypatch.setattr(service, "READ_EVERY_S", 0.2)
    async with running(MAIN, log_url) as feed:
        await asyncio.to_thread(move, "http://127.0.0.1:9")
        await feed.until_health(lambda health: "an answer of the venue expected" in health.error)
        await asyncio.to_thread(move, world.url)
        await feed.until_health(lambda health: health.is_connected)


def move(url: str) -> None:
    from django.db import connection

    venue = reference().venues["binance-usdm"]
    change(replace(venue, rest_url=url), by="alice", reason="it moved", at=datetime.now(UTC))
    connection.close()
