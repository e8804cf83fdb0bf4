"""Consumers: the WebSockets of the live screen, of the prices, and of the ladders that programs follow."""

import asyncio
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user
from django.http import HttpRequest

from hedgeapp.access.api_keys import ApiKeyIsNotInForce, Caller, ScopeIsMissing, caller, is_in_force
from hedgeapp.access.pace import CountIsAway, TooManyRequests, keep_pace
from hedgeapp.audience import audience
from hedgeapp.live import DASHBOARDS
from portfolio.screen import ladder_stream
from portfolio.screen.ladder_stream import StoreIsAway, latest
from portfolio.screen.price_stream import PRICES

PENDING_MAX: Final = 8  # frames a slow browser may be behind: two seconds; then it misses some and reads the whole
SEND_S_MAX: Final = 30.0  # a browser that takes nothing for so long is let go
SESSION_CHECK_S: Final = 30.0  # a session that ended closes its socket after at most so long

ENDED: Final = 4401  # close code: log in again; browsers do not reconnect by themselves
ELSEWHERE: Final = 4403  # close code: the page was not served from here
SLOW: Final = 1013  # close code: come back later
TOO_MANY: Final = 4429  # close code: requests or streams of this key; wait
STREAMS_MAX: Final = 50  # of one key in one process
REASON_LENGTH_MAX: Final = 100  # characters: a close frame has 123 bytes for it
KIND_LENGTH: Final = 16  # of the beginning of a document, which says its kind
FOLLOWED: Final = {"prices:read": ladder_stream.PRICES, "capacity:read": ladder_stream.CAPACITY}
REFUSED: Final[dict[type[Exception], int]] = {
    ApiKeyIsNotInForce: ENDED,
    ScopeIsMissing: ELSEWHERE,
    TooManyRequests: TOO_MANY,
    CountIsAway: SLOW,
}


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Forward pushed HTML to one browser, never faster than it takes it."""

    group = DASHBOARDS
    channel_layer_alias = ""  # none of its own: the audience has one for all

    async def __call__(self, *given: Any) -> None:
        """Serve the socket to its end, however that comes."""
        self._pending: deque[str] = deque(maxlen=PENDING_MAX)
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._followed: list[str] = []
        self._sending_since: float | None = None  # by the loop's clock
        try:
            await super().__call__(*given)
        finally:
            for task in self._tasks:
                task.cancel()
            for group in self._followed:
                await audience(group).leave(self.take)

    async def connect(self) -> None:
        """Accept the socket of a person who is logged in, from a page of ours."""
        await self.accept()
        if not self._is_same_origin():
            await self.close(ELSEWHERE)
        elif not self.scope["user"].is_authenticated:
            await self.close(ENDED)
        else:
            await self._follow(self.group)
            self._begin()

    async def _follow(self, group: str) -> None:
        self._followed.append(group)
        await audience(group).join(self.take)

    def _begin(self) -> None:
        self._tasks = [
            asyncio.create_task(loop) for loop in (self._forward(), self._watch_pace(), self._watch_session())
        ]

    def take(self, text: str) -> None:
        """Take a push; the oldest falls out when the browser is slow, and the browser notices by the frame's number."""
        self._pending.append(text)
        self._arrived.set()

    async def _forward(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._pending:
                self._sending_since = clock()
                await self.send(self._pending.popleft())
                self._sending_since = None

    async def _watch_pace(self) -> None:
        # From aside: a timer for each send would take as long as the send, and there are hundreds a second.
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SEND_S_MAX / 3)
            if self._sending_since is not None and clock() - self._sending_since > SEND_S_MAX:
                await self.close(SLOW)
                return

    async def _watch_session(self) -> None:
        while True:
            await asyncio.sleep(SESSION_CHECK_S)
            if not await database_sync_to_async(self._may_stay)():
                await self.close(ENDED)
                return

    def _may_stay(self) -> bool:
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


class LaddersConsumer(LiveConsumer):
    """Forward ladders and capacity to one program, by its key: of each kind the latest alone, however slow it reads."""

    _streams: ClassVar[Counter[str]] = Counter()  # sockets of each key in this process

    async def __call__(self, *given: Any) -> None:
        """Serve the socket to its end, and then count it no more."""
        self._caller: Caller | None = None
        try:
            await super().__call__(*given)
        finally:
            if self._caller is not None:
                self._streams[self._caller.key_id] -= 1

    async def connect(self) -> None:
        """Accept the socket of a program that shows a key, and give it what is known at once."""
        await self.accept()
        try:
            found = await database_sync_to_async(self._found)()
        except (ApiKeyIsNotInForce, ScopeIsMissing, TooManyRequests, CountIsAway) as refusal:
            await self.close(REFUSED[type(refusal)], str(refusal)[:REASON_LENGTH_MAX])
            return
        if self._streams[found.key_id] >= STREAMS_MAX:
            await self.close(TOO_MANY, f"at most {STREAMS_MAX} streams of a key expected: close one")
            return
        self._caller = found
        self._streams[found.key_id] += 1
        for scope, group in FOLLOWED.items():
            if scope in found.scopes:
                await self._follow(group)
                if (kept := await asyncio.to_thread(_kept, group)) is not None:
                    self.take(kept)
        self._begin()

    def take(self, text: str) -> None:
        """Take a document in the place of one of its kind that waits."""
        kind = text[:KIND_LENGTH]
        for place, waiting in enumerate(self._pending):
            if waiting[:KIND_LENGTH] == kind:
                self._pending[place] = text
                break
        else:
            self._pending.append(text)
        self._arrived.set()

    def _found(self) -> Caller:
        at = datetime.now(UTC)
        headers = dict(self.scope["headers"])
        found = caller(headers.get(b"authorization", b"").decode("latin-1"), at=at)
        if not found.scopes & FOLLOWED.keys():
            found.require("prices:read")
        keep_pace(found, at=at)
        return found

    def _may_stay(self) -> bool:
        assert self._caller is not None
        return is_in_force(self._caller.key_id, at=datetime.now(UTC))


def _kept(group: str) -> str | None:
    try:
        kept = latest(group)
    except StoreIsAway:
        return None
    return kept.decode() if kept else None
