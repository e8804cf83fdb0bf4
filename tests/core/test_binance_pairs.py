"""What Binance says of spot pairs becomes instruments that nothing is held in; what contradicts itself is refused."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from hedgeapp.core.instruments import Tier
from hedgeapp.core.reference import Asset, Venue
from marketdata.core.admission import SettlementContradictsKind, require_admissible
from marketdata.core.binance_pairs import instruments, venue_symbol_of
from marketdata.core.catalogue import Catalogue
from marketdata.core.reference import ReferenceContradicts
from marketdata.core.wellformed import RowRefused
from tests.builders.spot import PAIR, ROW

D = Decimal
ASSETS = {"ETH", "USDT", "stETH"}
STAKED = ROW | {"symbol": "STETHETH", "baseAsset": "STETH", "quoteAsset": "ETH"}


def found(row: dict[str, Any], symbol: str = "ETH-USDT-SPOT") -> Any:
    """Return the one instrument of a row."""
    (one,) = instruments("binance-spot", [row], symbols=[symbol], assets=ASSETS)
    return one


def catalogue() -> Catalogue:
    """Return a catalogue that has the venue and the assets."""
    made = Catalogue()
    for symbol in ("ETH", "USDT"):
        made = made.with_row(Asset(symbol=symbol, name=symbol, decimals=8, underlying=symbol))
    url = "http://127.0.0.1:1"
    return made.with_row(Venue(name="binance-spot", protocol="binance-spot", rest_url=url, ws_url="ws://127.0.0.1:1"))


def test_a_pair_is_one_coin_a_contract_and_nothing_is_held_in_it() -> None:
    one = found(ROW)
    assert replace(one, tick_size=D("0.01"), step_size=D("0.0001")) == PAIR
    assert (one.tick_size, one.step_size, one.is_contract) == (D("0.01"), D("0.0001"), False)
    require_admissible(one, catalogue())


def test_the_venue_writes_assets_in_capitals_and_we_do_not() -> None:
    one = found(STAKED, "stETH-ETH-SPOT")
    assert (one.symbol, one.venue_symbol, one.base) == ("stETH-ETH-SPOT", "STETHETH", "stETH")
    assert venue_symbol_of("stETH-ETH-SPOT") == "STETHETH"


def test_a_pair_that_is_halted_does_not_trade() -> None:
    assert not found(ROW | {"status": "BREAK"}).is_trading


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"filters": []}, "PRICE_FILTER expected, found none"),
        ({"filters": 7}, "PRICE_FILTER expected, found none"),
        ({"filters": ["x", ROW["filters"][1]]}, "PRICE_FILTER expected, found none"),
        ({"filters": [ROW["filters"][0] | {"tickSize": "0"}, ROW["filters"][1]]}, "tickSize: above 0 expected"),
        ({"filters": [ROW["filters"][0]]}, "LOT_SIZE expected, found none"),
        ({"symbol": "USDTETH"}, "ETHUSDT expected, found USDTETH"),
        ({"baseAsset": "SOL"}, "a pair of the venue expected, found none"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ReferenceContradicts, match=said):
        found(ROW | change)


def test_the_same_pair_twice_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="twice"):
        instruments("binance-spot", [ROW, ROW], symbols=["ETH-USDT-SPOT"], assets=ASSETS)
    with pytest.raises(ReferenceContradicts, match="once in whatever capitals"):
        instruments("binance-spot", [ROW], symbols=["ETH-USDT-SPOT", "eth-USDT-SPOT"], assets=ASSETS)


def test_an_asset_that_nobody_introduced_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="quoteAsset"):
        instruments("binance-spot", [ROW], symbols=["ETH-USDT-SPOT"], assets={"ETH"})


@pytest.mark.parametrize(
    "change",
    [
        {"contract_size": D(10)},
        {"kind": "inverse", "settlement": "ETH"},
        {"tiers": (Tier(floor=D(0), cap=D(1), maintenance_rate=D("0.1"), deduction=D(0), leverage_max=D(5)),)},
    ],
)
def test_a_pair_with_terms_of_a_contract_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SettlementContradictsKind, match="spot pair"):
        require_admissible(replace(PAIR, **change), catalogue())


@pytest.mark.parametrize(
    "change", [{"expiry": "perpetual"}, {"symbol": "ETH-USDT-PERP", "id": "binance-spot:ETH-USDT-PERP"}]
)
def test_the_symbol_of_a_pair_says_that_it_is_one(change: dict[str, Any]) -> None:
    with pytest.raises(RowRefused, match="symbol ending in"):
        require_admissible(replace(PAIR, **change), catalogue())
