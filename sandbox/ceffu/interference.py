"""What armed faults do around a request to the sandbox custodian: late, refused, unanswered, a bad gateway."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from sandbox import faults
from sandbox.binance.interference import HTML, TITLES, cut
from sandbox.ceffu.errors import RequestRefused
from sandbox.faults import Fault, Faults

NAME = "ceffu"


class Interference:
    """The faults of the custodian's door."""

    def __init__(self, armed: Faults, now_ms: Callable[[], int]) -> None:
        self._armed, self._now_ms = armed, now_ms

    async def around(self, request: web.Request, path: str, answer: Callable[[], web.Response]) -> web.StreamResponse:
        """Answer a request, unless a fault comes between."""
        if not self._armed.armed:
            return answer()
        if fault := self._take(faults.TIMEOUT_BEFORE, request, path):
            return await _unanswered(request, fault)
        if fault := self._take(faults.TIMEOUT_AFTER, request, path):
            if fault.late_ms:
                asyncio.get_running_loop().call_later(fault.late_ms / 1_000, answer)
            else:
                answer()
            return await _unanswered(request, fault)
        if fault := self._take(faults.BAD_GATEWAY, request, path):
            if fault.executed:
                answer()
            text = HTML.format(title=TITLES[fault.status])
            return web.Response(status=fault.status, text=text, content_type="text/html")
        delay = self._take(faults.DELAY, request, path)
        answered = answer()
        if delay:
            await asyncio.sleep(delay.delay_ms / 1_000)
        return answered

    def refuse(self, request: web.Request, path: str) -> None:
        """Refuse a request that was let in, when that is armed. Raise RequestRefused."""
        if fault := self._take(faults.REJECT, request, path):
            raise RequestRefused((fault.refusal, fault.status, fault.message))

    def _take(self, kind: str, request: web.Request, path: str) -> Fault | None:
        asked = faults.READ if request.method == "GET" else faults.ORDER
        return self._armed.take(NAME, kind, self._now_ms(), requests=asked, path=path)


async def _unanswered(request: web.Request, fault: Fault) -> web.Response:
    """Keep silent for the fault's time, then cut the connection."""
    await asyncio.sleep(fault.hold_ms / 1_000)
    return cut(request)
