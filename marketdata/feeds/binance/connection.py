"""Connection: one venue's public sockets and snapshot door, feeding a market until something breaks."""

import asyncio
import contextlib
import time
from typing import Final

import aiohttp
import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from hedgeapp.ending import together
from marketdata.feeds.binance.market import Market
from marketdata.feeds.binance.messages import Answer

FAULTS: Final = (aiohttp.ClientError, OSError, TimeoutError)  # what a venue or the way to it may do to us
BOOK_STREAMS: Final = ("depth@100ms", "bookTicker")
MARKET_STREAMS: Final = ("aggTrade", "markPrice@1s")
BUSY: Final = (418, 429)  # the venue's answers to too many requests
LOOK_S: Final = 0.1  # how often it is looked whether a book wants a snapshot
BREATH: Final = 64  # messages after which others get their turn, however many more are waiting


class ConnectionIsLost(ConnectionError):
    """The venue closed a socket, fell silent on it, or refused a subscription."""


@record
class Patience:
    """How long a venue may take, and how much it may send."""

    dial_s_max: float = 5.0
    answer_s_max: float = 5.0  # to a subscription
    close_s_max: float = 0.5
    ping_s: float = 2.0  # a silent socket is asked after so long; without an answer in half of it, it is dead
    silence_s_max: float = 5.0  # a socket without a message for longer is dead, whatever TCP thinks
    message_bytes_max: int = 4 * 1024 * 1024
    snapshot_levels: int = 1000
    snapshot_s_max: float = 5.0
    snapshot_bytes_max: int = 4 * 1024 * 1024
    snapshot_pause_s: float = 1.0  # between two snapshots of one book
    busy_pause_s: float = 30.0  # after "too many requests" that does not say how long
    busy_pause_s_max: float = 600.0


@record
class Socket:
    """A door below the venue's WebSocket root, and the streams of each instrument behind it."""

    path: str
    streams: tuple[str, ...]


@record
class Protocol:
    """Where a protocol's doors are below the venue's roots."""

    sockets: tuple[Socket, ...]
    depth: str


PROTOCOLS: Final = {
    "binance-usdm": Protocol(
        sockets=(Socket(path="/public/ws", streams=BOOK_STREAMS), Socket(path="/market/ws", streams=MARKET_STREAMS)),
        depth="/fapi/v1/depth",
    ),
    "binance-coinm": Protocol(
        sockets=(Socket(path="/ws", streams=BOOK_STREAMS + MARKET_STREAMS),), depth="/dapi/v1/depth"
    ),
}


class Connection:
    """The sockets of one venue for a set of instruments; `run` returns only by an exception."""

    def __init__(
        self, venue: Venue, instruments: tuple[Instrument, ...], market: Market, patience: Patience | None = None
    ) -> None:
        self.snapshot_error = ""  # why the last snapshot failed, in a sentence
        self._venue = venue
        self._protocol = PROTOCOLS[venue.protocol]
        self._symbols = [instrument.venue_symbol for instrument in instruments]
        self._market = market
        self._patience = patience or Patience()
        self._waiting = set(self._protocol.sockets)
        self._subscribed = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Tell whether every socket is open and subscribed."""
        return self._subscribed.is_set()

    async def run(self) -> None:
        """Read all sockets and keep all books; raise ConnectionIsLost when a socket fails, with books wiped."""
        timeout = aiohttp.ClientTimeout(total=self._patience.snapshot_s_max, sock_connect=self._patience.dial_s_max)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                sockets = (self._read(session, socket) for socket in self._protocol.sockets)
                await together(*sockets, self._keep_books(session))
        except FAULTS as error:
            raise ConnectionIsLost(self._sentence(error)) from error
        finally:
            self._market.wipe_books()

    async def _read(self, session: aiohttp.ClientSession, socket: Socket) -> None:
        patience = self._patience
        url = self._venue.ws_url.rstrip("/") + socket.path
        names = [f"{symbol.lower()}@{stream}" for symbol in self._symbols for stream in socket.streams]
        async with asyncio.timeout(patience.dial_s_max):
            stream = await session.ws_connect(
                url, heartbeat=patience.ping_s, max_msg_size=patience.message_bytes_max, compress=0
            )
        try:
            request = msgspec.json.encode({"method": "SUBSCRIBE", "params": names, "id": 1})
            await stream.send_str(request.decode())  # the venue reads text frames only
            await self._follow(stream, socket, url)
        finally:
            # By itself the client would wait for a farewell for as long as the venue goes on talking.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience.close_s_max):
                    await stream.close()

    async def _follow(self, stream: aiohttp.ClientWebSocketResponse, socket: Socket, url: str) -> None:
        """Hand every message to the market; raise ConnectionIsLost when the socket ends, is silent or not subscribed.

        The watch is ours because the client's own timeout begins anew with every ping and pong.
        """
        clock, silence_s_max = asyncio.get_running_loop().time, self._patience.silence_s_max
        answer_by = clock() + self._patience.answer_s_max
        count = 0
        try:
            async with asyncio.timeout(silence_s_max) as watch:
                while True:
                    message = await stream.receive()
                    now = clock()
                    watch.reschedule(now + silence_s_max)
                    if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        why = f"found the socket closed ({stream.close_code})"
                        raise ConnectionIsLost(f"{url}: expected messages, {why}")
                    answer = self._market.receive(message.data, time.time_ns() // 1_000_000)
                    if answer is not None:
                        self._answered(answer, socket, url)
                    elif socket in self._waiting and now > answer_by:
                        within = f"{self._patience.answer_s_max:g} s"
                        raise ConnectionIsLost(f"{url}: expected an answer within {within}, found none")
                    count += 1
                    if count % BREATH == 0:
                        await asyncio.sleep(0)
        except TimeoutError:
            within = f"{silence_s_max:g} s"
            raise ConnectionIsLost(f"{url}: expected a message within {within}, found silence") from None

    def _answered(self, answer: Answer, socket: Socket, url: str) -> None:
        if answer.error is not None:
            raise ConnectionIsLost(f"{url}: expected a subscription, found refused: {answer.error.msg}")
        self._waiting.discard(socket)
        if not self._waiting:
            self._subscribed.set()

    async def _keep_books(self, session: aiohttp.ClientSession) -> None:
        """Fetch a snapshot for each book that wants one, not too often."""
        await self._subscribed.wait()
        due: dict[str, float] = {}
        while True:
            now = time.monotonic()
            wanted = [symbol for symbol in self._market.wanted() if due.get(symbol, now) <= now]
            pauses = await asyncio.gather(*(self._load(session, symbol) for symbol in wanted))
            due |= {symbol: time.monotonic() + pause_s for symbol, pause_s in zip(wanted, pauses, strict=True)}
            await asyncio.sleep(LOOK_S)

    async def _load(self, session: aiohttp.ClientSession, symbol: str) -> float:
        """Load one book; return for how many seconds not to ask again."""
        url = self._venue.rest_url.rstrip("/") + self._protocol.depth
        params = {"symbol": symbol, "limit": str(self._patience.snapshot_levels)}
        body = bytearray()
        try:
            async with session.get(url, params=params) as answer:
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > self._patience.snapshot_bytes_max:
                        break
        except FAULTS as error:
            self.snapshot_error = f"{url}: expected a book, found {type(error).__name__} {error}".rstrip()
            return self._patience.snapshot_pause_s
        if answer.status != 200:
            self.snapshot_error = f"{url}: expected a book, found HTTP {answer.status}: {bytes(body[:120])!r}"
            return self._pause_s(answer)
        fault = self._market.load(symbol, bytes(body), time.time_ns() // 1_000_000)
        self.snapshot_error = "" if fault is None else f"{url}: {fault}"
        return self._patience.snapshot_pause_s

    def _pause_s(self, answer: aiohttp.ClientResponse) -> float:
        if answer.status not in BUSY:
            return self._patience.snapshot_pause_s
        told = answer.headers.get("Retry-After", "")
        return min(float(told) if told.isdecimal() else self._patience.busy_pause_s, self._patience.busy_pause_s_max)

    def _sentence(self, error: BaseException) -> str:
        if isinstance(error, ConnectionIsLost):
            return str(error)
        if isinstance(error, TimeoutError):
            return f"{self._venue.name}: expected a connection within {self._patience.dial_s_max:g} s, found none"
        return f"{self._venue.name}: expected a connection, found {type(error).__name__}: {error}"
