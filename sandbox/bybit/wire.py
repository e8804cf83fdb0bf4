"""The texts of Bybit's public topics and the numbers in them."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.bybit.contracts import BYBIT
from sandbox.instruments import Spec
from sandbox.market import Market, Trade
from sandbox.rows import Order

Rows = Iterable[tuple[int, int]]
DAY_MS = 86_400_000


def levels(spec: Spec, rows: Rows) -> list[list[str]]:
    """Print book levels: price, quantity."""
    return [[spec.price_text(ticks), spec.quantity_text(steps)] for ticks, steps in rows]


def book(topic: str, kind: str, spec: Spec, bids: Rows, asks: Rows, ids: tuple[int, int], now_ms: int) -> str:
    """Print a snapshot or a delta of a book under its update id and sequence."""
    data = {"s": spec.symbol, "b": levels(spec, bids), "a": levels(spec, asks), "u": ids[0], "seq": ids[1]}
    return text({"topic": topic, "type": kind, "ts": now_ms, "data": data, "cts": now_ms - 2})


def trade(topic: str, spec: Spec, row: Trade, now_ms: int) -> str:
    """Print one trade."""
    data = {
        "T": row.at_ms,
        "s": spec.symbol,
        "S": "Sell" if row.buyer_is_maker else "Buy",
        "v": spec.quantity_text(row.steps),
        "p": spec.price_text(row.ticks),
        "L": "ZeroPlusTick",
        "i": trade_id(spec, row),
        "BT": False,
        "RPI": False,
        "seq": row.id,
    }
    return text({"topic": topic, "type": "snapshot", "ts": now_ms, "data": [data]})


def liquidation(topic: str, order: Order, now_ms: int) -> str:
    """Print a liquidation; its side is that of the position which was closed."""
    data = {
        "T": order.updated_ms,
        "s": order.symbol,
        "S": "Sell" if order.side == "BUY" else "Buy",
        "v": f"{order.executed:f}",
        "p": f"{order.average_price:f}",
    }
    return text({"topic": topic, "type": "snapshot", "ts": now_ms, "data": [data]})


def trade_id(spec: Spec, row: Trade) -> str:
    """Give the id of a trade as the venue prints it, always the same for the same trade."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{BYBIT}:{spec.symbol}:{row.id}"))


def ticker(market: Market) -> dict[str, str]:
    """Give every field of a ticker that the venue's topic has."""
    spec, bars, book_ = market.spec, market.day(), market.book
    last = bars[-1].close if bars else market.mark_ticks
    first = bars[0].open if bars else last
    steps = sum(bar.steps for bar in bars)
    held = market.others_hold
    row = {
        "symbol": spec.symbol,
        "tickDirection": "ZeroPlusTick",
        "price24hPcnt": f"{(last - first) / first:.6f}",
        "lastPrice": spec.price_text(last),
        "prevPrice24h": spec.price_text(first),
        "highPrice24h": spec.price_text(max((bar.high for bar in bars), default=last)),
        "lowPrice24h": spec.price_text(min((bar.low for bar in bars), default=last)),
        "prevPrice1h": spec.price_text(first),
        "markPrice": f"{market.mark:.{spec.price_places}f}",
        "indexPrice": f"{market.prices.index:.{spec.price_places}f}",
        "openInterest": spec.quantity_text(round(held * 10**spec.quantity_decimals)),
        "openInterestValue": f"{held / market.mark if spec.inverse else held * market.mark:.2f}",
        "turnover24h": f"{sum(bar.quote for bar in bars) / 10 ** (spec.price_decimals + spec.quantity_decimals):.4f}",
        "volume24h": spec.quantity_text(steps),
        "nextFundingTime": str(market.next_funding_ms),
        "fundingRate": f"{market.funding_rate:.8f}",
    }
    for name, side in (("bid1", book_.bids), ("ask1", book_.asks)):
        row[f"{name}Price"] = spec.price_text(side.best) if side.keys else ""
        row[f"{name}Size"] = spec.quantity_text(side.best_size) if side.keys else ""
    return row


def ticker_message(topic: str, kind: str, data: Mapping[str, str], sequence: int, now_ms: int) -> str:
    """Print a ticker: all of it, or its symbol and what changed."""
    return text({"topic": topic, "type": kind, "data": data, "cs": sequence, "ts": now_ms})


def text(row: Mapping[str, Any]) -> str:
    """Print JSON without spaces."""
    return json.dumps(row, separators=(",", ":"))
