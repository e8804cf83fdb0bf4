"""What armed faults do around a REST request to OKX: its own codes where Binance has its statuses."""

from aiohttp import web

from sandbox import faults
from sandbox.binance.interference import Asked
from sandbox.binance.interference import Interference as Shared
from sandbox.faults import Fault
from sandbox.okx.errors import STATUS_OF, TOO_MANY, Refused

CANCELS = frozenset({"trade/cancel-order", "trade/cancel-batch-orders"})
ORDERS = frozenset({"trade/order", "trade/batch-orders", "trade/amend-order", "trade/amend-batch-orders"})


def class_of(method: str, path: str) -> str:
    """Give the class of a request: order, cancel, read, or any for the rest."""
    if method == "GET":
        return faults.READ
    return faults.ORDER if path in ORDERS else faults.CANCEL if path in CANCELS else faults.ANY


def too_many() -> web.Response:
    """Answer a request above the limit; the venue does not say when to ask again."""
    return web.json_response({"code": TOO_MANY, "msg": "Too Many Requests", "data": []}, status=STATUS_OF[TOO_MANY])


class Interference(Shared):
    """The faults of OKX's REST door."""

    def refuse(self, asked: Asked) -> None:
        """Refuse a request that carries a valid signature, when that is armed. Raise Refused."""
        if fault := self.taken(faults.REJECT, asked):
            raise Refused(str(fault.code), fault.message)

    def limited(self, fault: Fault) -> web.Response:
        """Answer a request above the limit."""
        return too_many()

    def banned(self, until_ms: int) -> web.Response:
        """Answer a client that does not wait: not otherwise than before."""
        return too_many()
