"""The paths of Bybit: REST below /v5, public WebSockets below /v5/public, the private one at /v5/private."""

from aiohttp import web

from sandbox.binance.interference import cut
from sandbox.bybit.contracts import INVERSE, LINEAR
from sandbox.bybit.exchange import Bybit
from sandbox.bybit.rest import Door
from sandbox.bybit.streams import PRIVATE


def routes(venue: Bybit) -> list[web.RouteDef]:
    """List the routes of the venue."""
    door = Door(venue)

    async def listen(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(None):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None, door=request.match_info["category"])

    async def listen_privately(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(""):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None, door=PRIVATE)

    return [
        web.get(f"/v5/public/{{category:{LINEAR}|{INVERSE}}}", listen),
        web.get("/v5/private", listen_privately),
        web.route("*", "/v5/{path:.*}", door.handle),
    ]
