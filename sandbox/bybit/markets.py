"""The answers of /v5/market: each takes the venue and a request's parameters and gives `result`."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.bybit import contracts, wire
from sandbox.bybit.errors import ParameterRefused
from sandbox.bybit.exchange import CATEGORIES, Bybit
from sandbox.market import Market

Parameters = Mapping[str, str]

DEPTH_MAX = {"linear": 500, "inverse": 500}
DIGITS_MAX = 15


def server_time(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """Give the time in seconds and nanoseconds."""
    now_ms = venue.now_ms()
    return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}


def instruments_info(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """List the contracts of a category; nothing is in pre-launch."""
    category = category_of(parameters)
    chosen = _chosen(venue, category, parameters) if parameters.get("status", "Trading") == "Trading" else []
    rows = [contracts.instrument(market.spec, market.funding_ms) for market in chosen]
    return {"category": category, "list": rows, "nextPageCursor": ""}


def risk_limit(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """List the tiers of a category's contracts, or of one."""
    category = category_of(parameters)
    rows = contracts.risk_limits(market.spec for market in _chosen(venue, category, parameters))
    return {"category": category, "list": rows, "nextPageCursor": ""}


def orderbook(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """Give a book from its touch outwards."""
    category = category_of(parameters)
    market = _market(venue, category, parameters)
    count, book = limit_of(parameters, 25, DEPTH_MAX.get(category, 200)), market.book
    return {
        "s": market.spec.symbol,
        "b": wire.levels(market.spec, book.bids.top(count)),
        "a": wire.levels(market.spec, book.asks.top(count)),
        "ts": venue.now_ms(),
        "u": book.update_id,
        "seq": book.update_id,
        "cts": market.now_ms,
    }


def tickers(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """Give the tickers of a category, or of one contract."""
    category = category_of(parameters)
    return {"category": category, "list": [wire.ticker(market) for market in _chosen(venue, category, parameters)]}


def recent_trades(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """List the latest trades, newest first."""
    category = category_of(parameters)
    market = _market(venue, category, parameters)
    spec = market.spec
    latest = list(market.trades)[: -limit_of(parameters, 500, 1000) - 1 : -1]
    rows = [
        {
            "execId": wire.trade_id(spec, row),
            "symbol": spec.symbol,
            "price": spec.price_text(row.ticks),
            "size": spec.quantity_text(row.steps),
            "side": "Sell" if row.buyer_is_maker else "Buy",
            "time": str(row.at_ms),
            "isBlockTrade": False,
        }
        for row in latest
    ]
    return {"category": category, "list": rows}


def funding_history(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """List settled funding rates, newest first."""
    category = category_of(parameters)
    symbol = _market(venue, category, parameters).spec.symbol
    since, until = whole(parameters, "startTime"), whole(parameters, "endTime")
    if since is not None and until is None:
        raise ParameterRefused("params error: startTime without endTime")
    rows = venue.ledger.fundings(venue.venue, symbol, since or 0, until or venue.now_ms(), 1000)
    kept = rows[::-1][: limit_of(parameters, 200, 200)]
    listed = [{"symbol": row.symbol, "fundingRate": row.rate, "fundingRateTimestamp": str(row.at_ms)} for row in kept]
    return {"category": category, "list": listed}


ANSWERS: dict[str, Callable[[Bybit, Parameters], dict[str, Any]]] = {
    "time": server_time,
    "instruments-info": instruments_info,
    "risk-limit": risk_limit,
    "orderbook": orderbook,
    "tickers": tickers,
    "recent-trade": recent_trades,
    "funding/history": funding_history,
}


def category_of(parameters: Parameters) -> str:
    """Read the category, of what is listed here or not. Raise ParameterRefused."""
    category = parameters.get("category", "")
    if category not in CATEGORIES:
        raise ParameterRefused("params error: Category is invalid")
    return category


def _chosen(venue: Bybit, category: str, parameters: Parameters) -> list[Market]:
    return [_market(venue, category, parameters)] if parameters.get("symbol") else venue.of_category(category)


def _market(venue: Bybit, category: str, parameters: Parameters) -> Market:
    return venue.market(category, parameters.get("symbol", ""))


def limit_of(parameters: Parameters, default: int, most: int) -> int:
    """Read how many rows are wanted, never more than the most. Raise ParameterRefused."""
    return max(1, min(most, whole(parameters, "limit") or default))


def whole(parameters: Parameters, name: str) -> int | None:
    """Read a whole number, None when it is absent. Raise ParameterRefused."""
    text = parameters.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise ParameterRefused(f"params error: {name} is invalid")
    return int(text)
