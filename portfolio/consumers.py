"""Consumers: the WebSockets of the live screen and of the prices."""

import asyncio
from collections import deque
from typing import Any, Final
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user
from django.http import HttpRequest

from hedgeapp.audience import audience
from hedgeapp.live import DASHBOARDS
from portfolio.screen.price_stream import PRICES

PENDING_MAX: Final = 8  # frames a slow browser may be behind: two seconds; then it misses some and reads the whole
SEND_S_MAX: Final = 30.0  # a browser that takes nothing for so long is let go
SESSION_CHECK_S: Final = 30.0  # a session that ended closes its socket after at most so long

ENDED: Final = 4401  # close code: log in again; browsers do not reconnect by themselves
ELSEWHERE: Final = 4403  # close code: the page was not served from here
SLOW: Final = 1013  # close code: come back later


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Forward pushed HTML to one browser, never faster than it takes it."""

    group = DASHBOARDS
    channel_layer_alias = ""  # none of its own: the audience has one for all

    async def __call__(self, *given: Any) -> None:
        """Serve the socket to its end, however that comes."""
        self._pending: deque[str] = deque(maxlen=PENDING_MAX)
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        try:
            await super().__call__(*given)
        finally:
            for task in self._tasks:
                task.cancel()
            await audience(self.group).leave(self.take)

    async def connect(self) -> None:
        """Accept the socket of a person who is logged in, from a page of ours."""
        await self.accept()
        if not self._is_same_origin():
            await self.close(ELSEWHERE)
        elif not self.scope["user"].is_authenticated:
            await self.close(ENDED)
        else:
            await audience(self.group).join(self.take)
            loops = (self._forward(), self._watch_session())
            self._tasks = [asyncio.create_task(loop) for loop in loops]

    def take(self, text: str) -> None:
        """Take a push; the oldest falls out when the browser is slow, and the browser notices by the frame's number."""
        self._pending.append(text)
        self._arrived.set()

    async def _forward(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._pending:
                try:
                    async with asyncio.timeout(SEND_S_MAX):
                        await self.send(self._pending.popleft())
                except TimeoutError:
                    await self.close(SLOW)
                    return

    async def _watch_session(self) -> None:
        while True:
            await asyncio.sleep(SESSION_CHECK_S)
            if not await database_sync_to_async(self._is_logged_in)():
                await self.close(ENDED)
                return

    def _is_logged_in(self) -> bool:
        # A session of its own: the one in the scope was read when the socket opened.
        request = HttpRequest()
        request.session = type(self.scope["session"]._wrapped)(self.scope["session"].session_key)
        return get_user(request).is_authenticated

    def _is_same_origin(self) -> bool:
        headers = dict(self.scope["headers"])
        origin = urlsplit(headers.get(b"origin", b"").decode("latin-1")).netloc
        return bool(origin) and origin == headers.get(b"host", b"").decode("latin-1")


class PricesConsumer(LiveConsumer):
    """Forward each price document to one program or page, under the same rules: its session, its origin, its pace."""

    group = PRICES
