"""Deribit's REST door: whose request it is, which fault comes between, and the JSON-RPC envelope around answers."""

import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.binance.interference import Asked, cut
from sandbox.deribit import rows, wire
from sandbox.deribit.exchange import Deribit
from sandbox.deribit.interference import class_of
from sandbox.deribit.markets import result_of
from sandbox.deribit.orders import WRITES
from sandbox.deribit.private import READS, summary
from sandbox.deribit.refusals import NO_SUCH_METHOD, Refused
from sandbox.deribit.signing import signer, unauthorized

PRIVATE = "private/"


class Door:
    """Answers every request to the venue, by REST or on its socket."""

    def __init__(self, venue: Deribit) -> None:
        self.venue = venue
        venue.hub.carry_out = self.result
        venue.hub.portfolio_of = lambda account, currency: summary(venue, account, currency)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with the venue's codes, or as armed faults will."""
        venue, method = self.venue, request.match_info["method"]
        if venue.down:
            return cut(request)
        asked = Asked(
            account=self._claimed(request.headers.get("Authorization", "")),
            symbol=_symbol(request.query),
            requests=class_of(method),
            path=method,
        )

        def answer() -> web.Response:
            status = 200
            try:
                venue.requests.count(request.remote or "", venue.now_ms())
                said = {"result": self._asked(request, asked)}
            except Refused as refusal:
                status, said = refusal.status, {"error": refusal.error}
            return web.json_response(wire.answer(None, time.time_ns() // 1_000, **said), status=status)

        return await venue.interference.around(request, asked, answer)

    def result(self, account: str | None, method: str, parameters: Mapping[str, Any]) -> Any:
        """Carry out a method for an account, or for nobody. Raise Refused."""
        if not method.startswith(PRIVATE):
            return result_of(self.venue, method, parameters)
        if account is None:
            raise unauthorized("invalid_token")
        carry = READS.get(method) or WRITES.get(method)
        if carry is None:
            raise Refused(NO_SUCH_METHOD, "Method not found")
        return carry(self.venue, account, parameters)

    def _asked(self, request: web.Request, asked: Asked) -> Any:
        account = None
        if asked.path.startswith(PRIVATE):
            header = request.headers.get("Authorization", "")
            account = signer(self.venue.keys, header, request.method, request.raw_path).account
        self.venue.interference.refuse(asked)
        return self.result(account, asked.path, request.query)

    def _claimed(self, header: str) -> str:
        """Give the account that a request says it is of."""
        _, _, after = header.partition("id=")
        return self.venue.keys.account_of(after.partition(",")[0].strip())


def _symbol(query: Mapping[str, str]) -> str:
    """Give the contract that a request is about, empty when it names none."""
    return query.get("instrument_name") or (rows.order_of(query.get("order_id", "")) or ("", 0))[0]
