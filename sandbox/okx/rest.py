"""OKX's REST door: whose request it is, which fault comes between, and the venue's envelope around answers."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.binance.interference import Asked, cut
from sandbox.okx import errors
from sandbox.okx.contracts import OKX
from sandbox.okx.errors import STATUS_OF, Refused
from sandbox.okx.exchange import Okx
from sandbox.okx.interference import class_of, too_many
from sandbox.okx.markets import ANSWERS
from sandbox.okx.orders import BATCH_MAX, BATCHES, TRADES, WRITES
from sandbox.okx.parameters import Data, text_of
from sandbox.okx.private import READS
from sandbox.okx.signing import require_unexpired, signer

BODY_CHARACTERS_MAX = 65_536
OK, FAILED, PARTLY = "0", "1", "2"
SAID = {OK: "", FAILED: "All operations failed", PARTLY: "Bulk operation partially succeeded."}
OF_ORDERS = "51"  # how codes begin that refuse one order, not the request


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it came: what is signed of it, and what its query or body gives (None: it cannot be read)."""

    path: str
    is_read: bool
    signed: str
    given: Any


class Door:
    """Answers every REST request to the venue."""

    def __init__(self, venue: Okx) -> None:
        self.venue = venue

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with the venue's codes, or as armed faults will."""
        venue, path = self.venue, request.match_info["path"]
        if venue.down:
            return cut(request)
        counted = f"{path} {request.query.get('instType', '')}"
        if not venue.requests.count(request.remote or "", counted, venue.now_ms()):
            return too_many()
        is_read = request.method == "GET"
        if not (path in ANSWERS or path in READS if is_read else path in TRADES or path in WRITES):
            return _answer(errors.NOT_FOUND, "Not Found", [])
        body = "" if is_read else await request.text()
        sent = Sent(
            path=path,
            is_read=is_read,
            signed=f"{request.method}{request.raw_path}{body}",
            given=dict(request.query) if is_read else _read(body),
        )
        key = venue.keys.find(request.headers.get("OK-ACCESS-KEY", ""), OKX)
        first = sent.given[0] if isinstance(sent.given, list) and sent.given else sent.given
        asked = Asked(
            account=key.account if key else "",
            symbol=text_of(first, "instId") if isinstance(first, dict) else "",
            requests=class_of(request.method, path),
            path=path,
        )

        def answer() -> web.Response:
            try:
                return self._answered(request, asked, sent)
            except Refused as refusal:
                return _answer(refusal.code, refusal.message, [])

        return await venue.interference.around(request, asked, answer)

    def _answered(self, request: web.Request, asked: Asked, sent: Sent) -> web.Response:
        venue, path = self.venue, sent.path
        if path in ANSWERS and sent.is_read:
            venue.interference.refuse(asked)
            return _answer(OK, "", ANSWERS[path](venue, sent.given))
        key = signer(venue.keys, request.headers, sent.signed, venue.now_ms())
        if path in TRADES and not sent.is_read:
            return self._traded(request, asked, sent, key.account)
        venue.interference.refuse(asked)
        if not isinstance(sent.given, dict):
            raise Refused("50002", "JSON syntax error")
        answers = READS if sent.is_read else WRITES
        return _answer(OK, "", answers[path](venue, key.account, sent.given))

    def _traded(self, request: web.Request, asked: Asked, sent: Sent, account: str) -> web.Response:
        """Carry out what a request wants of each of its orders."""
        given = sent.given if sent.path in BATCHES else [sent.given]
        if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
            raise Refused("50002", "JSON syntax error")
        if len(given) > BATCH_MAX:
            raise Refused("50025", f"Parameter orders count exceeds the limit {BATCH_MAX}.")
        armed: Refused | None = None
        try:
            require_unexpired(request.headers, self.venue.now_ms())
            self.venue.interference.refuse(asked)
        except Refused as refusal:
            if not refusal.code.startswith((OF_ORDERS, "50036")):
                raise
            armed = refusal
        rows = [self._row(sent.path, account, each, armed) for each in given]
        failed = sum(row["sCode"] != OK for row in rows)
        code = OK if not failed else FAILED if failed == len(rows) else PARTLY
        return _answer(code, SAID[code], rows)

    def _row(self, path: str, account: str, body: dict[str, Any], armed: Refused | None) -> dict[str, Any]:
        try:
            if armed is not None:
                raise armed
            return TRADES[path](self.venue, account, body) | {"sCode": OK, "sMsg": ""}
        except Refused as refusal:
            ids = {"ordId": text_of(body, "ordId"), "clOrdId": text_of(body, "clOrdId"), "tag": ""}
            return ids | {"sCode": refusal.code, "sMsg": refusal.message, "ts": str(self.venue.now_ms())}


def _answer(code: str, message: str, data: Data) -> web.Response:
    return web.json_response({"code": code, "msg": message, "data": data}, status=STATUS_OF.get(code, 200))


def _read(body: str) -> Any:
    try:
        return json.loads(body) if len(body) <= BODY_CHARACTERS_MAX else None
    except ValueError:
        return None
