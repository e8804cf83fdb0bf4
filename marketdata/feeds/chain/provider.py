"""Provider: how web3's requests travel to a node: one session, bounds, another attempt after a network fault.

web3's own HTTP provider keeps its sessions behind a lock that all of a process share and that it takes in a thread: a
task that is canceled there leaves it locked, and no request of the process is ever sent again.
"""

import asyncio
import random
from contextvars import ContextVar
from typing import Any

import aiohttp
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from hedgeapp.core.records import record


@record
class Bounds:
    """Bounds of one request and of one scan, each with its unit."""

    request_timeout_s: float = 5.0
    attempts_max: int = 3  # of one request, after network faults only
    backoff_s: float = 0.25  # pause before the second attempt; doubles, with jitter
    body_bytes_max: int = 16_000_000
    scan_blocks_max: int = 2_000  # blocks in one request for logs


_heard: ContextVar[bytes] = ContextVar("heard", default=b"")  # in each task its own: several ask at once


class AnswerIsTooLong(ValueError):
    """A node's answer is longer than its bound."""


class NodeProvider(AsyncJSONBaseProvider):
    """Sends JSON-RPC over HTTP; `open` before the first request, `close` after the last."""

    def __init__(self, url: str, bounds: Bounds) -> None:
        super().__init__()
        self._url, self._bounds = url, bounds
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Begin a session; nothing is sent yet."""
        timeout = aiohttp.ClientTimeout(total=self._bounds.request_timeout_s)
        self._session = aiohttp.ClientSession(timeout=timeout, raise_for_status=True)

    async def close(self) -> None:
        """End the session."""
        if self._session:
            await self._session.close()

    @property
    def heard(self) -> bytes:
        """What the node answered last to the task that asks."""
        return _heard.get()

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request and return the node's answer; raise what aiohttp raises when all attempts failed."""
        request = self.encode_rpc_request(method, params)
        pause_s = self._bounds.backoff_s
        for attempt in range(1, self._bounds.attempts_max + 1):
            try:
                return self.decode_rpc_response(await self._sent(request))
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
                if attempt == self._bounds.attempts_max:
                    raise
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s *= 2
        raise AssertionError("attempts_max is at least 1")

    async def _sent(self, request: bytes) -> bytes:
        assert self._session is not None
        _heard.set(b"")
        headers = {"Content-Type": "application/json"}
        body = bytearray()
        async with self._session.post(self._url, data=request, headers=headers, allow_redirects=False) as answer:
            async for part in answer.content.iter_any():
                body += part
                if len(body) > self._bounds.body_bytes_max:
                    raise AnswerIsTooLong(f"at most {self._bounds.body_bytes_max} bytes expected in one answer")
        return self.noted(bytes(body))

    @staticmethod
    def noted(body: bytes) -> bytes:
        """Remember an answer for the task that asked."""
        _heard.set(body)
        return body
