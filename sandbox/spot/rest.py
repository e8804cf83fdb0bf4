"""The doors of the spot market: REST below /api/v3, WebSockets below /streams/spot."""

import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.binance import errors, markets
from sandbox.binance.interference import Asked, class_of, cut
from sandbox.binance.markets import Parameters, chosen, integer, one_or_all
from sandbox.binance.signing import parameters_of
from sandbox.spot import pairs
from sandbox.spot.exchange import Spot
from sandbox.spot.pairs import SPOT_ROOT
from sandbox.spot.wire import quantity_text

DEPTH_LEVELS_MAX = 5_000
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (DEPTH_LEVELS_MAX, 250))
WEIGHTS = {"exchangeInfo": 20, "trades": 25, "aggTrades": 4, "klines": 2}
WITH_SYMBOL = {"ticker/24hr": 2, "ticker/bookTicker": 2, "ticker/price": 2}
WITHOUT_SYMBOL = {"ticker/24hr": 80, "ticker/bookTicker": 4, "ticker/price": 4}
# Asked only with a key: nothing is held or traded here, so that no key is ever one of this market's.
SIGNED = frozenset({"account", "order", "order/test", "openOrders", "allOrders", "myTrades", "userDataStream"})


def exchange_info(venue: Spot, parameters: Parameters) -> Any:
    """List the pairs and their rules."""
    return pairs.exchange_info((market.spec for market in venue.markets.values()), parameters, venue.now_ms())


def depth(venue: Spot, parameters: Parameters) -> Any:
    """Give a snapshot of a book."""
    market, limit = venue.market(parameters.get("symbol")), _levels(parameters)
    spec, book = market.spec, market.book
    return {"lastUpdateId": book.update_id} | {
        name: [[spec.price_text(ticks), quantity_text(spec, steps)] for ticks, steps in side.top(limit)]
        for name, side in (("bids", book.bids), ("asks", book.asks))
    }


def _levels(parameters: Parameters) -> int:
    limit = integer(parameters, "limit", 100) or 0
    if limit < 1:
        raise errors.malformed("limit")
    return min(limit, DEPTH_LEVELS_MAX)


def trades(venue: Spot, parameters: Parameters) -> Any:
    """List the latest trades, oldest first."""
    return [row | {"isBestMatch": True} for row in markets.trades(venue, parameters)]


def aggregate_trades(venue: Spot, parameters: Parameters) -> Any:
    """List aggregate trades, oldest first."""
    return [row | {"M": True} for row in markets.aggregate_trades(venue, parameters)]


def book_tickers(venue: Spot, parameters: Parameters) -> Any:
    """Give the best bid and ask, of which the venue says no time."""
    rows = []
    for market in chosen(venue, parameters):
        spec, bids, asks = market.spec, market.book.bids, market.book.asks
        row = {"symbol": spec.symbol, "bidPrice": spec.price_text(bids.best), "askPrice": spec.price_text(asks.best)}
        row |= {
            "bidQty": quantity_text(spec, bids.best_size),
            "askQty": quantity_text(spec, asks.best_size),
        }
        rows.append(row)
    return one_or_all(venue, parameters, rows)


def price_tickers(venue: Spot, parameters: Parameters) -> Any:
    """Give the last price."""
    rows = [
        {
            "symbol": market.spec.symbol,
            "price": market.spec.price_text(market.aggregates[-1].ticks if market.aggregates else market.mark_ticks),
        }
        for market in chosen(venue, parameters)
    ]
    return one_or_all(venue, parameters, rows)


def day_tickers(venue: Spot, parameters: Parameters) -> Any:
    """Give the statistics of the last 24 hours, with the touch."""
    days = markets.day_tickers(venue, parameters | {"symbol": ""})
    by_symbol = {row["symbol"]: row for row in days}
    touches = book_tickers(venue, parameters)
    rows = [by_symbol[row["symbol"]] | row for row in (touches if isinstance(touches, list) else [touches])]
    return one_or_all(venue, parameters, rows)


PUBLIC: dict[str, Callable[[Spot, Parameters], Any]] = {
    "ping": markets.ping,
    "time": markets.server_time,
    "exchangeInfo": exchange_info,
    "depth": depth,
    "trades": trades,
    "aggTrades": aggregate_trades,
    "klines": markets.klines,
    "ticker/24hr": day_tickers,
    "ticker/bookTicker": book_tickers,
    "ticker/price": price_tickers,
}


def weight_of(path: str, parameters: Parameters) -> int:
    """Give the weight of a request, as published."""
    if path == "depth":
        limit = parameters.get("limit", "100")
        count = int(limit) if limit.isdecimal() and len(limit) <= len(str(DEPTH_LEVELS_MAX)) else DEPTH_LEVELS_MAX
        return next((weight for most, weight in DEPTH_WEIGHTS if count <= most), DEPTH_WEIGHTS[-1][1])
    of_tickers = WITH_SYMBOL if parameters.get("symbol") else WITHOUT_SYMBOL
    return (WEIGHTS | of_tickers).get(path, 1)


class Door:
    """Answers every REST request to the market."""

    def __init__(self, venue: Spot) -> None:
        self.venue = venue

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, with the venue's errors and its weight headers, or as armed faults will."""
        venue = self.venue
        if venue.down:
            return cut(request)
        path, query = request.match_info["path"], request.raw_path.partition("?")[2]
        body = (await request.read()).decode("utf-8", "replace") if request.can_read_body else ""
        parameters = parameters_of(query, body)
        symbol = parameters.get("symbol", "")
        asked = Asked(account="", symbol=symbol, requests=class_of(request.method, path), path=path)

        def answer() -> web.Response:
            headers: dict[str, str] = {}
            try:
                used = venue.weights.use(request.remote or "", weight_of(path, parameters), time.time())
                headers["X-MBX-USED-WEIGHT-1M"] = headers["X-MBX-USED-WEIGHT"] = str(used)
                done = self._answer(request, asked, parameters, (query, body))
            except errors.RequestRefused as refusal:
                said = {"code": refusal.code, "msg": refusal.message}
                return _json(said, refusal.status, headers | refusal.headers)
            return _json(done, 200, headers)

        return await venue.interference.around(request, asked, answer)

    def _answer(self, request: web.Request, asked: Asked, parameters: Parameters, signed: tuple[str, str]) -> Any:
        venue = self.venue
        if request.method == "GET" and asked.path in PUBLIC:
            venue.interference.refuse(asked)
            return PUBLIC[asked.path](venue, parameters)
        if asked.path in SIGNED:
            venue.keys.signer(request.headers.get("X-MBX-APIKEY"), venue.venue, *signed, venue.now_ms())
        raise errors.RequestRefused(404, -5000, f"Path /api/v3/{asked.path}, Method {request.method} is invalid")


def _json(answer: Any, status: int, headers: dict[str, str]) -> web.Response:
    text = json.dumps(answer, separators=(",", ":"))
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


def routes(venue: Spot) -> list[web.RouteDef]:
    """List the routes of the market."""

    def socket(*, wrapped: bool) -> Callable[[web.Request], Any]:
        async def listen(request: web.Request) -> web.StreamResponse:
            if venue.down or venue.hub.refuses(None):
                return cut(request)
            names = request.match_info.get("streams", "") or request.query.get("streams", "")
            streams = [name for name in names.split("/") if "@" in name]
            return await venue.hub.serve(request, streams, wrapped=wrapped, account=None)

        return listen

    return [
        web.route("*", "/api/v3/{path:.*}", Door(venue).handle),
        web.get(f"{SPOT_ROOT}/ws", socket(wrapped=False)),
        web.get(f"{SPOT_ROOT}/ws/{{streams:.*}}", socket(wrapped=False)),
        web.get(f"{SPOT_ROOT}/stream", socket(wrapped=True)),
    ]
