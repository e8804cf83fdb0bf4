"""The paths of OKX: REST below /api/v5, WebSockets below /ws/v5."""

from aiohttp import web

from sandbox.binance.interference import cut
from sandbox.okx.exchange import Okx
from sandbox.okx.rest import Door
from sandbox.okx.streams import PRIVATE_DOOR

SOCKETS = ("public", "business")  # no channel here is of the second, but clients may dial it


def routes(venue: Okx) -> list[web.RouteDef]:
    """List the routes of the venue."""

    async def listen(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(None):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None)

    async def listen_privately(request: web.Request) -> web.StreamResponse:
        if venue.down or venue.hub.refuses(""):
            return cut(request)
        return await venue.hub.serve(request, [], wrapped=False, account=None, door=PRIVATE_DOOR)

    return [
        web.route("*", "/api/v5/{path:.*}", Door(venue).handle),
        web.get(f"/ws/v5/{{door:{'|'.join(SOCKETS)}}}", listen),
        web.get(f"/ws/v5/{PRIVATE_DOOR}", listen_privately),
    ]
