"""Connection: one exchange's streams through ccxt, feeding a market until something breaks."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import ccxt

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from hedgeapp.ending import together
from marketdata.core.ccxt_markets import name_of
from marketdata.feeds.generic import messages
from marketdata.feeds.generic.client import (
    TOO_OFTEN,
    exchange_of,
    guard,
    note_busy,
    now_ms,
    require_not_busy,
    sentence,
)
from marketdata.feeds.generic.market import Market
from marketdata.feeds.generic.specifications import rows_of
from marketdata.feeds.public import market as public
from marketdata.feeds.public.connection import LOOK_S, ConnectionIsLost
from marketdata.feeds.public.protocol import Patience, PublicProtocol

BOOK_S_MAX: Final = 20.0  # an instrument without a book for longer: all begins anew, and ccxt's own books with it
ASK_S: Final = 5.0  # between two questions for funding, which no exchange changes more often than each minute


class Connection:
    """ccxt's streams of one exchange for a set of instruments; `run` returns only by an exception."""

    snapshot_error = ""
    requests: tuple[int, int] | None = None  # ccxt keeps to each exchange's limit by itself and does not tell

    def __init__(
        self,
        venue: Venue,
        instruments: tuple[Instrument, ...],
        market: public.Market,
        _protocol: PublicProtocol,
        patience: Patience | None = None,
    ) -> None:
        assert isinstance(market, Market)
        self._venue = venue
        self._perpetual = [name_of(one) for one in instruments if one.expiry == "perpetual"]
        self._market = market
        self.patience = patience or Patience()
        self._heard: dict[str, float] = {}  # when a frame came last, by socket
        self._is_up = False

    @property
    def is_up(self) -> bool:
        """Tell whether every instrument had a book since the connection began."""
        return self._is_up

    async def run(self) -> None:
        """Follow every stream; raise ConnectionIsLost when one fails or is silent, with books wiped."""
        exchange = exchange_of(self._venue)
        clock = asyncio.get_running_loop().time

        def heard(url: str) -> None:
            self._heard[url] = clock()

        def refused(raw: bytes | str, error: Exception) -> None:
            self._market.unreadable(raw, "a message that ccxt can read", error, now_ms())

        guard(exchange, heard, refused)
        try:
            require_not_busy(self._venue)
            # Only ours: what ccxt does with a market it does with each, inside of our loop.
            exchange.set_markets([row for row in await rows_of(self._venue) if row["symbol"] in self._market.names])
            await together(*self._loops(exchange), self._watch())
        except ConnectionIsLost:
            raise
        except Exception as error:  # of any kind: each exchange's reading is its own
            note_busy(self._venue, error)
            raise ConnectionIsLost(sentence(self._venue, error)) from error
        finally:
            self._market.wipe_books()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(self.patience.close_s_max):
                    await exchange.close()

    def _loops(self, exchange: Any) -> list[Coroutine[Any, Any, None]]:
        loops = []
        for name in self._market.names:
            loops.append(self._books(exchange, name))
            loops.append(self._follow("trades", name, exchange.watch_trades))
            if exchange.has.get("watchMarkPrice"):
                loops.append(self._follow("ticker", name, exchange.watch_mark_price))
            elif exchange.has.get("watchTicker"):
                loops.append(self._follow("ticker", name, exchange.watch_ticker))
        return [*loops, self._ask(exchange)]

    async def _books(self, exchange: Any, name: str) -> None:
        """Follow a book; where ccxt finds itself that a change is missing, it is begun anew and nothing else is."""
        while True:
            try:
                await self._follow("book", name, exchange.watch_order_book)
            except ccxt.ChecksumError as error:
                self._market.broken(name, str(error), now_ms())

    async def _follow(self, kind: str, name: str, watch: Callable[[str], Awaitable[Any]]) -> None:
        while True:
            said = await watch(name)
            self._market.receive(messages.written(kind, name, said), now_ms())
            self._market.tell()
            await asyncio.sleep(0)  # a stream that is behind answers at once, and others want their turn

    async def _ask(self, exchange: Any) -> None:
        """Ask for funding in turn; what is not answered is seen by its age, and asked again."""
        while True:
            for name in self._perpetual:
                try:
                    said = await exchange.fetch_funding_rate(name)
                except (ccxt.BaseError, TimeoutError) as error:
                    if isinstance(error, TOO_OFTEN):
                        raise
                    self.snapshot_error = sentence(self._venue, error)
                else:
                    self.snapshot_error = ""
                    self._market.receive(messages.written("funding", name, said), now_ms())
                    self._market.tell()
            await asyncio.sleep(ASK_S)

    async def _watch(self) -> None:
        """Raise ConnectionIsLost for a socket that is silent, pongs included, and for a book that does not come."""
        clock = asyncio.get_running_loop().time
        there = clock()
        while True:
            await asyncio.sleep(LOOK_S)
            now = clock()
            for url, at in self._heard.items():
                if now - at > self.patience.silence_s_max:
                    within = f"{self.patience.silence_s_max:g} s"
                    raise ConnectionIsLost(f"{url}: expected a message within {within}, found silence")
            missing = self._market.without_book()
            if not missing:
                there, self._is_up = now, True
            elif now - there > BOOK_S_MAX:
                found = self._market.last_fault or "none"
                raise ConnectionIsLost(f"{missing[0]}: expected a book within {BOOK_S_MAX:g} s, found {found}")
