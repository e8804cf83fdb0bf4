"""Messages of OKX's public channels as the venue prints them, and the instruments that they are about."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedgeapp.core.instruments import Instrument

NOW_MS = 1_794_000_000_000
LINEAR = Instrument(
    id="okx:ETH-USDT-PERP",
    venue="okx",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETH-USDT-SWAP",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=Decimal("0.1"),
    tick_size=Decimal("0.01"),
    step_size=Decimal("0.01"),
)
INVERSE = replace(
    LINEAR,
    id="okx:ETH-USD-PERP",
    symbol="ETH-USD-PERP",
    venue_symbol="ETH-USD-SWAP",
    kind="inverse",
    quote="USD",
    settlement="ETH",
    contract_size=Decimal(10),
    step_size=Decimal(1),
)
DATED = replace(
    LINEAR,
    id="okx:ETH-USDT-20270326",
    symbol="ETH-USDT-20270326",
    venue_symbol="ETH-USDT-270326",
    expiry="dated",
)


def book(sequence: int, *, after: int | None = None, symbol: str = "ETH-USDT-SWAP", **change: Any) -> dict[str, Any]:
    """Return a change of `books` after the one before, unless told after which; `change` is of its data."""
    data: dict[str, Any] = {"asks": [], "bids": [["2681.59", "4", "0", "2"]], "ts": str(NOW_MS), "checksum": 0}
    data |= {"seqId": sequence, "prevSeqId": sequence - 1 if after is None else after}
    return {"arg": {"channel": "books", "instId": symbol}, "action": "update", "data": [data | change]}


def snapshot(sequence: int = 100, *, symbol: str = "ETH-USDT-SWAP", **change: Any) -> dict[str, Any]:
    """Return the first message of `books`."""
    sides = {"bids": [["2681.6", "1", "0", "1"]], "asks": [["2681.61", "1", "0", "1"]]}
    return book(sequence, after=-1, symbol=symbol, **(sides | change)) | {"action": "snapshot"}


def trades(*prices: str, symbol: str = "ETH-USDT-SWAP", **change: Any) -> dict[str, Any]:
    """Return a message of `trades` with a trade at each price; `change` is of each."""
    rows = [
        {"instId": symbol, "tradeId": str(500 + i), "px": price, "sz": "5.2", "side": "buy", "ts": str(NOW_MS)}
        | {"count": "1", "source": "0", "seqId": 7}
        | change
        for i, price in enumerate(prices)
    ]
    return {"arg": {"channel": "trades", "instId": symbol}, "data": rows}


def mark(price: str = "2681.61", *, symbol: str = "ETH-USDT-SWAP", **change: Any) -> dict[str, Any]:
    """Return a message of `mark-price`."""
    row = {"instType": "SWAP", "instId": symbol, "markPx": price, "ts": str(NOW_MS)} | change
    return {"arg": {"channel": "mark-price", "instId": symbol}, "data": [row]}


def index(price: str = "2682.1", *, name: str = "ETH-USDT", **change: Any) -> dict[str, Any]:
    """Return a message of `index-tickers`."""
    row = {"instId": name, "idxPx": price, "high24h": "2700", "low24h": "2600", "open24h": "2650", "sodUtc0": "2650"}
    row |= {"sodUtc8": "2650", "ts": str(NOW_MS)} | change
    return {"arg": {"channel": "index-tickers", "instId": name}, "data": [row]}


def funding(rate: str = "-0.0001875391284828", *, symbol: str = "ETH-USDT-SWAP", **change: Any) -> dict[str, Any]:
    """Return a message of `funding-rate`."""
    row = {"fundingRate": rate, "fundingTime": "1794003600123", "nextFundingTime": "1794032400000"}
    row |= {"instId": symbol, "instType": "SWAP", "method": "current_period", "nextFundingRate": ""}
    row |= {"maxFundingRate": "0.00375", "minFundingRate": "-0.00375", "ts": str(NOW_MS)} | change
    return {"arg": {"channel": "funding-rate", "instId": symbol}, "data": [row]}


def open_interest(contracts: str = "687447.6", *, symbol: str = "ETH-USDT-SWAP", **change: Any) -> dict[str, Any]:
    """Return a message of `open-interest`."""
    row = {"instId": symbol, "instType": "SWAP", "oi": contracts, "oiCcy": "68744.76", "oiUsd": "184346676"}
    return {"arg": {"channel": "open-interest", "instId": symbol}, "data": [row | {"ts": str(NOW_MS)} | change]}


def forced(*orders: dict[str, Any], symbol: str = "ETH-USDT-SWAP", **change: Any) -> dict[str, Any]:
    """Return a message of `liquidation-orders`; each of `orders` is a change of the usual one."""
    usual = {"bkLoss": "0", "bkPx": "2650", "ccy": "", "posSide": "long", "side": "sell", "sz": "12.34"}
    details = [usual | {"ts": str(NOW_MS - 5)} | order for order in (orders or ({},))]
    row = {
        "details": details,
        "instFamily": symbol.removesuffix("-SWAP"),
        "instId": symbol,
        "instType": "SWAP",
    } | change
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]}
