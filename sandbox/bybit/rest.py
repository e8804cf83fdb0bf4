"""Bybit's signed REST door: whose request it is, which fault comes between, and the venue's envelope around answers."""

import json
from typing import Any

from aiohttp import web

from sandbox.binance.interference import Asked, cut
from sandbox.bybit import errors
from sandbox.bybit.contracts import BYBIT
from sandbox.bybit.errors import Refused
from sandbox.bybit.exchange import Bybit
from sandbox.bybit.interference import class_of
from sandbox.bybit.markets import ANSWERS
from sandbox.bybit.orders import WRITES, text_of
from sandbox.bybit.private import COLLATERAL, READS, collateral
from sandbox.bybit.signing import signer

TOO_OFTEN = 403  # what the venue answers an address that asks too often
BODY_CHARACTERS_MAX = 65_536
MARKET = "market/"


class Door:
    """Answers every REST request to the venue."""

    def __init__(self, venue: Bybit) -> None:
        self.venue = venue

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with the venue's codes and limit headers, or as armed faults will."""
        venue, path = self.venue, request.match_info["path"]
        if venue.down:
            return cut(request)
        is_allowed, headers = venue.requests.count(request.remote or "", venue.now_ms())
        if not is_allowed:
            return web.Response(status=TOO_OFTEN, text="access too frequent", headers=headers)
        known = path.removeprefix(MARKET) in ANSWERS if path.startswith(MARKET) else path in (*READS, COLLATERAL)
        if not (known if request.method == "GET" else path in WRITES):
            return web.Response(status=404, headers=headers)
        sent = request.raw_path.partition("?")[2] if request.method == "GET" else await request.text()
        given = dict(request.query) if request.method == "GET" else _body(sent)
        key = venue.keys.find(request.headers.get("X-BAPI-API-KEY", ""), BYBIT)
        asked = Asked(
            account=key.account if key else "",
            symbol=text_of(given or {}, "symbol"),
            requests=class_of(request.method, path),
            path=path,
        )

        def answer() -> web.Response:
            try:
                body = self._envelope(0, "OK", self._result(request, asked, sent, given))
            except Refused as refusal:
                body = self._envelope(refusal.code, refusal.message, {})
            return web.json_response(body, headers=headers)

        return await venue.interference.around(request, asked, answer)

    def _result(self, request: web.Request, asked: Asked, sent: str, given: dict[str, Any] | None) -> dict[str, Any]:
        venue, path = self.venue, asked.path
        if path.startswith(MARKET):
            venue.interference.refuse(asked)
            return ANSWERS[path.removeprefix(MARKET)](venue, given or {})
        if path == COLLATERAL:  # public, as market data are
            venue.interference.refuse(asked)
            return collateral(venue, given or {})
        key = signer(venue.keys, request.headers, sent, venue.now_ms())
        venue.interference.refuse(asked)
        if given is None:
            raise errors.ParameterRefused("params error: the body is no JSON object")
        answers = READS if request.method == "GET" else WRITES
        return answers[path](venue, key.account, given)

    def _envelope(self, code: int, message: str, result: dict[str, Any]) -> dict[str, Any]:
        return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": self.venue.now_ms()}


def _body(sent: str) -> dict[str, Any] | None:
    """Read a body, None when it is no JSON object."""
    try:
        found = json.loads(sent) if len(sent) <= BODY_CHARACTERS_MAX else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
