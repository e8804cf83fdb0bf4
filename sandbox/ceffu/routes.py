"""Routes of the sandbox custodian: the envelope around each endpoint, and the errors in it."""

import secrets
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from sandbox.ceffu.door import Door
from sandbox.ceffu.endpoints import GET, POST, Endpoint
from sandbox.ceffu.errors import NOT_FOUND, RequestRefused
from sandbox.ceffu.interference import Interference
from sandbox.ceffu.parameters import Parameters
from sandbox.ceffu.state import Ceffu
from sandbox.faults import Faults

ROOT: Final = "/open-api"
SUCCESS: Final = "000000"


def routes(state: Ceffu, armed: Faults | None = None) -> list[web.RouteDef]:
    """Return the routes that serve a custodian; anything else under its root is a 404 in its own envelope."""
    door, between = Door(state), Interference(armed or Faults(), state.clock)

    def serving(path: str, endpoint: Endpoint) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.StreamResponse:
            body = await request.read()

            def entered() -> Parameters:
                if request.method == "GET":
                    return door.entered(request.headers, request.raw_path.partition("?")[2])
                return door.entered_with_body(request.headers, body)

            def answer() -> object:
                parameters = entered()
                between.refuse(request, path)
                state.advance()
                return endpoint(state, parameters)

            return await between.around(request, path, lambda: _answered(answer))

        return handler

    async def unknown(request: web.Request) -> web.Response:
        return _refused(RequestRefused(NOT_FOUND, f"{request.method} {request.path}"))

    return [
        *(web.get(ROOT + path, serving(path, endpoint)) for path, endpoint in GET.items()),
        *(web.post(ROOT + path, serving(path, endpoint)) for path, endpoint in POST.items()),
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
