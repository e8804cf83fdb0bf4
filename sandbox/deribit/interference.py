"""What armed faults do around a REST request to Deribit: its own codes where Binance has its statuses."""

import time

from aiohttp import web

from sandbox import faults
from sandbox.binance.interference import Asked
from sandbox.binance.interference import Interference as Shared
from sandbox.deribit import wire
from sandbox.deribit.refusals import TOO_MANY_REQUESTS, Refused
from sandbox.faults import Fault

ORDERS = frozenset({"private/buy", "private/sell", "private/edit"})


def class_of(method: str) -> str:
    """Give the class of a request by its method: order, cancel, read, or any for the rest."""
    if method in ORDERS:
        return faults.ORDER
    if method.startswith("private/cancel"):
        return faults.CANCEL
    return faults.READ if "/get_" in method else faults.ANY


class Interference(Shared):
    """The faults of Deribit's REST door."""

    def refuse(self, asked: Asked) -> None:
        """Refuse a request that carries a valid signature, when that is armed. Raise Refused."""
        if fault := self.taken(faults.REJECT, asked):
            raise Refused(fault.code or 0, fault.message)

    def limited(self, fault: Fault) -> web.Response:
        """Answer a request above the limit; the venue does not say when to ask again."""
        return self._too_often()

    def banned(self, until_ms: int) -> web.Response:
        """Answer a client that does not wait: just the same."""
        return self._too_often()

    def _too_often(self) -> web.Response:
        error = {"code": TOO_MANY_REQUESTS, "message": "too_many_requests"}
        return web.json_response(wire.answer(None, time.time_ns() // 1_000, error=error), status=429)
