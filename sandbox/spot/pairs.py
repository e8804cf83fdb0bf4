"""The pairs of the spot market, and what exchangeInfo says of them."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.binance.errors import RequestRefused, unknown_symbol
from sandbox.instruments import PERPETUAL_DELIVERY_MS, Spec

SPOT = "binance-spot"
SPOT_ROOT = "/streams/spot"  # of its sockets; ccxt takes a URL with /stream in it for this market's
WEIGHT_PER_MINUTE = 6000
SYMBOLS_CHARACTERS_MAX = 2_000
PRINTED_PLACES = 8


def pairs() -> tuple[Spec, ...]:
    """List the pairs: ether in USDT, and staked ether in ether."""
    return (
        _pair("ETH", "USDT", "ETH-USDT-SPOT", decimals=(2, 4), basis_bp=1.0, rates=(60, 15), quote_usd=1.0),
        _pair("STETH", "ETH", "stETH-ETH-SPOT", decimals=(5, 4), basis_bp=0.0, rates=(12, 2), quote_usd=3_000.0),
    )


def _pair(
    base: str,
    quote: str,
    name: str,
    *,
    decimals: tuple[int, int],
    basis_bp: float,
    rates: tuple[int, int],
    quote_usd: float,
) -> Spec:
    return Spec(
        venue=SPOT,
        symbol=f"{base}{quote}",
        name=name,
        coin=base,
        quote=quote,
        margin_asset=quote,
        contract_type="SPOT",
        delivery_ms=PERPETUAL_DELIVERY_MS,
        contract_size=Decimal(1),
        price_decimals=decimals[0],
        price_places=PRINTED_PLACES,
        quantity_decimals=decimals[1],
        quantity_max=9_000,
        notional_min=5,
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        leverage=1,
        brackets=(),
        basis_bp=basis_bp,
        quotes_per_second=rates[0],
        trades_per_second=rates[1],
        quote_usd=quote_usd,
    )


def exchange_info(specs: Iterable[Spec], parameters: dict[str, str], now_ms: int) -> dict[str, Any]:
    """List the pairs that are asked for, all without a name. Raise RequestRefused."""
    known = {spec.symbol: spec for spec in specs}
    chosen = _asked(parameters)
    if any(symbol not in known for symbol in chosen):
        raise unknown_symbol()
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_PER_MINUTE},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000},
        ],
        "exchangeFilters": [],
        "symbols": [_row(known[symbol]) for symbol in chosen or known],
    }


def _asked(parameters: dict[str, str]) -> list[str]:
    """Read which symbols are asked for: one, or a list in JSON."""
    one, several = parameters.get("symbol", ""), parameters.get("symbols", "")
    if one and several:
        raise RequestRefused(400, -1128, "Combination of optional parameters invalid.")
    if not several:
        return [one] if one else []
    refusal = RequestRefused(400, -1100, "Illegal characters found in parameter 'symbols'.")
    if len(several) > SYMBOLS_CHARACTERS_MAX:
        raise refusal
    try:
        found = json.loads(several)
    except ValueError:
        raise refusal from None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise refusal
    return list(dict.fromkeys(found))


def _row(spec: Spec) -> dict[str, Any]:
    tick, step = f"{spec.tick_size:.{PRINTED_PLACES}f}", f"{spec.step_size:.{PRINTED_PLACES}f}"
    return {
        "symbol": spec.symbol,
        "status": "TRADING",
        "baseAsset": spec.coin,
        "baseAssetPrecision": PRINTED_PLACES,
        "quoteAsset": spec.quote,
        "quotePrecision": PRINTED_PLACES,
        "quoteAssetPrecision": PRINTED_PLACES,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": f"{spec.quantity_max}.00000000", "stepSize": step},
            {"filterType": "NOTIONAL", "minNotional": f"{spec.notional_min}.00000000", "applyMinToMarket": True},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }
