"""The answers of /v5/market: each takes the venue and a request's parameters and gives `result`."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.bybit import contracts, wire
from sandbox.bybit.exchange import Bybit
from sandbox.market import Market

Parameters = Mapping[str, str]

CATEGORIES = ("spot", "linear", "inverse", "option")
DEPTH_MAX = {"linear": 500, "inverse": 500}
DIGITS_MAX = 15
INVALID_PARAMETERS = 10001


class ParameterRefused(Exception):
    """A parameter is missing or out of its bounds; the message is the venue's."""


def server_time(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """Give the time in seconds and nanoseconds."""
    now_ms = venue.now_ms()
    return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}


def instruments_info(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """List the contracts of a category; nothing is in pre-launch."""
    category = _category(parameters)
    chosen = _chosen(venue, category, parameters) if parameters.get("status", "Trading") == "Trading" else []
    rows = [contracts.instrument(market.spec, market.funding_ms) for market in chosen]
    return {"category": category, "list": rows, "nextPageCursor": ""}


def risk_limit(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """List the tiers of a category's contracts, or of one."""
    category = _category(parameters)
    rows = contracts.risk_limits(market.spec for market in _chosen(venue, category, parameters))
    return {"category": category, "list": rows, "nextPageCursor": ""}


def orderbook(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """Give a book from its touch outwards."""
    category = _category(parameters)
    market = _market(venue, category, parameters)
    count, book = _limit(parameters, 25, DEPTH_MAX.get(category, 200)), market.book
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
    category = _category(parameters)
    return {"category": category, "list": [wire.ticker(market) for market in _chosen(venue, category, parameters)]}


def recent_trades(venue: Bybit, parameters: Parameters) -> dict[str, Any]:
    """List the latest trades, newest first."""
    category = _category(parameters)
    market = _market(venue, category, parameters)
    spec = market.spec
    latest = list(market.trades)[: -_limit(parameters, 500, 1000) - 1 : -1]
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
    category = _category(parameters)
    symbol = _market(venue, category, parameters).spec.symbol
    since, until = _whole(parameters, "startTime"), _whole(parameters, "endTime")
    if since is not None and until is None:
        raise ParameterRefused("params error: startTime without endTime")
    rows = venue.ledger.fundings(venue.venue, symbol, since or 0, until or venue.now_ms(), 1000)
    kept = rows[::-1][: _limit(parameters, 200, 200)]
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


def _category(parameters: Parameters) -> str:
    category = parameters.get("category", "")
    if category not in CATEGORIES:
        raise ParameterRefused("params error: Category is invalid")
    return category


def _chosen(venue: Bybit, category: str, parameters: Parameters) -> list[Market]:
    return [_market(venue, category, parameters)] if parameters.get("symbol") else venue.of_category(category)


def _market(venue: Bybit, category: str, parameters: Parameters) -> Market:
    symbol = parameters.get("symbol", "")
    for market in venue.of_category(category):
        if market.spec.symbol == symbol:
            return market
    raise ParameterRefused("params error: Symbol Invalid" if symbol else "params error: symbol is required")


def _limit(parameters: Parameters, default: int, most: int) -> int:
    return max(1, min(most, _whole(parameters, "limit") or default))


def _whole(parameters: Parameters, name: str) -> int | None:
    text = parameters.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise ParameterRefused(f"params error: {name} is invalid")
    return int(text)
