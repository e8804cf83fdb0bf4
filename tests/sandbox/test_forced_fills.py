"""What a venue does by itself is said in its own words, and read from them alone."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from hedgeapp.core.events.trading import FillRecorded
from marketdata.feeds.ccxt.bybit.facts import BybitFacts
from marketdata.feeds.ccxt.deribit.facts import DeribitFacts
from marketdata.feeds.ccxt.okx.facts import OkxFacts
from sandbox.bybit import rows as bybit
from sandbox.bybit.contracts import BYBIT
from sandbox.deribit import rows as deribit
from sandbox.deribit.contracts import DERIBIT
from sandbox.okx import rows as okx
from sandbox.okx.contracts import OKX
from sandbox.opening import DERIBIT_MAIN, OKX_MAIN, UNIFIED
from sandbox.reference import exchange_keys
from sandbox.rows import Fill, Order
from sandbox.world import Settings, World
from tests.builders.bybit import INVERSE as BYBIT_ETH
from tests.builders.deribit import ETH as DERIBIT_ETH
from tests.builders.okx import INVERSE as OKX_ETH

COLLATERAL = {"ETH": Decimal(11_660), "BTC": Decimal(150)}

Read = Callable[[World, Fill, Order], FillRecorded | None]


def bybit_fill(world: World, fill: Fill, order: Order) -> FillRecorded | None:
    row = bybit.execution_row(world.markets[BYBIT, fill.symbol].spec, fill, order, Decimal(0))
    return BybitFacts(UNIFIED, [BYBIT_ETH], ["ETH"]).fill_of_row(row)


def okx_fill(world: World, fill: Fill, order: Order) -> FillRecorded | None:
    row = okx.fill_row(world.markets[OKX, fill.symbol].spec, fill, order)
    return OkxFacts(OKX_MAIN, [OKX_ETH], ["ETH"]).fill_of_row(row)


def deribit_fill(world: World, fill: Fill, order: Order) -> FillRecorded | None:
    row = deribit.trade_row(world.markets[DERIBIT, fill.symbol], fill, order)
    return DeribitFacts(DERIBIT_MAIN, [DERIBIT_ETH], ["ETH"]).fill_of_row(row)


PLACES: dict[str, tuple[str, str, Read]] = {
    "bybit": (UNIFIED, "ETHUSD", bybit_fill),
    "okx": (OKX_MAIN, "ETH-USD-SWAP", okx_fill),
    "deribit": (DERIBIT_MAIN, "ETH-PERPETUAL", deribit_fill),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with every venue; nothing in it moves by itself."""
    folder: Path = tmp_path_factory.mktemp("world")
    settings = Settings(folder=folder, hand_every_s=0.0, bybit=True, okx=True, deribit=True)
    living = World(settings, exchange_keys(folder), lambda: COLLATERAL)
    yield living
    living.ledger.close()


def last_fill(world: World, account: str, symbol: str) -> Fill:
    (found,) = world.ledger.fills(account, symbol, "1", (), 1, latest=True)
    return found


@pytest.mark.parametrize("venue", PLACES)
def test_a_liquidation_and_a_deleveraging_are_told_apart_from_what_we_ordered(world: World, venue: str) -> None:
    account, symbol, read = PLACES[venue]
    risk, at_ms = world.liquidation, world.now_ms()
    first = last_fill(world, account, symbol)
    order = world.ledger.order(account, symbol, order_id=first.order_id, client_id=None)
    assert order is not None
    found = {"ours": read(world, first, order)}
    for what, forced in (
        ("liquidation", risk._close(account, symbol, Decimal("0.1"), at_ms)),
        ("adl", risk.deleverage(account, symbol, 1, None, at_ms + 1)),
    ):
        found[what] = read(world, last_fill(world, account, symbol), forced)
    told = {what: fill.forced for what, fill in found.items() if fill is not None}
    # Which words Deribit has for a deleveraging is not known: its trade is one as any other.
    assert told == {"ours": None, "liquidation": "liquidation", "adl": None if venue == "deribit" else "adl"}


@pytest.mark.parametrize(
    ("row", "forced"),
    [
        ({"execType": "Trade", "createType": "CreateByUser"}, None),
        ({"execType": "Trade"}, None),
        ({"execType": "Trade", "createType": "CreateByLiq"}, "liquidation"),
        ({"execType": "BustTrade", "createType": ""}, "liquidation"),
        ({"execType": "AdlTrade"}, "adl"),
        ({"execType": "Settle"}, "settlement"),
        ({"execType": "Delivery"}, "settlement"),
    ],
)
def test_bybits_executions_say_why(world: World, row: dict[str, str], forced: str | None) -> None:
    account, symbol, _ = PLACES["bybit"]
    fill = last_fill(world, account, symbol)
    told = bybit.execution_row(world.markets[BYBIT, symbol].spec, fill, None, Decimal(0))
    del told["createType"]
    read = BybitFacts(account, [BYBIT_ETH], ["ETH"]).fill_of_row(told | row)
    assert read is not None
    assert read.forced == forced


@pytest.mark.parametrize(
    ("kind", "forced"),
    [
        ("1", None), ("6", None), ("100", "liquidation"), ("107", "liquidation"), ("108", None), ("113", "settlement"),
        ("125", "adl"), ("128", "adl"), ("204", None), ("", None),
    ],
)  # fmt: skip
def test_okxs_fills_say_why(world: World, kind: str, forced: str | None) -> None:
    account, symbol, _ = PLACES["okx"]
    told = okx.fill_row(world.markets[OKX, symbol].spec, last_fill(world, account, symbol), None)
    read = OkxFacts(account, [OKX_ETH], ["ETH"]).fill_of_row(told | {"subType": kind})
    assert read is not None
    assert read.forced == forced


@pytest.mark.parametrize(
    ("liquidation", "liquidity", "forced"),
    [("T", "T", "liquidation"), ("MT", "M", "liquidation"), ("M", "T", None), ("T", "M", None), (None, "T", None)],
)
def test_deribits_trades_say_whose_side_was_liquidated(
    world: World, liquidation: str | None, liquidity: str, forced: str | None
) -> None:
    account, symbol, _ = PLACES["deribit"]
    told = deribit.trade_row(world.markets[DERIBIT, symbol], last_fill(world, account, symbol), None)
    row = told | {"liquidity": liquidity, "liquidation": liquidation}
    read = DeribitFacts(account, [DERIBIT_ETH], ["ETH"]).fill_of_row(row)
    assert read is not None
    assert read.forced == forced
