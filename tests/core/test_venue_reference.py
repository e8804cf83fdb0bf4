"""What a venue publishes becomes instruments in our spelling, or is refused by the field that does not fit."""

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hedgeapp.core.instruments import Instrument
from marketdata.core import reference
from marketdata.core.reference import ReferenceContradicts, Spelling, SymbolIsUnknown

ASSETS = ("ETH", "BTC", "USDT")
FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "39.86", "maxPrice": "306177", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "stepSize": "0.001", "maxQty": "10000", "minQty": "0.001"},
]
LINEAR = {
    "symbol": "ETHUSDT",
    "pair": "ETHUSDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
    "status": "TRADING",
    "baseAsset": "ETH",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "filters": FILTERS,
}
INVERSE = LINEAR | {
    "symbol": "ETHUSD_PERP",
    "contractStatus": "TRADING",
    "contractSize": 10,
    "quoteAsset": "USD",
    "marginAsset": "ETH",
}
DATED = INVERSE | {"symbol": "ETHUSD_261225", "contractType": "CURRENT_QUARTER", "deliveryDate": 1798185600000}


def bracket(
    floor: object, cap: object, rate: object, cum: object, leverage: int = 100, by: str = "notional"
) -> dict[str, Any]:
    """Return one bracket as the venue prints it."""
    return {f"{by}Floor": floor, f"{by}Cap": cap, "maintMarginRatio": rate, "cum": cum, "initialLeverage": leverage}


# The venue's published brackets of ETHUSDT, October 2024.
BRACKETS = [
    bracket(0, 50_000, 0.004, 0.0, 125),
    bracket(50_000, 600_000, 0.005, 50.0, 100),
    bracket(600_000, 3_000_000, 0.0065, 950.0, 75),
    bracket(3_000_000, 12_000_000, 0.01, 11_450.0, 50),
]
COIN_BRACKETS = [bracket(0, 250, "0.005", "0", by="qty"), bracket(250, 1_000, "0.01", "1.25", by="qty")]


def linear(row: dict[str, Any] = LINEAR, brackets: list[dict[str, Any]] = BRACKETS) -> Instrument:
    """Read the linear perpetual."""
    answer = [{"symbol": "ETHUSDT", "brackets": brackets}]
    return reference.instruments(
        "binance-usdm", "linear", {"symbols": [row]}, answer, symbols=["ETH-USDT-PERP"], assets=ASSETS
    )[0]


def test_a_linear_perpetual_is_read() -> None:
    found = linear()
    assert (found.id, found.venue_symbol) == ("binance-usdm:ETH-USDT-PERP", "ETHUSDT")
    assert (found.base, found.quote, found.settlement) == ("ETH", "USDT", "USDT")
    assert (found.contract_size, found.tick_size, found.step_size) == (Decimal(1), Decimal("0.01"), Decimal("0.001"))
    assert found.is_trading
    assert [(tier.cap, tier.maintenance_rate, tier.deduction) for tier in found.tiers] == [
        (Decimal(50_000), Decimal("0.004"), Decimal(0)),
        (Decimal(600_000), Decimal("0.005"), Decimal(50)),
        (Decimal(3_000_000), Decimal("0.0065"), Decimal(950)),
        (Decimal(12_000_000), Decimal("0.01"), Decimal(11_450)),
    ]


def test_inverse_contracts_are_read_with_tiers_in_coin() -> None:
    answer = [{"symbol": symbol, "brackets": COIN_BRACKETS} for symbol in ("ETHUSD_PERP", "ETHUSD_261225")]
    perpetual, dated = reference.instruments(
        "binance-coinm",
        "inverse",
        {"symbols": [DATED, INVERSE]},
        answer,
        symbols=["ETH-USD-PERP", "ETH-USD-20261225"],
        assets=ASSETS,
    )
    assert (perpetual.id, perpetual.contract_size, perpetual.settlement) == (
        "binance-coinm:ETH-USD-PERP",
        Decimal(10),
        "ETH",
    )
    assert perpetual.tiers[1].floor == Decimal(250)
    assert dated.expiry == "dated"
    assert dated.expires_at == datetime(2026, 12, 25, 8, tzinfo=UTC)
    assert dated.venue_symbol == "ETHUSD_261225"


def test_instruments_that_are_not_asked_for_need_not_be_sound() -> None:
    odd = LINEAR | {"symbol": "DOGEUSDT", "baseAsset": "DOGE", "filters": []}
    answer = [{"symbol": "ETHUSDT", "brackets": BRACKETS}]
    found = reference.instruments(
        "binance-usdm", "linear", {"symbols": [odd, LINEAR]}, answer, symbols=["ETH-USDT-PERP"], assets=ASSETS
    )
    assert [each.symbol for each in found] == ["ETH-USDT-PERP"]


@pytest.mark.parametrize(
    ("change", "field", "expected", "found"),
    [
        ({"marginAsset": "ETH"}, "marginAsset", "USDT", "ETH"),
        ({"filters": FILTERS[:1]}, "filters", "LOT_SIZE", "none"),
        ({"filters": [{"filterType": "PRICE_FILTER", "tickSize": "0"}, FILTERS[1]]}, "tickSize", "above 0", "0"),
        ({"filters": [FILTERS[0], {"filterType": "LOT_SIZE", "stepSize": "abc"}]}, "stepSize", "a number", "abc"),
        (
            {"filters": [FILTERS[0], {"filterType": "LOT_SIZE", "stepSize": "NaN"}]},
            "stepSize",
            "a finite number",
            "NaN",
        ),
        ({"contractType": "CURRENT_QUARTER", "deliveryDate": "1e99"}, "deliveryDate", "a time in ms", "1e99"),
    ],
)
def test_a_contradiction_names_field_expected_and_found(
    change: dict[str, Any], field: str, expected: str, found: str
) -> None:
    with pytest.raises(ReferenceContradicts, match=f"{field}: {expected} expected, found {found}"):
        linear(LINEAR | change)


def test_an_unknown_base_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="baseAsset: one of BTC, USDT expected, found ETH"):
        reference.instruments(
            "binance-usdm", "linear", {"symbols": [LINEAR]}, [], symbols=["ETH-USDT-PERP"], assets=("BTC", "USDT")
        )


def test_an_instrument_that_the_venue_lacks_is_named() -> None:
    with pytest.raises(ReferenceContradicts, match="binance-usdm:BTC-USDT-PERP: symbol: an instrument of the venue"):
        reference.instruments(
            "binance-usdm", "linear", {"symbols": [LINEAR]}, [], symbols=["BTC-USDT-PERP"], assets=ASSETS
        )


@pytest.mark.parametrize(
    ("tier", "field", "value"),
    [
        (0, "notionalFloor", 1),
        (1, "notionalFloor", 60_000),  # a hole
        (2, "notionalFloor", 500_000),  # an overlap
        (3, "notionalCap", 3_000_000),  # nothing in it
        (1, "maintMarginRatio", 0.004),  # not above the one before
        (1, "maintMarginRatio", 1),
        (2, "cum", 949.0),  # a step in the maintenance margin
        (0, "cum", 1.0),
        (0, "initialLeverage", 0),
    ],
)
def test_tiers_that_do_not_join_are_refused(tier: int, field: str, value: float) -> None:
    brackets = copy.deepcopy(BRACKETS)
    brackets[tier][field] = value
    with pytest.raises(ReferenceContradicts, match=field):
        linear(brackets=brackets)


def test_an_instrument_without_tiers_is_refused() -> None:
    with pytest.raises(ReferenceContradicts, match="brackets: at least one expected, found none"):
        linear(brackets=[])


def test_spelling_goes_both_ways() -> None:
    spelling = Spelling([linear()])
    assert spelling.ours("ETHUSDT").id == "binance-usdm:ETH-USDT-PERP"
    assert spelling.theirs("binance-usdm:ETH-USDT-PERP") == "ETHUSDT"


def test_an_unknown_symbol_is_named_with_those_that_are_known() -> None:
    spelling = Spelling([linear()])
    with pytest.raises(SymbolIsUnknown, match="one of ETHUSDT expected, found BTCUSDT"):
        spelling.ours("BTCUSDT")
    with pytest.raises(SymbolIsUnknown, match="found binance-usdm:BTC-USDT-PERP"):
        spelling.theirs("binance-usdm:BTC-USDT-PERP")
