"""Connection: one venue's public sockets, feeding a market until something breaks."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from hedgeapp.core.skew import Skew
from hedgeapp.ending import together
from marketdata.feeds.public.market import Market, Reply
from marketdata.feeds.public.protocol import Patience, PublicProtocol, Socket
from marketdata.feeds.reasons import unresolved

FAULTS: Final = (aiohttp.ClientError, OSError, TimeoutError)  # what a venue or the way to it may do to us
LOOK_S: Final = 0.1  # how often it is looked whether a book wants a snapshot
BREATH: Final = 64  # messages after which others get their turn, however many more are waiting
RENEW_S: Final = 0.1  # the watch for silence is set anew no more often: a timer costs as much as a message


class ConnectionIsLost(ConnectionError):
    """The venue closed a socket, fell silent on it, or refused a subscription."""


class Connection:
    """The sockets of one venue for a set of instruments; `run` returns only by an exception."""

    def __init__(
        self,
        venue: Venue,
        instruments: tuple[Instrument, ...],
        market: Market,
        protocol: PublicProtocol,
        patience: Patience | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._venue, self._wall = venue, wall
        self._market = market
        self._patience = patience or Patience()
        self._ping = protocol.ping
        self._sockets = tuple(protocol.sockets(venue, instruments))
        self._snapshots = protocol.snapshots(venue, market, self._patience) if protocol.snapshots else None
        self._waiting = {socket.url for socket in self._sockets}
        self._subscribed = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Tell whether every socket is open and subscribed."""
        return self._subscribed.is_set()

    @property
    def snapshot_error(self) -> str:
        """Why the last snapshot failed, in a sentence."""
        return self._snapshots.error if self._snapshots else ""

    @property
    def requests(self) -> tuple[int, int] | None:
        """What the venue counted of our requests lately, of how much; None where it does not say."""
        return self._snapshots.requests if self._snapshots else None

    async def run(self) -> None:
        """Read all sockets and keep all books; raise ConnectionIsLost when a socket fails, with books wiped."""
        timeout = aiohttp.ClientTimeout(total=self._patience.snapshot_s_max, sock_connect=self._patience.dial_s_max)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                loops = [self._read(session, socket) for socket in self._sockets]
                if self._snapshots:
                    loops.append(self._keep_books(session))
                await together(*loops)
        except FAULTS as error:
            raise ConnectionIsLost(self._sentence(error)) from error
        finally:
            self._market.wipe_books()

    async def _keep_books(self, session: aiohttp.ClientSession) -> None:
        await self._subscribed.wait()
        assert self._snapshots is not None
        await self._snapshots.keep(session)

    async def _read(self, session: aiohttp.ClientSession, socket: Socket) -> None:
        patience = self._patience
        heartbeat = None if self._ping else patience.ping_s
        async with asyncio.timeout(patience.dial_s_max):
            stream = await session.ws_connect(
                socket.url, heartbeat=heartbeat, max_msg_size=patience.message_bytes_max, compress=0
            )
        try:
            if socket.greeting:
                await stream.send_str(socket.greeting)
            await stream.send_str(socket.subscribe)
            await together(self._follow(stream, socket.url), self._ask(stream, socket))
        finally:
            # By itself the client would wait for a farewell for as long as the venue goes on talking.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience.close_s_max):
                    await stream.close()

    async def _follow(self, stream: aiohttp.ClientWebSocketResponse, url: str) -> None:
        """Hand every message to the market; raise ConnectionIsLost when the socket ends, is silent or not subscribed.

        The watch is ours because the client's own timeout begins anew with every ping and pong.
        """
        clock, silence_s_max = asyncio.get_running_loop().time, self._patience.silence_s_max
        answer_by = clock() + self._patience.answer_s_max
        count, renew_at = 0, 0.0
        try:
            async with asyncio.timeout(silence_s_max) as watch:
                while True:
                    message = await stream.receive()
                    now = clock()
                    if now >= renew_at:
                        renew_at = now + RENEW_S
                        watch.reschedule(renew_at + silence_s_max)
                    if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        why = f"found the socket closed ({stream.close_code})"
                        raise ConnectionIsLost(f"{url}: expected messages, {why}")
                    reply = self._market.receive(message.data, time.time_ns() // 1_000_000)
                    self._market.tell()
                    if reply is not None and reply.answer:
                        await stream.send_str(reply.answer)
                    elif reply is not None:
                        self._replied(reply, url)
                    elif url in self._waiting and now > answer_by:
                        within = f"{self._patience.answer_s_max:g} s"
                        raise ConnectionIsLost(f"{url}: expected an answer within {within}, found none")
                    count += 1
                    if count % BREATH == 0:
                        await asyncio.sleep(0)
        except TimeoutError:
            within = f"{silence_s_max:g} s"
            raise ConnectionIsLost(f"{url}: expected a message within {within}, found silence") from None

    def _replied(self, reply: Reply, url: str) -> None:
        if reply.farewell:
            # To dial again at once costs a second; to be cut off later costs as much, at a time of the venue's choice.
            raise ConnectionIsLost(f"{url}: expected to stay connected, found a farewell: {reply.farewell}")
        if reply.refusal:
            raise ConnectionIsLost(f"{url}: expected a subscription, found refused: {reply.refusal}")
        self._waiting.discard(url)
        if not self._waiting:
            self._subscribed.set()

    async def _ask(self, stream: aiohttp.ClientWebSocketResponse, socket: Socket) -> None:
        """Send the venue's pings, and ask again for the beginning of what the market lost, not too often.

        A venue has the same time to begin by itself.
        """
        clock, pause_s = asyncio.get_running_loop().time, self._patience.snapshot_pause_s
        began = clock()
        pinged, due, skew = began, dict[str, float](), Skew(began, self._wall())
        while True:
            await asyncio.sleep(LOOK_S)
            now = clock()
            if jumped_s := skew.jump_s(now, self._wall()):
                # Every time that the market remembers is of the clock before: a new one remembers none.
                raise ConnectionIsLost(
                    f"a clock that goes on evenly expected, found ours {jumped_s:+.1f} s off at once"
                )
            if self._ping and now - pinged >= self._ping.every_s:
                pinged = now
                await stream.send_str(self._ping.text)
            for symbol in self._market.wanted() if now >= began + pause_s else ():
                if due.get(symbol, now) <= now:
                    due[symbol] = now + pause_s
                    for text in socket.again(symbol):
                        await stream.send_str(text)

    def _sentence(self, error: BaseException) -> str:
        if isinstance(error, ConnectionIsLost):
            return str(error)
        if isinstance(error, TimeoutError):
            return f"{self._venue.name}: expected a connection within {self._patience.dial_s_max:g} s, found none"
        found = unresolved(error) or f"{type(error).__name__}: {error}"
        return f"{self._venue.name}: expected a connection, found {found}"
