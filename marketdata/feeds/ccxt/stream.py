"""Stream: a private WebSocket through ccxt.pro, with the holes of its receive loop closed.

ccxt.pro dials, pings and reads; what it reads is taken raw, before its caches, so that nothing is coalesced. Any
exception in its receive loop would leave it dead and silent: here it ends the stream at once, as silence does.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hedgeapp.core.skew import Skew
from marketdata.feeds.ccxt.facts import Raw
from marketdata.feeds.ccxt.protocol import AccountProtocol, Door
from marketdata.feeds.reasons import reason
from marketdata.venues import DIAL_TIMEOUT_MS, Client

MESSAGES_MAX: Final = 10_000  # messages that may wait to be read; more end the stream
SILENCE_S_MAX: Final = 10.0  # a socket that answers no ping for longer is dead
LOOK_S: Final = 1.0  # how often silence is looked for


class StreamBroke(ConnectionError):
    """The private stream ended; what it missed is to be read again."""


class FrameIsUnreadable(StreamBroke):
    """The private stream brought what is no message, so that it ended; `raw` is what came."""

    def __init__(self, said: str, raw: bytes) -> None:
        self.raw = raw
        super().__init__(said)


class Stream:
    """One private connection, from its dial to its end."""

    def __init__(
        self, client: Client, protocol: AccountProtocol, door: Door, wall: Callable[[], float] = time.time
    ) -> None:
        self.client = client
        self._wall = wall
        self._protocol = protocol
        self._url, self._greetings, self._pong = door.url, door.greetings, door.pong
        self._messages: deque[tuple[Raw, bytes]] = deque()
        self._frame = b""  # that is being read
        self._unreadable: bytes | None = None
        self.frames: list[bytes] = []  # of which the latest batch was read, in its order
        self._wake = asyncio.Event()
        self._fault: str | None = None
        self._socket: Any = None
        self._ended: Any = None
        self._clock = asyncio.get_running_loop().time  # by one that is set, a dead socket would be found much later
        self._heard = self._clock()
        self._skew = Skew(self._heard, wall())

    async def open(self) -> None:
        """Dial; raise StreamBroke when the venue cannot be reached."""
        exchange = self.client.exchange
        exchange.handle_message = self._take
        exchange.open()
        self._socket = exchange.client(self._url)
        self._socket.handle_message = self._guarded(self._socket.handle_message)
        self._ended = exchange.watch(self._url, "ended", None, "ended")
        self._ended.add_done_callback(self._end)
        connected = asyncio.ensure_future(
            asyncio.wait_for(asyncio.shield(self._socket.connected), DIAL_TIMEOUT_MS / 1000)
        )
        await asyncio.wait({connected, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        self._heard = self._clock()
        if not connected.done() or connected.exception() is not None:
            connected.cancel()
            raise StreamBroke(self._fault or "the private stream could not be opened")
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_MS / 1000):
                for greeting in self._greetings:
                    await self._greet(greeting)
        except TimeoutError as error:
            raise StreamBroke("an answer to our first words expected on the private stream, found none") from error

    async def _greet(self, greeting: Mapping[str, Any]) -> None:
        """Say something and wait for its answer; what comes meanwhile stays to be read."""
        await self._socket.send(dict(greeting))
        while True:
            for place, (message, _) in enumerate(self._messages):
                if self._protocol.is_answer(message, greeting):
                    del self._messages[place]
                    return
            if self._fault is not None:
                raise StreamBroke(self._fault)
            self._wake.clear()
            await self._wake.wait()

    @property
    def heard_at(self) -> datetime | None:
        """When the last frame came, a pong included."""
        found = self._socket.last_message_at if self._socket else None
        return datetime.fromtimestamp(found / 1000, UTC) if found else None

    async def batch(self) -> list[Raw]:
        """Return the messages that came since the last call, in order, none after a second of silence.

        Raises StreamBroke when the stream has ended and everything that it brought has been returned, FrameIsUnreadable
        when it ended for what came last.
        """
        try:
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            self._look_for_silence()
        if jumped_s := self._skew.jump_s(self._clock(), self._wall()):
            # Requests are signed by it, less what it was off the venue's: that is to be measured again.
            self._break(f"a clock that goes on evenly expected, found ours {jumped_s:+.1f} s off at once")
        self._wake.clear()
        found = [message for message, _ in self._messages]
        self.frames = [frame for _, frame in self._messages]
        self._messages.clear()
        if not found and self._fault is not None:
            raise self._end_of(self._fault)
        if self._fault is not None:
            self._wake.set()
        return found

    def _take(self, _socket: Any, message: Any) -> None:
        if self._pong and message == self._pong:
            self._socket.lastPong = self.client.exchange.milliseconds()
        elif not isinstance(message, dict):
            self._refuse(f"an object expected on the private stream, found {type(message).__name__}")
        elif self._protocol.is_pong(message):
            self._socket.lastPong = self.client.exchange.milliseconds()
        elif len(self._messages) >= MESSAGES_MAX:
            self._break(f"at most {MESSAGES_MAX} waiting messages expected, found more")
        else:
            self._messages.append((message, self._frame))
            self._wake.set()

    def _refuse(self, reason: str) -> None:
        if self._fault is None:
            self._unreadable = self._frame
        self._break(reason)

    def _end_of(self, fault: str) -> StreamBroke:
        return StreamBroke(fault) if self._unreadable is None else FrameIsUnreadable(fault, self._unreadable)

    def _break(self, reason: str) -> None:
        if self._fault is None:
            # The URL of a private stream holds its key.
            self._fault = reason.replace(self._url, self.client.venue.ws_url)
        self._wake.set()

    def _end(self, ended: Any) -> None:
        error = None if ended.cancelled() else ended.exception()
        self._break(f"the private stream ended: {reason(error) if error else 'closed'}")

    def _look_for_silence(self) -> None:
        silence_s = self._clock() - self._heard
        if silence_s > SILENCE_S_MAX:
            self._break(f"an answer to pings within {SILENCE_S_MAX:g} s expected, found {silence_s:.0f} s of silence")

    def _guarded(self, handle: Callable[[Any], None]) -> Callable[[Any], None]:
        """Wrap ccxt's handler of frames, whose exceptions nobody would see; keep the bytes of each."""

        def guarded(frame: Any) -> None:
            sent = getattr(frame, "data", b"")
            self._heard = self._clock()
            self._frame = sent if isinstance(sent, bytes) else str(sent).encode(errors="surrogateescape")
            try:
                handle(frame)
            except Exception as error:
                found = f"{type(error).__name__}: {error}"
                self._refuse(f"a message that can be read expected on the private stream, found {found}")

        return guarded
