"""The paths of Bybit: REST below /v5/market, public WebSockets below /v5/public."""

from typing import Any

from aiohttp import web

from sandbox.binance.interference import cut
from sandbox.bybit.contracts import INVERSE, LINEAR
from sandbox.bybit.exchange import Bybit
from sandbox.bybit.markets import ANSWERS, INVALID_PARAMETERS, ParameterRefused

TOO_MANY = 403  # what the venue answers an address that asks too often


def routes(venue: Bybit) -> list[web.RouteDef]:
    """List the routes of the venue."""

    async def ask(request: web.Request) -> web.StreamResponse:
        if venue.down:
            return cut(request)
        is_allowed, headers = venue.requests.count(request.remote or "", venue.now_ms())
        if not is_allowed:
            return web.Response(status=TOO_MANY, text="access too frequent", headers=headers)
        answer = ANSWERS.get(request.match_info["path"])
        if answer is None:
            return web.Response(status=404, headers=headers)
        try:
            body = _envelope(venue, 0, "OK", answer(venue, request.query))
        except ParameterRefused as refusal:
            body = _envelope(venue, INVALID_PARAMETERS, str(refusal), {})
        return web.json_response(body, headers=headers)

    async def listen(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(None):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None, door=request.match_info["category"])

    return [
        web.get("/v5/market/{path:.*}", ask),
        web.get(f"/v5/public/{{category:{LINEAR}|{INVERSE}}}", listen),
    ]


def _envelope(venue: Bybit, code: int, message: str, result: dict[str, Any]) -> dict[str, Any]:
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": venue.now_ms()}
