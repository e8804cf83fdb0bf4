"""Routes of the sandbox custodian: the envelope around each endpoint, and the errors in it."""

import secrets
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from sandbox.ceffu.door import Door
from sandbox.ceffu.endpoints import GET, POST, Endpoint
from sandbox.ceffu.errors import NOT_FOUND, RequestRefused
from sandbox.ceffu.state import Ceffu

ROOT: Final = "/open-api"
SUCCESS: Final = "000000"


def routes(state: Ceffu) -> list[web.RouteDef]:
    """Return the routes that serve a custodian; anything else under its root is a 404 in its own envelope."""
    door = Door(state)

    def reading(endpoint: Endpoint) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            raw_query = request.raw_path.partition("?")[2]
            return _answered(lambda: endpoint(state, door.entered(request.headers, raw_query)))

        return handler

    def posting(endpoint: Endpoint) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            body = await request.read()
            return _answered(lambda: endpoint(state, door.entered_with_body(request.headers, body)))

        return handler

    async def unknown(request: web.Request) -> web.Response:
        return _refused(RequestRefused(NOT_FOUND, f"{request.method} {request.path}"))

    return [
        *(web.get(ROOT + path, reading(endpoint)) for path, endpoint in GET.items()),
        *(web.post(ROOT + path, posting(endpoint)) for path, endpoint in POST.items()),
        web.route("*", ROOT + "/{tail:.*}", unknown),
    ]


def _answered(answer: Callable[[], object]) -> web.Response:
    try:
        data = answer()
    except RequestRefused as error:
        return _refused(error)
    return _envelope(200, SUCCESS, "Success", data)


def _refused(error: RequestRefused) -> web.Response:
    return _envelope(error.status, error.code, error.message, None)


def _envelope(status: int, code: str, message: str, data: object) -> web.Response:
    headers = {"x-request-id": secrets.token_hex(16)}
    return web.json_response({"data": data, "code": code, "message": message}, status=status, headers=headers)
