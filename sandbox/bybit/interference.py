"""What armed faults do around a REST request to Bybit: its own codes where Binance has its statuses."""

from aiohttp import web

from sandbox import faults
from sandbox.binance.interference import Asked
from sandbox.binance.interference import Interference as Shared
from sandbox.bybit.errors import TOO_MANY, Refused
from sandbox.bybit.limits import REQUESTS_MAX
from sandbox.faults import Fault

BANNED = 403
CANCELS = frozenset({"order/cancel", "order/cancel-all"})
ORDERS = frozenset({"order/create", "order/amend"})


def class_of(method: str, path: str) -> str:
    """Give the class of a request: order, cancel, read, or any for the rest."""
    if path in ORDERS:
        return faults.ORDER
    if path in CANCELS:
        return faults.CANCEL
    return faults.READ if method == "GET" else faults.ANY


class Interference(Shared):
    """The faults of Bybit's REST door."""

    def refuse(self, asked: Asked) -> None:
        """Refuse a request that carries a valid signature, when that is armed. Raise Refused."""
        if fault := self.taken(faults.REJECT, asked):
            raise Refused(fault.code or 0, fault.message)

    def limited(self, fault: Fault) -> web.Response:
        """Answer a request above the limit: HTTP 200 with a code, and when to ask again."""
        reset_ms = self.now_ms() + fault.retry_after_s * 1000
        body = {"retCode": TOO_MANY, "retMsg": "Too many visits!", "result": {}, "retExtInfo": {}}
        headers = {
            "X-Bapi-Limit": str(REQUESTS_MAX),
            "X-Bapi-Limit-Status": "0",
            "X-Bapi-Limit-Reset-Timestamp": str(reset_ms),
        }
        return web.json_response(body | {"time": self.now_ms()}, headers=headers)

    def banned(self, until_ms: int) -> web.Response:
        """Answer an address that does not wait."""
        return web.Response(status=BANNED, text="access too frequent")
