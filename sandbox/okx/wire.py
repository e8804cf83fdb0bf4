"""The texts of OKX's public channels and the rows that its REST answers share with them; sizes are in contracts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sandbox.instruments import Spec
from sandbox.market import Market, Trade
from sandbox.okx.contracts import SWAP, family_of
from sandbox.rows import Order

Rows = Iterable[tuple[int, int]]
Argument = Mapping[str, str]


def plain(text: str) -> str:
    """Print a number as the venue does, without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def levels(spec: Spec, rows: Rows) -> list[list[str]]:
    """Print book levels: price, contracts, a number out of use, orders."""
    return [
        [plain(spec.price_text(ticks)), plain(spec.quantity_text(steps)), "0", str(min(steps, 1))]
        for ticks, steps in rows
    ]


def book(spec: Spec, bids: Rows, asks: Rows, now_ms: int) -> dict[str, Any]:
    """Give a book, or a change of it, without its ids."""
    return {"asks": levels(spec, asks), "bids": levels(spec, bids), "ts": str(now_ms)}


def trade(spec: Spec, row: Trade) -> dict[str, Any]:
    """Give one trade."""
    return {
        "instId": spec.symbol,
        "tradeId": str(row.id),
        "px": plain(spec.price_text(row.ticks)),
        "sz": plain(spec.quantity_text(row.steps)),
        "side": "sell" if row.buyer_is_maker else "buy",
        "ts": str(row.at_ms),
    }


def liquidation(spec: Spec, order: Order) -> dict[str, Any]:
    """Give a liquidation, whose side is that of the order that closed a position."""
    price = plain(f"{order.average_price:f}")
    detail = {"side": "buy" if order.side == "BUY" else "sell", "posSide": "short" if order.side == "BUY" else "long"}
    detail |= {"bkPx": price, "sz": plain(f"{order.executed:f}"), "bkLoss": "0", "ccy": "", "ts": str(order.updated_ms)}
    of = {"instType": SWAP, "instId": spec.symbol, "instFamily": family_of(spec), "uly": family_of(spec)}
    return of | {"details": [detail]}


def mark(market: Market) -> dict[str, str]:
    """Give the mark price."""
    price = f"{market.mark:.{market.spec.price_places}f}"
    return {"instType": SWAP, "instId": market.spec.symbol, "markPx": plain(price), "ts": str(market.now_ms)}


def index(market: Market) -> dict[str, str]:
    """Give the index of a contract; what it was over the day is not modeled apart from what it is."""
    price = plain(f"{market.prices.index:.{market.spec.price_places}f}")
    row = dict.fromkeys(("idxPx", "high24h", "low24h", "open24h", "sodUtc0", "sodUtc8"), price)
    return row | {"instId": family_of(market.spec), "ts": str(market.now_ms)}


def funding(market: Market) -> dict[str, str]:
    """Give the rate of the next funding and when it is due."""
    due_ms = market.next_funding_ms
    return {
        "instType": SWAP,
        "instId": market.spec.symbol,
        "method": "current_period",
        "fundingRate": f"{market.funding_rate:.16f}",
        "fundingTime": str(due_ms),
        "nextFundingRate": "",
        "nextFundingTime": str(due_ms + market.funding_ms),
        "minFundingRate": "-0.0075",
        "maxFundingRate": "0.0075",
        "settState": "settled",
        "settFundingRate": f"{market.prices.last_funding_rate:.16f}",
        "ts": str(market.now_ms),
    }


def open_interest(market: Market) -> dict[str, str]:
    """Give what everybody holds: in contracts, in coin and in USD."""
    spec, contracts = market.spec, round(market.others_hold)
    units = contracts * float(spec.contract_size)
    coins = units / market.mark if spec.inverse else units
    row = {"instType": SWAP, "instId": spec.symbol, "oi": str(contracts), "oiCcy": f"{coins:.4f}"}
    return row | {"oiUsd": f"{coins * market.mark:.2f}", "ts": str(market.now_ms)}


def ticker(market: Market) -> dict[str, str]:
    """Give the statistics of the day and the touch."""
    spec, bars, book_ = market.spec, market.day(), market.book
    last = bars[-1].close if bars else market.mark_ticks
    first = bars[0].open if bars else last
    steps = sum(bar.steps for bar in bars)
    coins = sum(bar.quote for bar in bars) / 10 ** (spec.price_decimals + spec.quantity_decimals)
    row = {
        "instType": SWAP,
        "instId": spec.symbol,
        "last": plain(spec.price_text(last)),
        "lastSz": plain(spec.quantity_text(market.trades[-1].steps)) if market.trades else "",
        "open24h": plain(spec.price_text(first)),
        "high24h": plain(spec.price_text(max((bar.high for bar in bars), default=last))),
        "low24h": plain(spec.price_text(min((bar.low for bar in bars), default=last))),
        "volCcy24h": f"{coins / market.mark * float(spec.contract_size):.4f}",
        "vol24h": plain(spec.quantity_text(steps)),
        "sodUtc0": plain(spec.price_text(first)),
        "sodUtc8": plain(spec.price_text(first)),
        "ts": str(market.now_ms),
    }
    for name, side in (("bid", book_.bids), ("ask", book_.asks)):
        row[f"{name}Px"] = plain(spec.price_text(side.best)) if side.keys else ""
        row[f"{name}Sz"] = plain(spec.quantity_text(side.best_size)) if side.keys else ""
    return row


def message(argument: Argument, data: Sequence[Mapping[str, Any]], *, action: str = "") -> str:
    """Print a message of a channel."""
    return text({"arg": argument} | ({"action": action} if action else {}) | {"data": list(data)})


def text(row: Mapping[str, Any]) -> str:
    """Print JSON without spaces."""
    return json.dumps(row, separators=(",", ":"))
