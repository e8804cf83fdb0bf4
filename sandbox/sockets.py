"""The WebSocket endpoints of one venue, whatever it speaks: connections, subscriptions and what reaches them."""

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from sandbox import faults
from sandbox.faults import Faults

log = logging.getLogger(__name__)

QUEUE_MESSAGES_MAX = 20_000  # a subscriber that falls so far behind is dropped
QUEUE_BYTES_MAX = 8 * 1024 * 1024
REQUEST_BYTES_MAX = 65_536
PING_EVERY_S = 180.0  # the venue's own rhythm; who does not answer within half of it is gone


def now_ms() -> int:
    """Give the wall clock's time."""
    return time.time_ns() // 1_000_000


class Connection:
    """One WebSocket of a client: what it subscribed to and what waits to be sent."""

    def __init__(
        self, socket: web.WebSocketResponse, *, wrapped: bool, account: str | None = None, door: str = ""
    ) -> None:
        self.socket = socket
        self.door = door  # which of the venue's endpoints it came by, where that matters
        self.wrapped = wrapped
        self.account = account
        self.streams: dict[str, None] = {}
        self.queue: deque[tuple[float, bytes]] = deque()  # not before (0: at once), message
        self.queued_bytes = 0
        self.wake = asyncio.Event()
        self.ended = asyncio.Event()

    @property
    def dropped(self) -> bool:
        """Tell whether the connection was cut."""
        return self.ended.is_set()

    def send(self, frame: bytes, delay_ms: int = 0) -> None:
        """Queue a message, to be sent after a delay if so told; a connection whose queue is full is dropped."""
        if len(self.queue) >= QUEUE_MESSAGES_MAX or self.queued_bytes > QUEUE_BYTES_MAX:
            self.drop("it fell too far behind")
        if self.dropped:
            return
        self.queue.append((asyncio.get_running_loop().time() + delay_ms / 1000 if delay_ms else 0.0, frame))
        self.queued_bytes += len(frame)
        self.wake.set()

    def drop(self, why: str) -> None:
        """Cut the connection without a farewell."""
        if not self.dropped:
            log.info("connection cut: %s", why)
            self.queue.clear()
            self.queued_bytes = 0
            self.ended.set()

    async def pump(self) -> None:
        """Send what is queued until the connection ends."""
        while not self.socket.closed:
            await self.wake.wait()
            self.wake.clear()
            while self.queue:
                due, frame = self.queue.popleft()
                if due:
                    await asyncio.sleep(due - asyncio.get_running_loop().time())
                self.queued_bytes -= len(frame)
                await self.socket.send_frame(frame, WSMsgType.TEXT)


class Hub(ABC):
    """Every connection of one venue and who listens to which stream."""

    def __init__(
        self, venue: str, armed: Faults, *, known: Callable[[str], bool], changed: Callable[[str, bool], None]
    ) -> None:
        self.venue = venue
        self.armed = armed
        self.connections: set[Connection] = set()
        self.subscribers: dict[str, set[Connection]] = {}
        self.sent: Counter[tuple[str, str]] = Counter()  # (symbol, kind) -> messages published
        self.silenced: set[tuple[str, str]] = set()  # (symbol or *, kind or *)
        self._known = known
        self._changed = changed

    @abstractmethod
    def answers(self, connection: Connection, text: str) -> list[bytes]:
        """Carry out one request of a client and give what it is sent for it."""

    def wrapped(self, stream: str, text: str) -> str:
        """Give a message as connections that asked for names of streams read it."""
        return text

    def wants(self, stream: str) -> bool:
        """Tell whether anybody listens to a stream."""
        return stream in self.subscribers

    def silent(self, symbol: str, kind: str) -> bool:
        """Tell whether a stream was stopped by the control page."""
        off = self.silenced
        return bool(off) and not off.isdisjoint(((symbol, kind), (symbol, "*"), ("*", kind), ("*", "*")))

    def publish(self, stream: str, symbol: str, kind: str, text: str) -> None:
        """Send one message to everybody who listens to a stream."""
        listeners = self.subscribers.get(stream)
        if not listeners or self.silent(symbol, kind) or self.stale(kind, symbol=symbol):
            return
        self.sent[symbol, kind] += 1
        delay_ms = self.delay_ms_of(symbol=symbol)
        bare = wrapped = b""
        for connection in tuple(listeners):
            if connection.wrapped:
                wrapped = wrapped or self.wrapped(stream, text).encode()
                connection.send(wrapped, delay_ms)
            else:
                bare = bare or text.encode()
                connection.send(bare, delay_ms)

    def stale(self, kind: str, *, account: str = "", symbol: str = "") -> bool:
        """Tell whether an armed fault keeps a stream silent."""
        return any(
            each.stream in (faults.EVERY, kind)
            and each.concerns(account, symbol)
            and each.private in (None, bool(account))
            for each in self.armed.of(self.venue, (faults.STALE,), now_ms())
        )

    def delay_ms_of(self, *, account: str = "", symbol: str = "") -> int:
        """Give how long an armed fault holds a message back."""
        if not self.armed.armed:
            return 0
        fault = self.armed.take(
            self.venue, faults.DELAY_STREAM, now_ms(), account=account, symbol=symbol, private=bool(account)
        )
        return fault.delay_ms if fault else 0

    def refuses(self, account: str | None) -> bool:
        """Tell whether an armed fault keeps new connections out."""
        return any(
            each.concerns(account or "", "") and each.private in (None, account is not None)
            for each in self.armed.of(self.venue, (faults.DROP_CONNECTIONS,), now_ms())
        )

    def subscribe(self, connection: Connection, streams: list[str]) -> None:
        """Add streams to a connection."""
        for stream in streams:
            connection.streams[stream] = None
            listeners = self.subscribers.setdefault(stream, set())
            if not listeners:
                self._changed(stream, True)
            listeners.add(connection)

    def unsubscribe(self, connection: Connection, streams: list[str]) -> None:
        """Take streams from a connection."""
        for stream in streams:
            connection.streams.pop(stream, None)
            listeners = self.subscribers.get(stream)
            if listeners is None:
                continue
            listeners.discard(connection)
            if not listeners:
                del self.subscribers[stream]
                self._changed(stream, False)

    def drop_all(self, why: str, *, private: bool | None = None, account: str = faults.EVERY) -> int:
        """Cut every connection of the venue, or only the private or public ones, or an account's; give how many."""
        chosen = [
            each
            for each in self.connections
            if private in (None, each.account is not None) and account in (faults.EVERY, each.account)
        ]
        for connection in chosen:
            connection.drop(why)
            self._forget(connection)
        return len(chosen)

    def _forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.unsubscribe(connection, list(connection.streams))

    async def serve(
        self, request: web.Request, streams: list[str], *, wrapped: bool, account: str | None, door: str = ""
    ) -> web.WebSocketResponse:
        """Run one WebSocket connection until either side ends it."""
        socket = web.WebSocketResponse(compress=False, max_msg_size=REQUEST_BYTES_MAX, heartbeat=PING_EVERY_S)
        await socket.prepare(request)
        connection = Connection(socket, wrapped=wrapped, account=account, door=door)
        self.connections.add(connection)
        self.subscribe(connection, streams)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(connection.pump()),
            asyncio.create_task(self._listen(connection)),
            asyncio.create_task(connection.ended.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._forget(connection)
            for task in tasks:
                task.cancel()
            with contextlib.suppress(Exception):
                await asyncio.gather(*tasks, return_exceptions=True)
            if connection.dropped and request.transport is not None:
                request.transport.abort()
            with contextlib.suppress(ConnectionError):
                await socket.close(drain=False)
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type != WSMsgType.TEXT:
                continue
            for answer in self.answers(connection, message.data):
                connection.send(answer)
