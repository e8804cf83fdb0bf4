"""Binance's spot market in tests: a pair, and what the venue says of it."""

from decimal import Decimal
from typing import Any

from hedgeapp.core.instruments import Instrument
from marketdata.feeds.binance.spot import SpotMarket
from tests.builders.markets import NOW_MS, raw

PAIR = Instrument(
    id="binance-spot:ETH-USDT-SPOT",
    venue="binance-spot",
    symbol="ETH-USDT-SPOT",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="spot",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal(1),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.0001"),
)
SNAPSHOT: dict[str, Any] = {"lastUpdateId": 100, "bids": [["2681.60", "1"]], "asks": [["2681.61", "1"]]}
ROW: dict[str, Any] = {
    "symbol": "ETHUSDT",
    "status": "TRADING",
    "baseAsset": "ETH",
    "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.0", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00010000", "maxQty": "9000.0", "stepSize": "0.00010000"},
    ],
}


def depth(first: int, last: int, **change: Any) -> dict[str, Any]:
    """Return a depthUpdate as the venue prints it."""
    row = {"e": "depthUpdate", "E": NOW_MS, "s": "ETHUSDT", "U": first, "u": last, "b": [["2681.59", "4.0"]], "a": []}
    return row | change


def trade(number: int, **change: Any) -> dict[str, Any]:
    """Return an aggTrade as the venue prints it."""
    row = {"e": "aggTrade", "E": NOW_MS, "s": "ETHUSDT", "a": number, "p": "2681.60", "q": "0.5", "f": 1, "l": 2}
    return row | {"T": NOW_MS, "m": True, "M": True} | change


def running() -> SpotMarket:
    """Return a market whose one book runs."""
    found = SpotMarket("binance-spot", [PAIR])
    found.receive(raw(depth(100, 101)), NOW_MS)
    assert found.load("ETHUSDT", raw(SNAPSHOT), NOW_MS) is None
    return found
