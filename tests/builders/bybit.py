"""Messages of Bybit's public topics as the venue prints them, and the instruments that they are about."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedgeapp.core.instruments import Instrument

NOW_MS = 1_794_000_000_000
LINEAR = Instrument(
    id="bybit:ETH-USDT-PERP",
    venue="bybit",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal(1),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.01"),
)
INVERSE = replace(
    LINEAR,
    id="bybit:ETH-USD-PERP",
    symbol="ETH-USD-PERP",
    venue_symbol="ETHUSD",
    kind="inverse",
    quote="USD",
    settlement="ETH",
    step_size=Decimal(1),
)


def book(update: int, *, kind: str = "delta", symbol: str = "ETHUSDT", **change: Any) -> dict[str, Any]:
    """Return a message of orderbook.50; `change` is of its data."""
    data: dict[str, Any] = {"s": symbol, "b": [["2681.59", "4.00"]], "a": [], "u": update, "seq": 7_000 + update}
    row = {"topic": f"orderbook.50.{symbol}", "ts": NOW_MS, "type": kind, "data": data | change}
    return row | {"cts": NOW_MS - 3}


def snapshot(update: int = 100, *, symbol: str = "ETHUSDT", **change: Any) -> dict[str, Any]:
    """Return the first message of orderbook.50."""
    sides = {"b": [["2681.60", "1.00"]], "a": [["2681.61", "1.00"]]}
    return book(update, kind="snapshot", symbol=symbol, **(sides | change))


def ticker(*, kind: str = "snapshot", symbol: str = "ETHUSDT", ts: int = NOW_MS, **change: Any) -> dict[str, Any]:
    """Return a message of tickers; a snapshot has all fields, a delta only those of `change`."""
    data: dict[str, Any] = {"symbol": symbol}
    if kind == "snapshot":
        data |= {"tickDirection": "PlusTick", "lastPrice": "2681.60", "markPrice": "2681.61", "indexPrice": "2682.10"}
        data |= {"nextFundingTime": "1794003600123", "fundingRate": "-0.00010000", "openInterest": "68744.76"}
        data |= {"bid1Price": "2681.60", "bid1Size": "1.00", "ask1Price": "2681.61", "ask1Size": "1.00"}
    row = {"topic": f"tickers.{symbol}", "type": kind, "data": data | change}
    return row | {"cs": 24_987_956_059, "ts": ts}


def trades(*prices: str, **change: Any) -> dict[str, Any]:
    """Return a message of publicTrade with a trade at each price; `change` is of each."""
    rows = [
        {"T": NOW_MS, "s": "ETHUSDT", "S": "Buy", "v": "0.50", "p": price, "L": "PlusTick", "i": f"t{i}", "BT": False}
        | change
        for i, price in enumerate(prices)
    ]
    return {"topic": "publicTrade.ETHUSDT", "type": "snapshot", "ts": NOW_MS, "data": rows}


def forced(**change: Any) -> dict[str, Any]:
    """Return a message of allLiquidation."""
    row = {"T": NOW_MS - 5, "s": "ETHUSDT", "S": "Buy", "v": "12.34", "p": "2650.00"} | change
    return {"topic": "allLiquidation.ETHUSDT", "type": "snapshot", "ts": NOW_MS, "data": [row]}
