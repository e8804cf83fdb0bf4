"""The answers of the public methods: each takes the venue and a request's parameters and gives `result`."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.deribit import contracts, wire
from sandbox.deribit.exchange import Deribit
from sandbox.deribit.publisher import Publisher
from sandbox.deribit.refusals import NO_SUCH_METHOD, Refused, invalid

Parameters = Mapping[str, Any]

DEPTHS = (1, 5, 10, 20, 50, 100, 1000, 10_000)
TRADES_MAX = 1_000
DIGITS_MAX = 15
VERSION = "1.2.26"


def result_of(venue: Deribit, method: str, parameters: Parameters) -> Any:
    """Carry out a public method. Raise Refused."""
    answer = ANSWERS.get(method)
    if answer is None:
        raise Refused(NO_SUCH_METHOD, "Method not found")
    return answer(venue, parameters)


def get_time(venue: Deribit, parameters: Parameters) -> int:
    """Give the time in ms."""
    return venue.now_ms()


def status(venue: Deribit, parameters: Parameters) -> dict[str, Any]:
    """Say that nothing is locked."""
    return {"locked": "false", "locked_indices": []}


def test(venue: Deribit, parameters: Parameters) -> dict[str, Any]:
    """Say the version."""
    return {"version": VERSION}


def get_currencies(venue: Deribit, parameters: Parameters) -> list[dict[str, Any]]:
    """List the currencies."""
    return [contracts.currency(code) for code in contracts.CURRENCIES]


def get_instruments(venue: Deribit, parameters: Parameters) -> list[dict[str, Any]]:
    """List the contracts of a currency or of any; none has expired."""
    code, kind = str(parameters.get("currency", "any")), str(parameters.get("kind", "future"))
    if code != "any" and not wire.is_currency(code):
        raise invalid("currency", "invalid currency")
    if kind not in contracts.KINDS:
        raise invalid("kind", "invalid kind")
    if kind != "future" or str(parameters.get("expired", "false")).lower() == "true":
        return []
    specs = (market.spec for market in venue.markets.values())
    return [contracts.instrument(spec) for spec in specs if code in ("any", spec.coin)]


def get_instrument(venue: Deribit, parameters: Parameters) -> dict[str, Any]:
    """Describe one contract."""
    return contracts.instrument(_publisher(venue, parameters).market.spec)


def get_order_book(venue: Deribit, parameters: Parameters) -> dict[str, Any]:
    """Give a ticker with a book from its touch outwards."""
    publisher = _publisher(venue, parameters)
    market = publisher.market
    depth = whole(parameters, "depth", 20)
    count = next((each for each in DEPTHS if each >= depth), DEPTHS[-1])
    return wire.ticker(market, publisher.funding) | {
        "change_id": market.book.update_id,
        "bids": wire.levels(market.spec, market.book.bids.top(count)),
        "asks": wire.levels(market.spec, market.book.asks.top(count)),
    }


def ticker(venue: Deribit, parameters: Parameters) -> dict[str, Any]:
    """Describe a market now."""
    publisher = _publisher(venue, parameters)
    return wire.ticker(publisher.market, publisher.funding)


def last_trades(venue: Deribit, parameters: Parameters) -> dict[str, Any]:
    """List the latest trades, newest first, within a time where one is given."""
    market = _publisher(venue, parameters).market
    since, until = whole(parameters, "start_timestamp", 0), whole(parameters, "end_timestamp", venue.now_ms())
    count = max(1, min(TRADES_MAX, whole(parameters, "count", 10)))
    found = [row for row in reversed(market.trades) if since <= row.at_ms <= until]
    return {"trades": [wire.trade(market, row) for row in found[:count]], "has_more": len(found) > count}


def funding_rate_value(venue: Deribit, parameters: Parameters) -> float:
    """Give what accrued in the last 8 hours."""
    _span(parameters)
    return round(_publisher(venue, parameters).funding.last_8h, 10)


def funding_rate_history(venue: Deribit, parameters: Parameters) -> list[dict[str, Any]]:
    """List the hours since the market began."""
    since, until = _span(parameters)
    return [
        {
            "timestamp": hour.ends_ms,
            "index_price": round(hour.index, 2),
            "prev_index_price": round(hour.index_before, 2),
            "interest_8h": eight,
            "interest_1h": hour.accrued,
        }
        for hour, eight in _publisher(venue, parameters).funding.history(since, until)
    ]


ANSWERS: dict[str, Callable[[Deribit, Parameters], Any]] = {
    "public/get_time": get_time,
    "public/status": status,
    "public/test": test,
    "public/get_currencies": get_currencies,
    "public/get_instruments": get_instruments,
    "public/get_instrument": get_instrument,
    "public/get_order_book": get_order_book,
    "public/ticker": ticker,
    "public/get_last_trades_by_instrument": last_trades,
    "public/get_last_trades_by_instrument_and_time": last_trades,
    "public/get_funding_rate_value": funding_rate_value,
    "public/get_funding_rate_history": funding_rate_history,
}


def _publisher(venue: Deribit, parameters: Parameters) -> Publisher:
    return venue.publishers[venue.market(parameters).spec.symbol]


def _span(parameters: Parameters) -> tuple[int, int]:
    if "start_timestamp" not in parameters or "end_timestamp" not in parameters:
        raise invalid("start_timestamp", "value required")
    return whole(parameters, "start_timestamp", 0), whole(parameters, "end_timestamp", 0)


def whole(parameters: Parameters, name: str, default: int) -> int:
    """Read a whole number. Raise Refused."""
    text = str(parameters.get(name, default))
    if not text.isdecimal() or len(text) > DIGITS_MAX:
        raise invalid(name, "must be an integer")
    return int(text)
