"""What Deribit's answers and notifications say of a market; prices are numbers, amounts are in USD."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.deribit.contracts import CURRENCIES
from sandbox.deribit.funding import Funding
from sandbox.instruments import Spec
from sandbox.market import Market, Trade

Change = tuple[str, int, int]  # what happened to a level, its ticks, its steps
DAY_MS = 86_400_000
BAND = 0.015  # orders are taken so far from the mark


def price(spec: Spec, ticks: int) -> float:
    """Print ticks."""
    return float(spec.price(ticks))


def amount(spec: Spec, steps: int) -> float:
    """Print steps, which are contracts, in USD."""
    return float(steps * spec.contract_size)


def levels(spec: Spec, rows: Iterable[tuple[int, int]]) -> list[list[float]]:
    """Print a book's side for get_order_book."""
    return [[price(spec, ticks), amount(spec, steps)] for ticks, steps in rows]


def changes(spec: Spec, rows: Iterable[Change]) -> list[list[Any]]:
    """Print what happened to a book's side."""
    return [[action, price(spec, ticks), amount(spec, steps)] for action, ticks, steps in rows]


def trade(market: Market, row: Trade) -> dict[str, Any]:
    """Describe one trade."""
    spec = market.spec
    return {
        "trade_seq": row.id,
        "trade_id": f"{spec.coin}-{row.id}" if spec.coin != "BTC" else str(row.id),
        "timestamp": row.at_ms,
        "tick_direction": 1,
        "price": price(spec, row.ticks),
        "mark_price": round(market.mark, spec.price_places),
        "instrument_name": spec.symbol,
        "index_price": round(market.prices.index, spec.price_places),
        "direction": "sell" if row.buyer_is_maker else "buy",
        "contracts": float(row.steps),
        "amount": amount(spec, row.steps),
    }


def ticker(market: Market, funding: Funding) -> dict[str, Any]:
    """Describe a market now."""
    spec, bars, book = market.spec, market.day(), market.book
    last = bars[-1].close if bars else market.mark_ticks
    steps = sum(bar.steps for bar in bars)
    index, mark = round(market.prices.index, spec.price_places), round(market.mark, spec.price_places)
    row: dict[str, Any] = {
        "timestamp": market.now_ms,
        "stats": {
            "volume_usd": amount(spec, steps),
            "volume": round(amount(spec, steps) / mark, 8),
            "price_change": 0.0,
            "low": price(spec, min((bar.low for bar in bars), default=last)),
            "high": price(spec, max((bar.high for bar in bars), default=last)),
        },
        "state": "open",
        "settlement_price": mark,
        "open_interest": round(market.others_hold) * float(spec.contract_size),
        "min_price": round(mark * (1 - BAND), spec.price_places),
        "max_price": round(mark * (1 + BAND), spec.price_places),
        "mark_price": mark,
        "last_price": price(spec, last),
        "interest_value": funding.last_8h,
        "instrument_name": spec.symbol,
        "index_price": index,
        "funding_8h": round(funding.last_8h, 10),
        "estimated_delivery_price": index,
        "current_funding": round(funding.current, 10),
    }
    for name, side in (("best_bid", book.bids), ("best_ask", book.asks)):
        row[f"{name}_price"] = price(spec, side.best) if side.keys else 0.0
        row[f"{name}_amount"] = amount(spec, side.best_size) if side.keys else 0.0
    return row


def notice(channel: str, data: Any) -> str:
    """Print a notification of a channel."""
    return text({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


def answer(id_: Any, now_us: int, **said: Any) -> dict[str, Any]:
    """Give a JSON-RPC answer with its result or its error."""
    named = {} if id_ is None else {"id": id_}
    return {"jsonrpc": "2.0", **named, **said, "usIn": now_us, "usOut": now_us, "usDiff": 0, "testnet": False}


def is_currency(code: str) -> bool:
    """Tell whether the venue has a currency."""
    return code in CURRENCIES


def text(row: Mapping[str, Any]) -> str:
    """Print JSON without spaces."""
    return json.dumps(row, separators=(",", ":"))
