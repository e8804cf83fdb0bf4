"""The answers of OKX below /api/v5: each takes the venue and a request's parameters and gives `data`."""

from collections.abc import Callable

from sandbox.market import Market
from sandbox.okx import contracts, discounts, wire
from sandbox.okx.errors import EMPTY, WRONG, ParameterRefused
from sandbox.okx.exchange import Okx
from sandbox.okx.parameters import Data, Parameters, given, kind_of, market_of, whole


def server_time(venue: Okx, parameters: Parameters) -> Data:
    """Give the time."""
    return [{"ts": str(venue.now_ms())}]


def status(venue: Okx, parameters: Parameters) -> Data:
    """List planned maintenance: there is none."""
    return []


def instruments(venue: Okx, parameters: Parameters) -> Data:
    """List the contracts of a type."""
    return [contracts.instrument(market.spec) for market in _chosen(venue, parameters)]


def position_tiers(venue: Okx, parameters: Parameters) -> Data:
    """List the tiers of a family's contract."""
    kind_of(parameters)
    given(parameters, "tdMode")
    family = given(parameters, "instFamily")
    specs = [market.spec for market in venue.markets.values() if contracts.family_of(market.spec) == family]
    if not specs:
        raise ParameterRefused(WRONG, "Parameter instFamily error")
    return contracts.tiers(specs[0])


def books(venue: Okx, parameters: Parameters) -> Data:
    """Give a book from its touch outwards."""
    market = market_of(venue.markets, parameters)
    count, book = max(1, min(400, whole(parameters, "sz") or 1)), market.book
    row = wire.book(market.spec, book.bids.top(count), book.asks.top(count), venue.now_ms())
    return [row | {"seqId": book.update_id}]


def trades(venue: Okx, parameters: Parameters) -> Data:
    """List the latest trades, newest first."""
    market = market_of(venue.markets, parameters)
    latest = list(market.trades)[: -max(1, min(500, whole(parameters, "limit") or 100)) - 1 : -1]
    return [wire.trade(market.spec, row) for row in latest]


def ticker(venue: Okx, parameters: Parameters) -> Data:
    """Give the statistics of one contract."""
    return [wire.ticker(market_of(venue.markets, parameters))]


def tickers(venue: Okx, parameters: Parameters) -> Data:
    """List the statistics of a type's contracts."""
    return [wire.ticker(market) for market in _chosen(venue, parameters)]


def index_tickers(venue: Okx, parameters: Parameters) -> Data:
    """Give one index, or those in a quote currency."""
    name, quote = parameters.get("instId", ""), parameters.get("quoteCcy", "")
    if not name and not quote:
        raise ParameterRefused(EMPTY, "Either parameter instId or quoteCcy is required")
    found = [wire.index(market) for market in venue.markets.values()]
    return [
        row for row in found if name in ("", row["instId"]) and row["instId"].endswith(f"-{quote}" if quote else "")
    ]


def mark_price(venue: Okx, parameters: Parameters) -> Data:
    """List mark prices of a type's contracts, or give that of one, with its type or without."""
    if parameters.get("instId") and not parameters.get("instType"):
        return [wire.mark(market_of(venue.markets, parameters))]
    return [wire.mark(market) for market in _chosen(venue, parameters)]


def funding_rate(venue: Okx, parameters: Parameters) -> Data:
    """Give the rate of the next funding of one contract, or of all."""
    if parameters.get("instId") == "ANY":
        return [wire.funding(market) for market in venue.markets.values()]
    return [wire.funding(market_of(venue.markets, parameters))]


def funding_rate_history(venue: Okx, parameters: Parameters) -> Data:
    """List settled rates, newest first."""
    symbol = market_of(venue.markets, parameters).spec.symbol
    newer, older = whole(parameters, "before") or 0, whole(parameters, "after") or venue.now_ms() + 1
    rows = venue.ledger.fundings(venue.venue, symbol, newer + 1, older - 1, 1000)
    kept = rows[::-1][: max(1, min(400, whole(parameters, "limit") or 400))]
    shared = {"instType": contracts.SWAP, "instId": symbol, "method": "current_period", "formulaType": "noRate"}
    return [
        shared | {"fundingRate": str(row.rate), "realizedRate": str(row.rate), "fundingTime": str(row.at_ms)}
        for row in kept
    ]


def open_interest(venue: Okx, parameters: Parameters) -> Data:
    """List what everybody holds of a type's contracts, or of one."""
    return [wire.open_interest(market) for market in _chosen(venue, parameters)]


def discount_rates(venue: Okx, parameters: Parameters) -> Data:
    """List what coins count for in accounts whose coins margin together."""
    wanted = parameters.get("ccy", "")
    return [discounts.described(coin) for coin in discounts.DISCOUNTS if wanted in ("", coin)]


ANSWERS: dict[str, Callable[[Okx, Parameters], Data]] = {
    "public/time": server_time,
    "public/instruments": instruments,
    "public/position-tiers": position_tiers,
    "public/mark-price": mark_price,
    "public/open-interest": open_interest,
    "public/discount-rate-interest-free-quota": discount_rates,
    "public/funding-rate": funding_rate,
    "public/funding-rate-history": funding_rate_history,
    "market/books": books,
    "market/trades": trades,
    "market/ticker": ticker,
    "market/tickers": tickers,
    "market/index-tickers": index_tickers,
    "system/status": status,
}


def _chosen(venue: Okx, parameters: Parameters) -> list[Market]:
    """Choose the markets of a type, or one of them; the venue lists none but swaps here."""
    markets = list(venue.markets.values()) if kind_of(parameters) == contracts.SWAP else []
    return [market for market in markets if parameters.get("instId", market.spec.symbol) == market.spec.symbol]
