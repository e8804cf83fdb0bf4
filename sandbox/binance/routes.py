"""The paths of both venues: REST below /fapi and /dapi, WebSockets below /usdm and /coinm."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.binance.exchange import Exchange
from sandbox.binance.interference import cut
from sandbox.binance.rest import Door, WalletDoor
from sandbox.instruments import COINM, USDM

REST_ROOTS = {USDM: "/fapi", COINM: "/dapi"}
SOCKET_ROOTS = {USDM: "/usdm", COINM: "/coinm"}
CATEGORIES = ("", "/public", "/market", "/private")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(exchanges: list[Exchange]) -> list[web.RouteDef]:
    """List the routes of the venues."""
    found = [web.get("/sapi/{version}/{path:.*}", WalletDoor(exchanges).handle)]
    for exchange in exchanges:
        found.append(web.route("*", f"{REST_ROOTS[exchange.venue]}/{{version}}/{{path:.*}}", Door(exchange).handle))
        root = SOCKET_ROOTS[exchange.venue]
        for category in CATEGORIES:
            found.append(web.get(f"{root}{category}/ws", _socket(exchange, wrapped=False)))
            found.append(web.get(f"{root}{category}/ws/{{streams:.*}}", _socket(exchange, wrapped=False)))
            found.append(web.get(f"{root}{category}/stream", _socket(exchange, wrapped=True)))
    return found


def _socket(exchange: Exchange, *, wrapped: bool) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        names = request.match_info.get("streams", "") or request.query.get("streams", "")
        parts = [name for name in names.split("/") if name]
        keys = [*parts, request.query.get("listenKey", "")]
        account = next((found for key in keys if (found := exchange.listen_keys.account_of(key))), None)
        if exchange.down or exchange.hub.refuses(account):
            return cut(request)
        streams = [name for name in parts if "@" in name]
        return await exchange.hub.serve(request, streams, wrapped=wrapped, account=account)

    return handle
