"""The answer of exchangeInfo: a venue's contracts, their filters and its limits."""

from typing import Any

from sandbox.binance.exchange import Exchange
from sandbox.binance.weights import WEIGHT_PER_MINUTE
from sandbox.instruments import Spec

ONBOARD_MS = 1_569_398_400_000
CONTRACT_CONSTANTS: dict[str, Any] = {
    "maintMarginPercent": "2.5000",
    "requiredMarginPercent": "5.0000",
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "underlyingType": "COIN",
    "triggerProtect": "0.0500",
    "liquidationFee": "0.012500",
    "marketTakeBound": "0.05",
    "maxMoveOrderLimit": 10000,
    "orderTypes": [
        "LIMIT",
        "MARKET",
        "STOP",
        "STOP_MARKET",
        "TAKE_PROFIT",
        "TAKE_PROFIT_MARKET",
        "TRAILING_STOP_MARKET",
    ],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
}


def exchange_info(exchange: Exchange, parameters: dict[str, str]) -> Any:
    """List the contracts and their rules."""
    limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_PER_MINUTE},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ]
    if not exchange.inverse:
        limits.append({"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300})
    info: dict[str, Any] = {
        "timezone": "UTC",
        "serverTime": exchange.now_ms(),
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": [_contract(market.spec) for market in exchange.markets.values()],
    }
    if not exchange.inverse:
        info["futuresType"] = "U_MARGINED"
        info["assets"] = [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}]
    return info


def _contract(spec: Spec) -> dict[str, Any]:
    contract: dict[str, Any] = {
        "symbol": spec.symbol,
        "pair": spec.pair,
        "contractType": spec.contract_type,
        "deliveryDate": spec.delivery_ms,
        "onboardDate": ONBOARD_MS,
        "contractStatus" if spec.inverse else "status": "TRADING",
        "baseAsset": spec.coin,
        "quoteAsset": spec.quote,
        "marginAsset": spec.margin_asset,
        "pricePrecision": spec.price_places,
        "quantityPrecision": spec.quantity_decimals,
        "underlyingSubType": ["PoW" if spec.coin == "BTC" else "Layer-1"],
        **CONTRACT_CONSTANTS,
        "filters": _filters(spec),
    }
    if spec.inverse:
        return contract | {"contractSize": int(spec.contract_size), "equalQtyPrecision": 4}
    return contract | {"settlePlan": 0}


def _filters(spec: Spec) -> list[dict[str, Any]]:
    tick, step = f"{spec.tick_size:.{spec.price_places}f}", f"{spec.step_size:f}"
    lot = {"minQty": step, "stepSize": step}
    filters: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", **lot, "maxQty": str(spec.quantity_max)},
        {"filterType": "MARKET_LOT_SIZE", **lot, "maxQty": str(spec.quantity_max // 5)},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 20 if spec.inverse else 10},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    ]
    if not spec.inverse:
        filters.append({"filterType": "MIN_NOTIONAL", "notional": str(spec.notional_min)})
    return filters
