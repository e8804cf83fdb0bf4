"""The paths of Deribit: REST below /api/v2, everything on one WebSocket at /ws/api/v2."""

from aiohttp import web

from sandbox.binance.interference import cut
from sandbox.deribit.exchange import Deribit
from sandbox.deribit.rest import Door


def routes(venue: Deribit) -> list[web.RouteDef]:
    """List the routes of the venue."""
    door = Door(venue)

    async def listen(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(None):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None)

    return [web.get("/api/v2/{method:.*}", door.handle), web.get("/ws/api/v2", listen)]
