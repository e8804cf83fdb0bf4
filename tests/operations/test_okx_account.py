"""An OKX account's facts in the log are the venue's own, of linear and inverse contracts, whatever happens between."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from marketdata.feeds.ccxt import service
from marketdata.operations.credentials import set_credential
from tests.builders.accounts import INSTRUMENTS, TRADING, Feed, World, running, seeded

LINEAR, INVERSE = INSTRUMENTS[TRADING]["ETH-USDT-SWAP"], INSTRUMENTS[TRADING]["ETH-USD-SWAP"]


@pytest.fixture
def world(tmp_path: Path, log_url: str) -> Iterator[World]:
    """A sandbox with OKX, described, seeded and running, where prices stay."""
    found = World(tmp_path / "world", offered=["okx"])
    seeded(found)
    found.start("--volatility", "0")
    yield found
    found.kill()


def theirs(world: World) -> dict[str, Decimal]:
    """Return each trade's signed contracts by contract and id, as unmodified ccxt tells them."""
    client = world.client(TRADING)
    found: dict[str, Decimal] = {}
    after = ""
    while rows := client.privateGetTradeFillsHistory(
        {"instType": "SWAP", "after": after} if after else {"instType": "SWAP"}
    )["data"]:
        for row in rows:
            signed = Decimal(row["fillSz"]) * (1 if row["side"] == "buy" else -1)
            found[f"{INSTRUMENTS[TRADING][row['instId']]} {row['tradeId']}"] = signed
        after = rows[-1]["billId"]
    return found


def logged(feed: Feed) -> dict[str, Decimal]:
    """Return the same out of the log, each once."""
    fills = feed.told(FillRecorded)
    found = {id_of(fill): fill.quantity if fill.side == "buy" else -fill.quantity for fill in fills}
    assert len(found) == len(fills)
    return found


def id_of(fill: FillRecorded) -> str:
    """Return contract and the venue's id of a trade out of its number."""
    milliseconds, id_ = divmod(int(fill.trade_id), 10**21)
    assert milliseconds == round(fill.at.timestamp() * 1000)
    return f"{fill.instrument} {id_ - 10**20}"


async def settled(world: World, feed: Feed) -> None:
    """Wait until the log has exactly the trades that unmodified ccxt reads."""
    wanted = await asyncio.to_thread(theirs, world)
    await feed.until(lambda: logged(feed) == wanted)


def venue_holds(world: World) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return positions by instrument and balances by asset as unmodified ccxt tells them."""
    client = world.client(TRADING)
    positions = {}
    for row in client.fetch_positions():
        sign = {"long": 1, "short": -1}[row["side"]]
        positions[INSTRUMENTS[TRADING][row["info"]["instId"]]] = sign * Decimal(row["contracts"])
    coins = client.fetch_balance()["info"]["data"][0]["details"]
    return positions, {row["ccy"]: Decimal(row["cashBal"]) for row in coins if Decimal(row["cashBal"])}


def stated(feed: Feed) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return the same as the log tells it last."""
    positions = {one.instrument: one.quantity for one in feed.told(PositionStated)}
    balances = {one.asset: one.total for one in feed.told(BalanceStated)}
    return {id_: size for id_, size in positions.items() if size}, balances


async def test_trades_positions_balances_fundings_and_orders_are_those_that_unmodified_ccxt_reads(
    world: World, log_url: str
) -> None:
    async with running(TRADING, log_url) as feed:
        before = len(feed.told(FillRecorded))
        assert before > 0
        world.fill(TRADING, "ETH-USDT-SWAP", "5", side="SELL")
        world.fill(TRADING, "ETH-USD-SWAP", "250", side="SELL")
        await settled(world, feed)
        fills = feed.told(FillRecorded)
        assert {fill.fee_asset for fill in fills} == {"USDT", "ETH", "BTC"}
        assert {fill.instrument for fill in fills[before:]} == {LINEAR, INVERSE}
        await feed.until(lambda: feed.told(TransferSeen) != [] and feed.told(FundingPaid) != [])
        known = len(feed.told(FundingPaid))
        world.act("funding", venue="okx", symbol="ETH-USD-SWAP")
        await feed.until(lambda: len(feed.told(FundingPaid)) == known + 1)
        holds = await asyncio.to_thread(venue_holds, world)
        await feed.until(lambda: stated(feed) == holds)
        assert feed.told(PositionOpened) == []
        ended = {order.instrument: order for order in feed.told(OrderSeen)}
        assert (ended[LINEAR].status, ended[LINEAR].filled) == ("filled", Decimal(5))
        assert (ended[INVERSE].status, ended[INVERSE].filled) == ("filled", Decimal(250))


async def test_a_short_under_a_positive_rate_receives(world: World, log_url: str) -> None:
    async with running(TRADING, log_url) as feed:
        await feed.until(lambda: feed.told(FundingPaid) != [])
        positions, _ = await asyncio.to_thread(venue_holds, world)
        assert positions[INVERSE] < 0
        client = world.client(TRADING)
        rates = {row["timestamp"]: row["fundingRate"] for row in client.fetch_funding_rate_history("ETH/USD:ETH")}
        paid = [one for one in feed.told(FundingPaid) if one.instrument == INVERSE]
        checked = [(one.amount, rates[at]) for one in paid if (at := round(one.at.timestamp() * 1000)) in rates]
        assert checked
        assert all((amount > 0) == (Decimal(rate) > 0) for amount, rate in checked)


async def test_what_happened_while_the_connection_was_cut_is_read_after_it_came_back(
    world: World, log_url: str
) -> None:
    async with running(TRADING, log_url) as feed:
        world.act("faults", kind="drop_connections", venue="okx", connections="private", duration_s=1)
        world.fill(TRADING, "ETH-USDT-SWAP", "5", side="SELL")
        await feed.until_health(lambda health: health.counters.get("resyncs", 0) >= 1 and health.is_connected)
        await settled(world, feed)


async def test_a_fill_of_which_the_stream_said_nothing_is_read_with_the_next_reading(
    world: World, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "READ_EVERY_S", 1.0)
    async with running(TRADING, log_url) as feed:
        world.act("faults", kind="drop_fill", venue="okx", account=TRADING)
        world.fill(TRADING, "ETH-USD-SWAP", "250", side="SELL")
        await settled(world, feed)


def keep(secret: str) -> None:
    """Give the account a key that the venue does not know."""
    set_credential(TRADING, api_key="a-key-of-nobody", secret=secret, passphrase="x", by="alice", at=datetime.now(UTC))
    connection.close()


async def test_wrong_keys_are_said_in_a_sentence(world: World, log_url: str) -> None:
    await asyncio.to_thread(keep, "nothing")
    async with running(TRADING, log_url, live=False) as feed:
        found = await feed.until_health(lambda health: bool(health.error))
    assert "keys that the venue accepts expected" in found.error
