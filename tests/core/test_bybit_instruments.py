"""What Bybit says of its contracts becomes instruments, and what contradicts itself is refused by field."""

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from marketdata.core.bybit_instruments import instruments, symbol_of
from marketdata.core.reference import ReferenceContradicts

D = Decimal
ROW: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "ETH",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "deliveryTime": "0",
    "priceFilter": {"minPrice": "0.01", "maxPrice": "199999.98", "tickSize": "0.01"},
    "lotSizeFilter": {"maxOrderQty": "7240.00", "minOrderQty": "0.01", "qtyStep": "0.01"},
}
INVERSE = ROW | {"symbol": "ETHUSD", "contractType": "InversePerpetual", "quoteCoin": "USD", "settleCoin": "ETH"}
LIMITS: list[dict[str, Any]] = [
    {"symbol": "ETHUSDT", "riskLimitValue": "2000000", "maintenanceMargin": "0.005", "maxLeverage": "100.00"}
    | {"mmDeduction": ""},
    {"symbol": "ETHUSDT", "riskLimitValue": "4000000", "maintenanceMargin": "0.01", "maxLeverage": "50.00"}
    | {"mmDeduction": "10000"},
]


def found(row: dict[str, Any], limits: list[dict[str, Any]] | None = None, symbol: str = "ETH-USDT-PERP") -> Any:
    """Return the one instrument of a row."""
    limits = LIMITS if limits is None else limits
    of_row = [limit | {"symbol": row["symbol"]} for limit in limits]
    (one,) = instruments("bybit", [row], of_row, symbols=[symbol], assets={"ETH", "USDT"})
    return one


def test_a_linear_perpetual_is_a_coin_a_contract() -> None:
    one = found(ROW)
    assert (one.id, one.venue_symbol, one.kind, one.expiry) == ("bybit:ETH-USDT-PERP", "ETHUSDT", "linear", "perpetual")
    assert (one.contract_size, one.tick_size, one.step_size, one.settlement) == (D(1), D("0.01"), D("0.01"), "USDT")
    assert [(tier.floor, tier.cap, tier.deduction) for tier in one.tiers] == [
        (D(0), D(2_000_000), D(0)),
        (D(2_000_000), D(4_000_000), D(10_000)),
    ]
    assert one.is_trading


def test_an_inverse_perpetual_is_a_dollar_a_contract_and_settled_in_its_coin() -> None:
    one = found(INVERSE, symbol="ETH-USD-PERP")
    assert (one.kind, one.contract_size, one.settlement, one.quote) == ("inverse", D(1), "ETH", "USD")


def test_a_dated_contract_has_its_day_in_its_symbol() -> None:
    row = ROW | {"symbol": "ETHUSDT-26MAR27", "contractType": "LinearFutures", "deliveryTime": "1806019200000"}
    one = found(row, symbol="ETH-USDT-20270326")
    assert (one.expiry, one.expires_at) == ("dated", datetime(2027, 3, 26, tzinfo=UTC))


def test_a_contract_that_is_not_traded_now_is_known_as_such() -> None:
    assert not found(ROW | {"status": "Settling"}).is_trading


def test_kinds_that_are_not_traded_have_no_spelling() -> None:
    assert symbol_of(ROW | {"contractType": "Option"}) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"settleCoin": "ETH"}, "settleCoin: USDT expected, found ETH"),
        ({"baseCoin": "XRP"}, "an instrument of the venue expected, found none"),
        ({"quoteCoin": "USDC", "settleCoin": "USDC"}, "an instrument of the venue expected, found none"),
        ({"priceFilter": {}}, "tickSize: a number expected, found None"),
        ({"priceFilter": None}, "tickSize: a number expected, found None"),
        ({"lotSizeFilter": {"qtyStep": "0"}}, "qtyStep: above 0 expected, found 0"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ReferenceContradicts, match=field):
        found(ROW | change)


@pytest.mark.parametrize(
    ("place", "change", "field"),
    [
        (1, {"mmDeduction": "9999"}, "mmDeduction: 10000.000 expected, found 9999"),
        (1, {"maintenanceMargin": "0.005"}, "maintenanceMargin: above 0.005 and below 1 expected"),
        (0, {"riskLimitValue": "x"}, "riskLimitValue: a number expected, found x"),
        (0, {"maxLeverage": None}, "maxLeverage: a number expected, found None"),
    ],
)
def test_tiers_that_do_not_join_are_refused(place: int, change: dict[str, Any], field: str) -> None:
    limits = deepcopy(LIMITS)
    limits[place] |= change
    with pytest.raises(ReferenceContradicts, match=field):
        found(ROW, limits)


def test_no_tiers_are_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="risk-limit: at least one expected, found none"):
        found(ROW, [])
