"""Connection: one venue's public sockets and snapshot door, feeding a market until something breaks."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

import aiohttp
import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from hedgeapp.core.reference import Venue
from marketdata.feeds.binance.market import Market

SILENCE_S_MAX: Final = 5.0  # a socket that says nothing for longer is dead, whatever TCP thinks
DIAL_S_MAX: Final = 5.0
PING_S: Final = 2.0
MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
SNAPSHOT_LEVELS: Final = 1000
SNAPSHOT_S_MAX: Final = 5.0
SNAPSHOT_BYTES_MAX: Final = 4 * 1024 * 1024
SNAPSHOT_PAUSE_S: Final = 1.0  # between two snapshots of one book
LOOK_S: Final = 0.1  # how often it is looked whether a book wants a snapshot

FAULTS: Final = (aiohttp.ClientError, OSError, TimeoutError)  # what a venue or the way to it may do to us
BOOK_STREAMS: Final = ("depth@100ms", "bookTicker")
MARKET_STREAMS: Final = ("aggTrade", "markPrice@1s")


class ConnectionIsLost(ConnectionError):
    """The venue closed a socket, fell silent on it, refused a subscription or a snapshot."""


@record
class Protocol:
    """Where a protocol's doors are below the venue's roots: sockets with their streams, and the snapshot's path."""

    sockets: tuple[tuple[str, tuple[str, ...]], ...]
    depth: str


PROTOCOLS: Final = {
    "binance-usdm": Protocol(
        sockets=(("/public/ws", BOOK_STREAMS), ("/market/ws", MARKET_STREAMS)), depth="/fapi/v1/depth"
    ),
    "binance-coinm": Protocol(sockets=(("/ws", BOOK_STREAMS + MARKET_STREAMS),), depth="/dapi/v1/depth"),
}


class Connection:
    """The sockets of one venue for a set of instruments; `run` returns only by an exception."""

    def __init__(self, venue: Venue, instruments: tuple[Instrument, ...], market: Market) -> None:
        self._venue = venue
        self._protocol = PROTOCOLS[venue.protocol]
        self._symbols = [instrument.venue_symbol for instrument in instruments]
        self._market = market
        self._subscribed = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Tell whether every socket is open and subscribed."""
        return self._subscribed.is_set()

    async def run(self) -> None:
        """Read all sockets and keep all books; raise ConnectionIsLost when any part fails, with books wiped."""
        timeout = aiohttp.ClientTimeout(total=SNAPSHOT_S_MAX, sock_connect=DIAL_S_MAX)
        waiting = set(self._protocol.sockets)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as tasks:
                for socket in self._protocol.sockets:
                    tasks.create_task(self._read(session, socket, waiting))
                tasks.create_task(self._keep_books(session))
        except BaseExceptionGroup as group:
            first = next(_leaves(group))
            if not isinstance(first, FAULTS):
                raise
            raise ConnectionIsLost(_sentence(self._venue.name, first)) from first
        finally:
            self._market.wipe_books()

    async def _read(
        self,
        session: aiohttp.ClientSession,
        socket: tuple[str, tuple[str, ...]],
        waiting: set[tuple[str, tuple[str, ...]]],
    ) -> None:
        path, streams = socket
        url = self._venue.ws_url.rstrip("/") + path
        names = [f"{symbol.lower()}@{stream}" for symbol in self._symbols for stream in streams]
        async with (
            asyncio.timeout(DIAL_S_MAX) as dialing,
            session.ws_connect(url, heartbeat=PING_S, max_msg_size=MESSAGE_BYTES_MAX, compress=0) as stream,
        ):
            request = msgspec.json.encode({"method": "SUBSCRIBE", "params": names, "id": 1})
            await stream.send_str(request.decode())  # the venue reads text frames only
            dialing.reschedule(None)
            while True:
                message = await stream.receive(SILENCE_S_MAX)
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    raise ConnectionIsLost(f"{url}: expected messages, found the socket closed ({stream.close_code})")
                answer = self._market.receive(message.data, time.time_ns() // 1_000_000)
                if answer is not None:
                    if answer.error is not None:
                        raise ConnectionIsLost(f"{url}: expected a subscription, found refused: {answer.error.msg}")
                    waiting.discard(socket)
                    if not waiting:
                        self._subscribed.set()

    async def _keep_books(self, session: aiohttp.ClientSession) -> None:
        """Fetch a snapshot for each book that wants one, not too often."""
        await self._subscribed.wait()
        asked: dict[str, float] = {}
        while True:
            for symbol in self._market.wanted():
                if time.monotonic() - asked.get(symbol, 0.0) >= SNAPSHOT_PAUSE_S:
                    asked[symbol] = time.monotonic()
                    await self._load(session, symbol)
            await asyncio.sleep(LOOK_S)

    async def _load(self, session: aiohttp.ClientSession, symbol: str) -> None:
        url = self._venue.rest_url.rstrip("/") + self._protocol.depth
        async with session.get(url, params={"symbol": symbol, "limit": SNAPSHOT_LEVELS}) as answer:
            body = await answer.content.read(SNAPSHOT_BYTES_MAX)
            if answer.status != 200:
                raise ConnectionIsLost(f"{url}: expected a book, found HTTP {answer.status}: {body[:120]!r}")
            while not answer.content.at_eof() and len(body) < SNAPSHOT_BYTES_MAX:
                body += await answer.content.read(SNAPSHOT_BYTES_MAX - len(body))
        self._market.load(symbol, body, time.time_ns() // 1_000_000)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _sentence(venue: str, error: BaseException) -> str:
    if isinstance(error, ConnectionIsLost):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"{venue}: expected a message within {SILENCE_S_MAX:g} s, found silence"
    return f"{venue}: expected a connection, found {type(error).__name__}: {error}"
