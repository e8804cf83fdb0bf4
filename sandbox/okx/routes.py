"""The paths of OKX: REST below /api/v5, WebSockets below /ws/v5."""

from typing import Any

from aiohttp import web

from sandbox.binance.interference import cut
from sandbox.okx.exchange import Okx
from sandbox.okx.markets import ANSWERS, STATUS_OF, Data, ParameterRefused

TOO_MANY = 429
SOCKETS = ("public", "business")  # no channel here is of the second, but clients may dial it


def routes(venue: Okx) -> list[web.RouteDef]:
    """List the routes of the venue."""

    async def ask(request: web.Request) -> web.StreamResponse:
        if venue.down:
            return cut(request)
        path = request.match_info["path"]
        counted = f"{path} {request.query.get('instType', '')}"
        if not venue.requests.count(request.remote or "", counted, venue.now_ms()):
            return web.json_response(_envelope("50011", "Too Many Requests", []), status=TOO_MANY)
        answer = ANSWERS.get(path)
        if answer is None:
            return web.json_response(_envelope("404", "Not Found", []), status=404)
        try:
            return web.json_response(_envelope("0", "", answer(venue, request.query)))
        except ParameterRefused as refusal:
            body = _envelope(refusal.code, str(refusal), [])
            return web.json_response(body, status=STATUS_OF.get(refusal.code, 200))

    async def listen(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(None):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None)

    return [
        web.get("/api/v5/{path:.*}", ask),
        web.get(f"/ws/v5/{{door:{'|'.join(SOCKETS)}}}", listen),
    ]


def _envelope(code: str, message: str, data: Data) -> dict[str, Any]:
    return {"code": code, "msg": message, "data": data}
