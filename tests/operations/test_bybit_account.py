"""A Bybit account's facts in the log are the venue's own, of linear and inverse contracts, whatever happens between."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from hedgeapp.core.events.balances import BalanceStated, CollateralTermsStated, TransferSeen
from hedgeapp.core.events.debts import BorrowRateStated, InterestCharged
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from marketdata.feeds.ccxt import service
from marketdata.operations.credentials import set_credential
from tests.builders.accounts import INSTRUMENTS, UNIFIED, Feed, World, running, seeded

LINEAR, INVERSE = INSTRUMENTS[UNIFIED]["ETHUSDT"], INSTRUMENTS[UNIFIED]["ETHUSD"]


@pytest.fixture
def world(tmp_path: Path, log_url: str) -> Iterator[World]:
    """A sandbox with Bybit, described, seeded and running, where prices stay."""
    found = World(tmp_path / "world", offered=["bybit"])
    seeded(found)
    found.start("--volatility", "0")
    yield found
    found.kill()


def theirs(world: World) -> dict[str, Decimal]:
    """Return each trade's signed quantity by its id, as unmodified ccxt tells them."""
    client = world.client(UNIFIED)
    client.load_markets()
    found: dict[str, Decimal] = {}
    for symbol in client.symbols:
        given = {"paginate": True, "paginationCalls": 10}
        for row in client.fetch_my_trades(symbol, limit=100, params=given):
            found[row["id"]] = Decimal(row["amount"]) * (1 if row["side"] == "buy" else -1)
    return found


def logged(feed: Feed) -> dict[str, Decimal]:
    """Return the same out of the log, each once."""
    fills = feed.told(FillRecorded)
    found = {id_of(fill): fill.quantity if fill.side == "buy" else -fill.quantity for fill in fills}
    assert len(found) == len(fills)
    return found


def id_of(fill: FillRecorded) -> str:
    """Return the venue's id of a trade out of its number."""
    milliseconds, id_ = divmod(int(fill.trade_id), 10**39)
    assert milliseconds == round(fill.at.timestamp() * 1000)
    return str(UUID(int=id_))


async def settled(world: World, feed: Feed) -> None:
    """Wait until the log has exactly the trades that unmodified ccxt reads."""
    wanted = await asyncio.to_thread(theirs, world)
    await feed.until(lambda: logged(feed) == wanted)


def venue_holds(world: World) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return positions by instrument and balances by asset as unmodified ccxt tells them."""
    client = world.client(UNIFIED)
    given: list[dict[str, Any]] = [{}, {"category": "inverse", "subType": "inverse"}]
    rows = [row["info"] for one in given for row in client.fetch_positions(None, one)]
    signs = {"Buy": 1, "Sell": -1}
    positions = {INSTRUMENTS[UNIFIED][row["symbol"]]: signs[row["side"]] * Decimal(row["size"]) for row in rows}
    coins = client.fetch_balance()["info"]["result"]["list"][0]["coin"]
    return positions, {row["coin"]: Decimal(row["walletBalance"]) for row in coins if Decimal(row["walletBalance"])}


def stated(feed: Feed) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return the same as the log tells it last."""
    positions = {one.instrument: one.quantity for one in feed.told(PositionStated)}
    balances = {one.asset: one.total for one in feed.told(BalanceStated)}
    return {id_: size for id_, size in positions.items() if size}, balances


async def test_trades_positions_balances_fundings_and_orders_are_those_that_unmodified_ccxt_reads(
    world: World, log_url: str
) -> None:
    async with running(UNIFIED, log_url) as feed:
        before = len(feed.told(FillRecorded))
        assert before > 0
        world.fill(UNIFIED, "ETHUSDT", "0.5", side="SELL")
        world.fill(UNIFIED, "ETHUSD", "250", side="SELL")
        await settled(world, feed)
        fills = feed.told(FillRecorded)
        assert {fill.fee_asset for fill in fills} == {"USDT", "ETH", "BTC"}
        assert {fill.instrument for fill in fills[before:]} == {LINEAR, INVERSE}
        await feed.until(lambda: feed.told(TransferSeen) != [] and feed.told(FundingPaid) != [])
        known = len(feed.told(FundingPaid))
        world.act("funding", venue="bybit", symbol="ETHUSD")
        await feed.until(lambda: len(feed.told(FundingPaid)) == known + 1)
        holds = await asyncio.to_thread(venue_holds, world)
        await feed.until(lambda: stated(feed) == holds)
        assert feed.told(PositionOpened) == []
        ended = {order.instrument: order for order in feed.told(OrderSeen)}
        assert (ended[LINEAR].status, ended[LINEAR].filled) == ("filled", Decimal("0.5"))
        assert (ended[INVERSE].status, ended[INVERSE].filled) == ("filled", Decimal(250))


async def test_a_short_under_a_positive_rate_receives(world: World, log_url: str) -> None:
    async with running(UNIFIED, log_url) as feed:
        await feed.until(lambda: feed.told(FundingPaid) != [])
        positions, _ = await asyncio.to_thread(venue_holds, world)
        assert positions[INVERSE] < 0
        client = world.client(UNIFIED)
        rates = {row["timestamp"]: row["fundingRate"] for row in client.fetch_funding_rate_history("ETH/USD:ETH")}
        paid = [one for one in feed.told(FundingPaid) if one.instrument == INVERSE]
        checked = [(one.amount, rates[at]) for one in paid if (at := round(one.at.timestamp() * 1000)) in rates]
        assert checked
        assert all((amount > 0) == (Decimal(rate) > 0) for amount, rate in checked)


async def test_what_happened_while_the_connection_was_cut_is_read_after_it_came_back(
    world: World, log_url: str
) -> None:
    async with running(UNIFIED, log_url) as feed:
        world.act("faults", kind="drop_connections", venue="bybit", connections="private", duration_s=1)
        world.fill(UNIFIED, "ETHUSDT", "0.5", side="SELL")
        await feed.until_health(lambda health: health.counters.get("resyncs", 0) >= 1 and health.is_connected)
        await settled(world, feed)


async def test_what_assets_count_for_is_told_once_whatever_connections_come(world: World, log_url: str) -> None:
    async with running(UNIFIED, log_url) as feed:
        world.act("faults", kind="drop_connections", venue="bybit", connections="private", duration_s=1)
        await feed.until_health(lambda health: health.counters.get("resyncs", 0) >= 1 and health.is_connected)
        (told,) = feed.told(CollateralTermsStated)
        listed = world.client(UNIFIED).publicGetV5SpotMarginTradeCollateral()["result"]["list"]
        ratios = {row["currency"]: Decimal(row["collateralRatioList"][0]["collateralRatio"]) for row in listed}
        assert {one.asset: one.tiers[0].ratio for one in told.assets} == ratios
        assert ratios["ETH"] == Decimal("0.95")


async def test_interest_is_told_once_whatever_connections_come_and_the_rate_with_it(world: World, log_url: str) -> None:
    wallet = Decimal(world.act("transfer", account=UNIFIED, asset="USDT", amount="-1")["wallet"])
    world.act("transfer", account=UNIFIED, asset="USDT", amount=str(-wallet - 50_000))
    async with running(UNIFIED, log_url) as feed:
        (first,) = world.act("interest")["charged"]
        await feed.until(lambda: len(feed.told(InterestCharged)) == 1)
        world.act("faults", kind="drop_connections", venue="bybit", connections="private", duration_s=1)
        await feed.until_health(lambda health: health.counters.get("resyncs", 0) >= 1 and health.is_connected)
        (second,) = world.act("interest")["charged"]
        await feed.until(lambda: len(feed.told(InterestCharged)) >= 2)
        rates = {one.asset: one.hourly_rate for one in feed.told(BorrowRateStated)}
        assert len(feed.told(BorrowRateStated)) == len(rates)
    async with running(UNIFIED, log_url) as feed:  # a service that begins anew reads all of it again
        known = len(feed.told(FundingPaid))
        world.act("funding", venue="bybit", symbol="ETHUSD")
        await feed.until(lambda: len(feed.told(FundingPaid)) > known)
        charged = feed.told(InterestCharged)
        assert [(one.account, one.asset, one.amount) for one in charged] == [
            (account, asset, Decimal(amount)) for account, asset, amount in (first, second)
        ]
        held = await asyncio.to_thread(venue_holds, world)
        await feed.until(lambda: stated(feed) == held)
    listed = world.client(UNIFIED).fetch_borrow_rate_history("USDT")
    assert rates["USDT"] == Decimal(listed[-1]["info"]["hourlyBorrowRate"])
    assert set(rates) == {"BTC", "ETH", "USDT"}


async def test_a_fill_of_which_the_stream_said_nothing_is_read_with_the_next_reading(
    world: World, log_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "READ_EVERY_S", 1.0)
    async with running(UNIFIED, log_url) as feed:
        world.act("faults", kind="drop_fill", venue="bybit", account=UNIFIED)
        world.fill(UNIFIED, "ETHUSD", "250", side="SELL")
        await settled(world, feed)


def keep(secret: str) -> None:
    """Give the account a key that the venue does not know."""
    set_credential(UNIFIED, api_key="a-key-of-nobody", secret=secret, by="alice", at=datetime.now(UTC))
    connection.close()


async def test_wrong_keys_are_said_in_a_sentence(world: World, log_url: str) -> None:
    await asyncio.to_thread(keep, "nothing")
    async with running(UNIFIED, log_url, live=False) as feed:
        found = await feed.until_health(lambda health: bool(health.error))
    assert "keys that the venue accepts expected" in found.error
