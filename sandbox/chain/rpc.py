"""Door of the sandbox chain: JSON-RPC 2.0 over HTTP POST, and the control routes of drills."""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from aiohttp import web

from sandbox.chain.errors import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, CallRefused
from sandbox.chain.methods import METHODS
from sandbox.chain.orders import Kind, token_of
from sandbox.chain.state import Chain, ReorganizationTooDeep

BATCH_MAX: Final = 100
PATH: Final = "/chain"
MILLIONTH: Final = Decimal("1e-6")


def routes(state: Chain) -> list[web.RouteDef]:
    """Return the routes that serve a chain: the node itself and its controls."""

    async def node(request: web.Request) -> web.Response:
        state.advance()
        body = replies(state, await request.read())
        return web.Response(status=204) if body is None else web.json_response(body)

    async def reorganize(request: web.Request) -> web.Response:
        state.advance()
        wanted = await _object(request)
        try:
            old, new = state.reorganize(int(wanted.get("depth", 1)), bool(wanted.get("keep_orders", True)))
        except (ReorganizationTooDeep, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"number": new.number, "old": "0x" + old.hash.hex(), "new": "0x" + new.hash.hex()})

    def ordering(kind: Kind) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def queue(request: web.Request) -> web.Response:
            state.advance()
            wanted = await _object(request)
            try:
                amount = _amount(state, wanted)
                if not 0 < amount <= 10_000_000:
                    raise ValueError(f"expected an amount above 0 and at most 10000000, found {amount}")
                reverts = bool(wanted.get("reverts"))
                order = state.submit(str(wanted.get("asset")), amount, kind, reverts=reverts)
            except (InvalidOperation, KeyError, ValueError) as error:
                message = f"Expected an asset of this chain and an amount of whole units: {error}."
                return web.json_response({"error": message}, status=400)
            return web.json_response({"transaction": order.transaction, "order_id": order.order_id})

        return queue

    return [
        web.post(PATH, node),
        web.post("/control/chain/reorg", reorganize),
        web.post("/control/chain/mint", ordering("mint")),
        web.post("/control/chain/redeem", ordering("redeem")),
    ]


def replies(chain: Chain, body: bytes) -> object | None:
    """Return the reply to a request body, single or batch; None when there were only notifications."""
    try:
        request = json.loads(body)
    except ValueError:
        return _failed(None, CallRefused(PARSE_ERROR, "parse error"))
    if not isinstance(request, list):
        return _reply(chain, request)
    if not 1 <= len(request) <= BATCH_MAX:
        return _failed(None, CallRefused(INVALID_REQUEST, f"a batch holds 1 to {BATCH_MAX} requests"))
    found = [reply for reply in (_reply(chain, each) for each in request) if reply is not None]
    return found or None


def _reply(chain: Chain, request: object) -> dict[str, Any] | None:
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0" or not isinstance(request.get("method"), str):
        return _failed(None, CallRefused(INVALID_REQUEST, "invalid request"))
    try:
        result = _result(chain, request["method"], request.get("params", []))
    except CallRefused as error:
        return _failed(request["id"], error) if "id" in request else None
    return {"jsonrpc": "2.0", "id": request["id"], "result": result} if "id" in request else None


def _result(chain: Chain, method: str, params: object) -> object:
    found = METHODS.get(method)
    if found is None:
        raise CallRefused(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
    if not isinstance(params, list):
        raise CallRefused(INVALID_PARAMS, "non-array args")
    return found(chain, params)


def _failed(number: object, error: CallRefused) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": error.as_json()}


def _amount(state: Chain, wanted: dict[str, Any]) -> Decimal:
    """Read the whole units of a token that are meant: `amount`, or as many as `usde` is worth."""
    if wanted.get("usde") is None:
        return Decimal(str(wanted.get("amount")))
    price = state.prices()[token_of(str(wanted.get("asset"))).address]
    return (Decimal(str(wanted["usde"])) / price).quantize(MILLIONTH)


async def _object(request: web.Request) -> dict[str, Any]:
    body = await request.read()
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
