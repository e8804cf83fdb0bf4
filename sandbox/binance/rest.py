"""The REST door of a venue: which endpoint answers a path, who may call it and what it weighs."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from sandbox.binance import contracts, errors, history, markets, modes
from sandbox.binance.exchange import Exchange
from sandbox.binance.interference import Asked, class_of, cut
from sandbox.binance.markets import Parameters
from sandbox.binance.orders import WRITES, Write
from sandbox.binance.private import Reader
from sandbox.binance.signing import parameters_of
from sandbox.binance.weights import weight_of

BODY_BYTES_MAX = 65_536

PUBLIC: dict[str, Callable[[Exchange, Parameters], Any]] = {
    "ping": markets.ping,
    "time": markets.server_time,
    "exchangeInfo": contracts.exchange_info,
    "depth": markets.depth,
    "trades": markets.trades,
    "historicalTrades": markets.trades,
    "aggTrades": markets.aggregate_trades,
    "klines": markets.klines,
    "ticker/24hr": markets.day_tickers,
    "ticker/bookTicker": markets.book_tickers,
    "ticker/price": markets.price_tickers,
    "premiumIndex": markets.premium_index,
    "fundingRate": markets.funding_rates,
    "fundingInfo": markets.funding_info,
    "openInterest": markets.open_interest,
}
LINEAR_PUBLIC: dict[str, Callable[[Exchange, Parameters], Any]] = {"assetIndex": modes.asset_index}
LINEAR_WRITES: dict[tuple[str, str], Write] = {("POST", "multiAssetsMargin"): modes.set_multi_assets}
PRESENT: dict[str, Callable[[Reader, Parameters], Any]] = {
    "account": Reader.account_info,
    "balance": Reader.balances,
    "positionRisk": Reader.position_risk,
    "leverageBracket": Reader.leverage_brackets,
    "positionSide/dual": Reader.position_mode,
    "multiAssetsMargin": Reader.multi_assets,
    "commissionRate": Reader.commission_rate,
    "symbolConfig": Reader.symbol_config,
    "accountConfig": Reader.account_config,
}
NEWER: dict[tuple[str, str], Callable[[Reader, Parameters], Any]] = {
    ("v2", "account"): Reader.account_info_v2,
    ("v3", "account"): Reader.account_info_v3,
    ("v3", "positionRisk"): Reader.position_risk_v3,
}
PAST: dict[str, history.SignedRead] = {
    "order": history.order,
    "openOrder": history.open_order,
    "openOrders": history.open_orders,
    "allOrders": history.all_orders,
    "forceOrders": history.forced_orders,
    "userTrades": history.user_trades,
    "income": history.income,
    "adlQuantile": modes.adl_quantile,
}
VERSIONS = {"v1", "v2", "v3"}


class Door:
    """Answers every REST request to one venue."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._public = PUBLIC if exchange.inverse else PUBLIC | LINEAR_PUBLIC
        self._writes = WRITES if exchange.inverse else WRITES | LINEAR_WRITES

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, with the venue's errors and its weight headers, or as armed faults will."""
        exchange = self.exchange
        if exchange.down:
            return cut(request)
        body = (await request.read()).decode("utf-8", "replace") if request.can_read_body else ""
        version, path = request.match_info["version"], request.match_info["path"]
        query, api_key = request.raw_path.partition("?")[2], request.headers.get("X-MBX-APIKEY")
        parameters = parameters_of(query, body)
        asked = Asked(
            account=exchange.keys.account_of(api_key),
            symbol=parameters.get("symbol", "").upper(),
            requests=class_of(request.method, path),
            path=path,
        )

        def answer() -> web.Response:
            headers: dict[str, str] = {}
            try:
                used = exchange.weights.use(request.remote or "", weight_of(path, parameters), time.time())
                headers["X-MBX-USED-WEIGHT-1M"] = str(used)
                done = self._answer(request.method, version, asked, api_key, query, body, headers)
            except errors.RequestRefused as refusal:
                return _json({"code": refusal.code, "msg": refusal.message}, refusal.status, headers | refusal.headers)
            return _json(done, 200, headers)

        return await exchange.interference.around(request, asked, answer)

    def _answer(
        self,
        method: str,
        version: str,
        asked: Asked,
        api_key: str | None,
        query: str,
        body: str,
        headers: dict[str, str],
    ) -> Any:
        exchange, path = self.exchange, asked.path
        if version not in VERSIONS:
            raise errors.RequestRefused(404, -5000, f"Path /{version}/{path}, Method {method} is invalid")
        if path == "listenKey":
            exchange.interference.refuse(asked)
            return self._listen_key(method, api_key)
        if method == "GET" and path in self._public:
            exchange.interference.refuse(asked)
            return self._public[path](exchange, parameters_of(query, body))
        known = path in PRESENT or path in PAST if method == "GET" else (method, path) in self._writes
        if not known:
            raise errors.RequestRefused(404, -5000, f"Path /{version}/{path}, Method {method} is invalid")
        key, parameters = exchange.keys.signer(api_key, exchange.venue, query, body, exchange.now_ms())
        exchange.interference.refuse(asked)
        if method != "GET":
            done = self._writes[method, path](exchange, key.account, parameters)
            headers.update(done.headers)
            return done.answer
        if path in PAST:
            return PAST[path](exchange, key.account, parameters)
        read = NEWER.get((version, path), PRESENT[path]) if not exchange.inverse else PRESENT[path]
        return read(Reader(exchange, key.account), parameters)

    def _listen_key(self, method: str, api_key: str | None) -> Any:
        exchange = self.exchange
        account = exchange.keys.holder(api_key, exchange.venue).account
        if method == "POST":
            return {"listenKey": exchange.listen_keys.open(account, exchange.now_ms())}
        if method == "PUT":
            key = exchange.listen_keys.renew(account, exchange.now_ms())
            if key is None:
                raise errors.no_listen_key()
            return {"listenKey": key}
        if method == "DELETE":
            exchange.listen_keys.close(account)
            exchange.hub.detach(account)
            return {}
        raise errors.RequestRefused(405, -1000, f"Method {method} is not supported")


class WalletDoor:
    """Answers the few requests of Binance's wallet API that clients make before they trade futures."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self.exchanges = exchanges

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer system status, and to signed requests the coins and margin pairs (none)."""
        if all(each.down for each in self.exchanges):
            return cut(request)
        path = request.match_info["path"]
        first = self.exchanges[0]
        try:
            if path == "system/status":
                return _json({"status": 0, "msg": "normal"}, 200, {})
            query = request.raw_path.partition("?")[2]
            first.keys.signer(request.headers.get("X-MBX-APIKEY"), None, query, "", first.now_ms())
            if path == "capital/config/getall":
                assets = ("ETH", "BTC", "USDT", "USDC")
                return _json([_coin(each) for each in assets], 200, {})
            if path in ("margin/allPairs", "margin/isolated/allPairs", "margin/allAssets"):
                return _json([], 200, {})
            raise errors.RequestRefused(404, -5000, f"Path /sapi/v1/{path}, Method {request.method} is invalid")
        except errors.RequestRefused as refusal:
            return _json({"code": refusal.code, "msg": refusal.message}, refusal.status, refusal.headers)


def _coin(asset: str) -> dict[str, Any]:
    return {
        "coin": asset,
        "name": asset,
        "free": "0",
        "locked": "0",
        "freeze": "0",
        "withdrawing": "0",
        "ipoing": "0",
        "ipoable": "0",
        "storage": "0",
        "depositAllEnable": False,
        "withdrawAllEnable": False,
        "isLegalMoney": False,
        "trading": True,
        "networkList": [],
    }


def _json(answer: Any, status: int, headers: dict[str, str]) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(answer), status=status, headers=headers, content_type="application/json"
    )
