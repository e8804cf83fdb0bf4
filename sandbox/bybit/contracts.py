"""Bybit's contracts: their sizes and steps as recorded, and the answers of instruments-info and risk-limit."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sandbox.instruments import (
    BTC_COIN_BRACKETS,
    BTC_USDT_BRACKETS,
    ETH_COIN_BRACKETS,
    ETH_USDT_BRACKETS,
    Spec,
)
from sandbox.margin import Bracket

BYBIT = "bybit"
LINEAR, INVERSE = "linear", "inverse"
LAUNCH_MS = 1_585_526_400_000
PRICE_PLACES = 2
MINUTE_MS = 60_000


def contracts() -> tuple[Spec, ...]:
    """List the venue's contracts; their tiers are plausible, not recorded."""
    return (
        _contract("ETH", "USDT", (2, 2), ETH_USDT_BRACKETS, basis_bp=-2.5, rates=(30, 8)),
        _contract("BTC", "USDT", (1, 3), BTC_USDT_BRACKETS, basis_bp=-2.0, rates=(20, 5)),
        _contract("ETH", "USD", (2, 0), ETH_COIN_BRACKETS, basis_bp=-4.0, rates=(30, 8)),
        _contract("BTC", "USD", (1, 0), BTC_COIN_BRACKETS, basis_bp=-3.0, rates=(20, 5)),
    )


def category_of(spec: Spec) -> str:
    """Give the category that a contract is listed under."""
    return INVERSE if spec.inverse else LINEAR


def _contract(
    coin: str,
    quote: str,
    decimals: tuple[int, int],
    brackets: Sequence[Bracket],
    *,
    basis_bp: float,
    rates: tuple[int, int],
) -> Spec:
    is_inverse = quote == "USD"
    return Spec(
        venue=BYBIT,
        symbol=f"{coin}{quote}",
        name=f"{coin}-{quote}-PERP",
        coin=coin,
        quote=quote,
        margin_asset=coin if is_inverse else quote,
        contract_type="InversePerpetual" if is_inverse else "LinearPerpetual",
        delivery_ms=0,
        contract_size=Decimal(1),
        price_decimals=decimals[0],
        price_places=PRICE_PLACES,
        quantity_decimals=decimals[1],
        quantity_max=25_000_000 if is_inverse else 7_000,
        notional_min=1 if is_inverse else 5,
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.00055"),
        leverage=10,
        brackets=tuple(brackets),
        basis_bp=basis_bp,
        quotes_per_second=rates[0],
        trades_per_second=rates[1],
    )


def instrument(spec: Spec, funding_ms: int) -> dict[str, Any]:
    """Describe a contract as instruments-info does."""
    tick, step = f"{spec.tick_size:.{spec.price_places}f}", f"{spec.step_size:f}"
    lot = {"maxOrderQty": str(spec.quantity_max), "minOrderQty": step, "qtyStep": step}
    row: dict[str, Any] = {
        "symbol": spec.symbol,
        "contractType": spec.contract_type,
        "status": "Trading",
        "baseCoin": spec.coin,
        "quoteCoin": spec.quote,
        "launchTime": str(LAUNCH_MS),
        "deliveryTime": str(spec.delivery_ms),
        "deliveryFeeRate": "",
        "priceScale": str(spec.price_places),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{spec.brackets[0].leverage}.00",
            "leverageStep": "0.01",
        },
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.98", "tickSize": tick},
        "lotSizeFilter": {
            **lot,
            "postOnlyMaxOrderQty": str(spec.quantity_max),
            "maxMktOrderQty": str(spec.quantity_max // 5),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": max(1, funding_ms // MINUTE_MS),
        "settleCoin": spec.margin_asset,
        "copyTrading": "none",
        "upperFundingRate": "0.00750000",
        "lowerFundingRate": "-0.00750000",
        "isPreListing": False,
        "preListingInfo": None,
    }
    if not spec.inverse:
        row["lotSizeFilter"]["minNotionalValue"] = str(spec.notional_min)
    return row


def risk_limits(specs: Iterable[Spec]) -> list[dict[str, Any]]:
    """List the tiers of contracts as risk-limit does; inverse ones are bounded in the coin."""
    return [
        {
            "id": bracket.number,
            "symbol": spec.symbol,
            "riskLimitValue": f"{bracket.cap:f}",
            "maintenanceMargin": f"{bracket.maintenance_rate:f}",
            "initialMargin": f"{Decimal(1) / bracket.leverage:.6f}",
            "isLowestRisk": int(bracket.number == 1),
            "maxLeverage": f"{bracket.leverage}.00",
            "mmDeduction": f"{bracket.maintenance_amount:f}",
        }
        for spec in specs
        for bracket in spec.brackets
    ]
