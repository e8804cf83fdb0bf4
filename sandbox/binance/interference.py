"""What armed faults do around a REST request: unanswered, refused, late, 429, 418, bad gateways."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox import faults
from sandbox.binance import errors
from sandbox.binance.weights import WEIGHT_PER_MINUTE
from sandbox.faults import Fault, Faults

ORDER_PATHS = frozenset({"order", "batchOrders"})
CANCEL_PATHS = frozenset({"order", "batchOrders", "allOpenOrders"})
BANNED = 418
HTML = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>"
)
TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable"}
UNKNOWN = {
    -1006: (503, "An unexpected response was received from the message bus. Execution status unknown."),
    -1007: (
        408,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as faults see it; account and symbol are empty where it names none."""

    account: str
    symbol: str
    requests: str
    path: str


def class_of(method: str, path: str) -> str:
    """Give the class of a request: order, cancel, read, or any for the rest."""
    if method in ("POST", "PUT") and path in ORDER_PATHS:
        return faults.ORDER
    if method == "DELETE" and path in CANCEL_PATHS:
        return faults.CANCEL
    return faults.READ if method == "GET" else faults.ANY


class Interference:
    """The faults of one venue's REST door."""

    def __init__(self, venue: str, armed: Faults, now_ms: Callable[[], int]) -> None:
        self.venue, self.armed, self.now_ms = venue, armed, now_ms
        self._patience: tuple[int, Fault] | None = None  # until when a client has to wait, and why

    async def around(
        self, request: web.Request, asked: Asked, answer: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """Answer a request, unless a fault comes between."""
        if not self.armed.armed and self._patience is None:
            return answer()
        limited = self._too_many(asked)
        if limited is not None:
            return limited
        if fault := self.taken(faults.TIMEOUT_BEFORE, asked):
            return await _unanswered(request, fault)
        if fault := self.taken(faults.TIMEOUT_AFTER, asked):
            if fault.late_ms:
                asyncio.get_running_loop().call_later(fault.late_ms / 1000, answer)
            else:
                answer()
            return await _unanswered(request, fault)
        if fault := self.taken(faults.BAD_GATEWAY, asked):
            if fault.executed:
                answer()
            return _gateway(fault)
        delay = self.taken(faults.DELAY, asked)
        answered = answer()
        if delay:
            await asyncio.sleep(delay.delay_ms / 1000)
        return answered

    def refuse(self, asked: Asked) -> None:
        """Refuse a request that carries a valid signature, when that is armed. Raise RequestRefused."""
        if fault := self.taken(faults.REJECT, asked):
            raise errors.RequestRefused(fault.status, fault.code or 0, fault.message)

    def taken(self, kind: str, asked: Asked) -> Fault | None:
        """Let an armed fault of a kind strike a request, and give it."""
        return self.armed.take(
            self.venue,
            kind,
            self.now_ms(),
            account=asked.account,
            symbol=asked.symbol,
            requests=asked.requests,
            path=asked.path,
        )

    def _too_many(self, asked: Asked) -> web.Response | None:
        """Give 429 for an armed limit, and 418 to a client that asks again before its Retry-After is over."""
        now_ms = self.now_ms()
        if self._patience is not None:
            until_ms, fault = self._patience
            if fault.cleared or now_ms >= until_ms:
                self._patience = None
            elif fault.concerns(asked.account, asked.symbol) and fault.asked_by(asked.requests, asked.path):
                return self._ban(fault, max(until_ms, now_ms + fault.ban_s * 1000))
        struck = self.taken(faults.TOO_MANY, asked)
        if struck is None:
            return None
        if struck.status == BANNED:
            return self._ban(struck, now_ms + struck.ban_s * 1000)
        self._patience = (now_ms + struck.retry_after_s * 1000, struck)
        return self.limited(struck)

    def _ban(self, fault: Fault, until_ms: int) -> web.Response:
        self._patience = (until_ms, fault)
        return self.banned(until_ms)

    def limited(self, fault: Fault) -> web.Response:
        """Answer a request above the limit, and when to ask again."""
        return refused(errors.too_many(WEIGHT_PER_MINUTE, fault.retry_after_s))

    def banned(self, until_ms: int) -> web.Response:
        """Answer a client that does not wait."""
        message = (
            f"Way too many requests; IP(127.0.0.1) banned until {until_ms}. "
            "Please use the websocket for live updates to avoid bans."
        )
        retry_after_s = max(1, (until_ms - self.now_ms() + 999) // 1000)
        return refused(errors.RequestRefused(BANNED, -1003, message, {"Retry-After": str(retry_after_s)}))


def refused(why: errors.RequestRefused) -> web.Response:
    """Answer as the venue refuses a request."""
    return web.json_response({"code": why.code, "msg": why.message}, status=why.status, headers=why.headers)


def _gateway(fault: Fault) -> web.Response:
    if fault.code is not None:
        status, message = UNKNOWN[fault.code]
        return web.json_response({"code": fault.code, "msg": message}, status=status)
    return web.Response(status=fault.status, text=HTML.format(title=TITLES[fault.status]), content_type="text/html")


async def _unanswered(request: web.Request, fault: Fault) -> web.Response:
    """Keep silent for the fault's time, then cut the connection."""
    await asyncio.sleep(fault.hold_ms / 1000)
    return cut(request)


def cut(request: web.Request) -> web.Response:
    """Cut a connection without an answer, as a venue does that is down."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
