"""The paths of the control page and its API: reads, and POSTs of one JSON object each."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.control import actions, drills, views
from sandbox.control.given import ActionRefused
from sandbox.ledger import ROWS_MAX
from sandbox.world import World

PAGE = Path(__file__).with_name("page.html")
BODY_BYTES_MAX = 65_536
DIGITS_MAX = 6

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(world: World) -> list[web.RouteDef]:
    """List the routes of the control page."""

    async def page(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE, headers={"Cache-Control": "no-store"})

    async def state(request: web.Request) -> web.StreamResponse:
        return web.json_response(views.state(world))

    async def faults(request: web.Request) -> web.StreamResponse:
        return web.json_response({"faults": drills.listed(world), "kinds": drills.kinds()})

    async def account(request: web.Request) -> web.StreamResponse:
        name = request.match_info["account"]
        if name not in world.accounts.accounts:
            return _refused(f"expected one of {', '.join(world.accounts.accounts)}, found {name}", 404)
        wanted = request.query.get("limit", "")
        limit = min(int(wanted), ROWS_MAX) if wanted.isdecimal() and len(wanted) < DIGITS_MAX else views.LATEST_ROWS
        return web.json_response(views.account(world, name, limit))

    async def client_ids(request: web.Request) -> web.StreamResponse:
        name = request.match_info["account"]
        if name not in world.accounts.accounts:
            return _refused(f"expected one of {', '.join(world.accounts.accounts)}, found {name}", 404)
        return web.json_response(views.client_ids(world, name))

    return [
        web.get("/", page),
        web.get("/control/state", state),
        web.get("/control/accounts/{account}", account),
        web.get("/control/accounts/{account}/client-ids", client_ids),
        web.get("/control/faults", faults),
        *(web.post(f"/control/{name}", _post(world, action)) for name, action in actions.ACTIONS.items()),
    ]


def _post(world: World, action: actions.Action) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return _refused(f"expected a request of this page, found one of {origin}", 403)
        try:
            given = json.loads(await request.text() or "{}")
        except ValueError as problem:
            return _refused(f"expected JSON, found {problem}", 400)
        if not isinstance(given, dict):
            return _refused(f"expected a JSON object, found {type(given).__name__}", 400)
        try:
            done: dict[str, Any] = action(world, given)
        except ActionRefused as refusal:
            return _refused(str(refusal), 400)
        return web.json_response(done)

    return handle


def _refused(sentence: str, status: int) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
