"""A Deribit account's facts in the log are the venue's own, in contracts, across settlements."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from marketdata.feeds.ccxt import service
from tests.builders.accounts import DERIBIT, INSTRUMENTS, Feed, World, running, seeded

ETH, BTC = INSTRUMENTS[DERIBIT]["ETH-PERPETUAL"], INSTRUMENTS[DERIBIT]["BTC-PERPETUAL"]
SIZES = {ETH: 1, BTC: 10}


@pytest.fixture
def world(tmp_path: Path, log_url: str) -> Iterator[World]:
    """A sandbox with Deribit, described, seeded and running, where prices stay."""
    found = World(tmp_path / "world", offered=["deribit"])
    seeded(found)
    found.start("--volatility", "0")
    yield found
    found.kill()


def theirs(world: World) -> dict[tuple[str, str], Decimal]:
    """Return each trade's signed quantity in contracts by contract and number, as unmodified ccxt tells them."""
    client = world.client(DERIBIT)
    client.load_markets()
    found: dict[tuple[str, str], Decimal] = {}
    for symbol in client.symbols:
        for row in client.fetch_my_trades(symbol, limit=1_000):
            id_ = INSTRUMENTS[DERIBIT][row["info"]["instrument_name"]]
            sign = 1 if row["side"] == "buy" else -1
            found[id_, str(row["info"]["trade_seq"])] = sign * Decimal(row["amount"]) / SIZES[id_]
    return found


def logged(feed: Feed) -> dict[tuple[str, str], Decimal]:
    """Return the same out of the log, each once."""
    fills = feed.told(FillRecorded)
    found = {
        (fill.instrument, fill.trade_id): fill.quantity if fill.side == "buy" else -fill.quantity for fill in fills
    }
    assert len(found) == len(fills)
    return found


async def settled(world: World, feed: Feed) -> None:
    """Wait until the log has exactly the trades that unmodified ccxt reads."""
    wanted = await asyncio.to_thread(theirs, world)
    await feed.until(lambda: logged(feed) == wanted)


def rows(world: World) -> dict[str, Any]:
    """Return the raw position of each contract, and what the account has, as unmodified ccxt tells them."""
    client = world.client(DERIBIT)
    return {INSTRUMENTS[DERIBIT][row["info"]["instrument_name"]]: row["info"] for row in client.fetch_positions()}


def equities(world: World) -> dict[str, Decimal]:
    """Return the venue's equity less the profit of each position since its entry."""
    client = world.client(DERIBIT)
    found = {row["currency"]: Decimal(str(row["equity"])) for row in client.fetch_balance()["info"]["summaries"]}
    for row in rows(world).values():
        found[row["instrument_name"][:3]] -= Decimal(str(row["total_profit_loss"]))
    return found


async def test_trades_positions_wallets_fundings_and_orders_are_those_of_the_venue_across_a_settlement(
    world: World, log_url: str
) -> None:
    async with running(DERIBIT, log_url) as feed:
        before = len(feed.told(FillRecorded))
        assert before > 0
        world.fill(DERIBIT, "ETH-PERPETUAL", "250", side="SELL")
        world.fill(DERIBIT, "BTC-PERPETUAL", "30", side="BUY")
        await settled(world, feed)
        assert {fill.fee_asset for fill in feed.told(FillRecorded)} == {"ETH", "BTC"}
        await feed.until(lambda: len(feed.told(TransferSeen)) == 2 and feed.told(FundingPaid) != [])
        known = len(feed.told(FundingPaid))
        world.act("funding", venue="deribit", symbol="ETH-PERPETUAL")
        await feed.until(lambda: len(feed.told(FundingPaid)) == known + 1)
        holds = await asyncio.to_thread(rows, world)
        sizes = {id_: Decimal(str(row["size"])) / SIZES[id_] for id_, row in holds.items()}
        await feed.until(lambda: {one.instrument: one.quantity for one in feed.told(PositionStated)} == sizes)
        wallets = await asyncio.to_thread(equities, world)

        def agree() -> bool:
            stated = {one.asset: one.total for one in feed.told(BalanceStated)}
            return set(stated) == set(wallets) and all(abs(stated[each] - wallets[each]) < 1e-5 for each in wallets)

        await feed.until(agree)
        assert feed.told(PositionOpened) == []
        ended = {order.instrument: order for order in feed.told(OrderSeen)}
        assert {id_: (one.status, one.filled) for id_, one in ended.items()} == {
            ETH: ("filled", Decimal(250)),
            BTC: ("filled", Decimal(30)),
        }


async def test_a_short_receives_when_the_rate_is_above_zero(world: World, log_url: str) -> None:
    async with running(DERIBIT, log_url) as feed:
        await feed.until(lambda: feed.told(FundingPaid) != [])
        known, client = len(feed.told(FundingPaid)), world.client(DERIBIT)
        assert Decimal(str((await asyncio.to_thread(rows, world))[ETH]["size"])) < 0
        told = await asyncio.to_thread(client.publicGetTicker, {"instrument_name": "ETH-PERPETUAL"})
        rate = Decimal(str(told["result"]["current_funding"]))
        assert rate
        world.act("funding", venue="deribit", symbol="ETH-PERPETUAL")
        await feed.until(lambda: len(feed.told(FundingPaid)) > known)
        paid = feed.told(FundingPaid)[-1]
        assert (paid.instrument, paid.asset) == (ETH, "ETH")
        assert paid.amount * rate > 0


async def test_what_happened_while_the_connection_was_cut_is_read_after_it_came_back(
    world: World, log_url: str
) -> None:
    async with running(DERIBIT, log_url) as feed:
        world.act("faults", kind="drop_connections", venue="deribit", connections="private")
        world.fill(DERIBIT, "ETH-PERPETUAL", "250", side="SELL")
        await feed.until_health(lambda health: health.counters.get("resyncs", 0) >= 1 and health.is_connected)
        await settled(world, feed)


async def test_a_fill_of_which_the_stream_said_nothing_is_read_with_the_next_reading(
    world: World, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "READ_EVERY_S", 1.0)
    async with running(DERIBIT, log_url) as feed:
        world.act("faults", kind="drop_fill", venue="deribit", account=DERIBIT)
        world.fill(DERIBIT, "BTC-PERPETUAL", "25", side="SELL")
        await settled(world, feed)
