"""Messages of Deribit's public channels as the venue prints them, and the instruments that they are about."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedgeapp.core.instruments import Instrument

NOW_MS = 1_794_000_000_000
ETH = Instrument(
    id="deribit:ETH-USD-PERP",
    venue="deribit",
    symbol="ETH-USD-PERP",
    venue_symbol="ETH-PERPETUAL",
    kind="inverse",
    expiry="perpetual",
    base="ETH",
    quote="USD",
    settlement="ETH",
    contract_size=Decimal(1),
    tick_size=Decimal("0.05"),
    step_size=Decimal(1),
)
BTC = replace(
    ETH,
    id="deribit:BTC-USD-PERP",
    symbol="BTC-USD-PERP",
    venue_symbol="BTC-PERPETUAL",
    base="BTC",
    settlement="BTC",
    contract_size=Decimal(10),
    tick_size=Decimal("0.5"),
)


def notice(channel: str, data: Any) -> dict[str, Any]:
    """Return a notification of a channel."""
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}


def book(change: int, previous: int | None = None, *, symbol: str = "ETH-PERPETUAL", **given: Any) -> dict[str, Any]:
    """Return a change of a book that follows on the id before, or on another one; `given` is of its data."""
    data: dict[str, Any] = {
        "type": "change",
        "timestamp": NOW_MS,
        "prev_change_id": change - 1 if previous is None else previous,
        "instrument_name": symbol,
        "change_id": change,
        "bids": [["new", 2681.55, 40.0]],
        "asks": [],
    }
    return notice(f"book.{symbol}.100ms", data | given)


def snapshot(change: int = 100, *, symbol: str = "ETH-PERPETUAL", **given: Any) -> dict[str, Any]:
    """Return the first message of a book."""
    data: dict[str, Any] = {
        "type": "snapshot",
        "timestamp": NOW_MS,
        "instrument_name": symbol,
        "change_id": change,
        "bids": [["new", 2681.6, 10.0]],
        "asks": [["new", 2681.65, 20.0]],
    }
    return notice(f"book.{symbol}.100ms", data | given)


def ticker(*, symbol: str = "ETH-PERPETUAL", **given: Any) -> dict[str, Any]:
    """Return a message of a ticker; `given` is of its data."""
    data: dict[str, Any] = {
        "timestamp": NOW_MS,
        "stats": {"volume_usd": 1.0, "volume": 0.1, "price_change": 0.2, "low": 2600.0, "high": 2700.0},
        "state": "open",
        "settlement_price": 2670.11,
        "open_interest": 68_744_760,
        "min_price": 2640.5,
        "max_price": 2720.4,
        "mark_price": 2681.61,
        "last_price": 2681.6,
        "interest_value": 0.01,
        "instrument_name": symbol,
        "index_price": 2682.1,
        "funding_8h": -0.00002,
        "estimated_delivery_price": 2682.1,
        "current_funding": -0.0001,
        "best_bid_price": 2681.6,
        "best_bid_amount": 10.0,
        "best_ask_price": 2681.65,
        "best_ask_amount": 20.0,
    }
    return notice(f"ticker.{symbol}.100ms", data | given)


def trades(*prices: float, symbol: str = "ETH-PERPETUAL", **given: Any) -> dict[str, Any]:
    """Return a message of trades with one at each price; `given` is of each."""
    rows = [
        {
            "trade_seq": 501_899 + i,
            "trade_id": f"ETH-{i}",
            "timestamp": NOW_MS,
            "tick_direction": 2,
            "price": price,
            "mark_price": 2681.61,
            "instrument_name": symbol,
            "index_price": 2682.1,
            "direction": "buy",
            "amount": 50.0,
            "contracts": 50.0,
        }
        | given
        for i, price in enumerate(prices)
    ]
    return notice(f"trades.{symbol}.100ms", rows)
