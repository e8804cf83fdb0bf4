"""The paths of Deribit: REST below /api/v2, everything on one WebSocket at /ws/api/v2."""

import time
from functools import partial
from typing import Any

from aiohttp import web

from sandbox.binance.interference import cut
from sandbox.deribit import wire
from sandbox.deribit.exchange import Deribit
from sandbox.deribit.markets import result_of
from sandbox.deribit.refusals import Refused


def routes(venue: Deribit) -> list[web.RouteDef]:
    """List the routes of the venue."""
    venue.hub.carry_out = partial(result_of, venue)

    async def ask(request: web.Request) -> web.StreamResponse:
        if venue.down:
            return cut(request)
        status, now_us = 200, time.time_ns() // 1_000
        said: dict[str, Any]
        try:
            venue.requests.count(request.remote or "", venue.now_ms())
            said = {"result": result_of(venue, request.match_info["method"], request.query)}
        except Refused as refusal:
            status, said = refusal.status, {"error": refusal.error}
        return web.json_response(wire.answer(None, now_us, **said), status=status)

    async def listen(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(None):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None)

    return [web.get("/api/v2/{method:.*}", ask), web.get("/ws/api/v2", listen)]
