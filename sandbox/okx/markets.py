"""The answers of OKX below /api/v5: each takes the venue and a request's parameters and gives `data`."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.market import Market
from sandbox.okx import contracts, wire
from sandbox.okx.exchange import Okx

Parameters = Mapping[str, str]
Data = list[dict[str, Any]]

TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")
DIGITS_MAX = 15
EMPTY, WRONG, NO_INSTRUMENT = "50014", "51000", "51001"
STATUS_OF = {EMPTY: 400, WRONG: 400}  # of an answer; of all others it is 200


class ParameterRefused(Exception):
    """A parameter is missing or out of its bounds: the venue's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


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
    _type(parameters)
    _given(parameters, "tdMode")
    family = _given(parameters, "instFamily")
    specs = [market.spec for market in venue.markets.values() if contracts.family_of(market.spec) == family]
    if not specs:
        raise ParameterRefused(WRONG, "Parameter instFamily error")
    return contracts.tiers(specs[0])


def books(venue: Okx, parameters: Parameters) -> Data:
    """Give a book from its touch outwards."""
    market = _market(venue, parameters)
    count, book = max(1, min(400, _whole(parameters, "sz") or 1)), market.book
    row = wire.book(market.spec, book.bids.top(count), book.asks.top(count), venue.now_ms())
    return [row | {"seqId": book.update_id}]


def trades(venue: Okx, parameters: Parameters) -> Data:
    """List the latest trades, newest first."""
    market = _market(venue, parameters)
    latest = list(market.trades)[: -max(1, min(500, _whole(parameters, "limit") or 100)) - 1 : -1]
    return [wire.trade(market.spec, row) for row in latest]


def ticker(venue: Okx, parameters: Parameters) -> Data:
    """Give the statistics of one contract."""
    return [wire.ticker(_market(venue, parameters))]


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
        return [wire.mark(_market(venue, parameters))]
    return [wire.mark(market) for market in _chosen(venue, parameters)]


def funding_rate(venue: Okx, parameters: Parameters) -> Data:
    """Give the rate of the next funding of one contract, or of all."""
    if parameters.get("instId") == "ANY":
        return [wire.funding(market) for market in venue.markets.values()]
    return [wire.funding(_market(venue, parameters))]


def funding_rate_history(venue: Okx, parameters: Parameters) -> Data:
    """List settled rates, newest first."""
    symbol = _market(venue, parameters).spec.symbol
    newer, older = _whole(parameters, "before") or 0, _whole(parameters, "after") or venue.now_ms() + 1
    rows = venue.ledger.fundings(venue.venue, symbol, newer + 1, older - 1, 1000)
    kept = rows[::-1][: max(1, min(400, _whole(parameters, "limit") or 400))]
    shared = {"instType": contracts.SWAP, "instId": symbol, "method": "current_period", "formulaType": "noRate"}
    return [
        shared | {"fundingRate": str(row.rate), "realizedRate": str(row.rate), "fundingTime": str(row.at_ms)}
        for row in kept
    ]


ANSWERS: dict[str, Callable[[Okx, Parameters], Data]] = {
    "public/time": server_time,
    "public/instruments": instruments,
    "public/position-tiers": position_tiers,
    "public/mark-price": mark_price,
    "public/funding-rate": funding_rate,
    "public/funding-rate-history": funding_rate_history,
    "market/books": books,
    "market/trades": trades,
    "market/ticker": ticker,
    "market/tickers": tickers,
    "market/index-tickers": index_tickers,
    "system/status": status,
}


def _given(parameters: Parameters, name: str) -> str:
    value = parameters.get(name, "")
    if not value:
        raise ParameterRefused(EMPTY, f"Parameter {name} can not be empty")
    return value


def _type(parameters: Parameters) -> str:
    found = _given(parameters, "instType")
    if found not in TYPES:
        raise ParameterRefused(WRONG, "Parameter instType error")
    return found


def _chosen(venue: Okx, parameters: Parameters) -> list[Market]:
    """Choose the markets of a type, or one of them; the venue lists none but swaps here."""
    markets = list(venue.markets.values()) if _type(parameters) == contracts.SWAP else []
    return [market for market in markets if parameters.get("instId", market.spec.symbol) == market.spec.symbol]


def _market(venue: Okx, parameters: Parameters) -> Market:
    market = venue.markets.get(_given(parameters, "instId"))
    if market is None:
        raise ParameterRefused(NO_INSTRUMENT, "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
    return market


def _whole(parameters: Parameters, name: str) -> int | None:
    text = parameters.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise ParameterRefused(WRONG, f"Parameter {name} error")
    return int(text)
