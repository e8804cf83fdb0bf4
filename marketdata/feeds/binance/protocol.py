"""Protocol: where Binance's public data is, and how its books begin."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import aiohttp
import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from marketdata.feeds.binance.market import Market
from marketdata.feeds.binance.specifications import specify
from marketdata.feeds.binance.spot import SpotMarket
from marketdata.feeds.public import market
from marketdata.feeds.public.connection import FAULTS, LOOK_S
from marketdata.feeds.public.protocol import Patience, PublicProtocol, Recording, Socket

BOOK_STREAMS: Final = ("depth@100ms", "bookTicker")
MARKET_STREAMS: Final = ("aggTrade", "markPrice@1s", "forceOrder")
SPOT_STREAMS: Final = ("depth@100ms", "aggTrade")
WHEN_RECORDED: Final = {"depth@100ms": ("depth@0ms", "trade")}  # of a feed's streams, what a capture has instead
SPOT_WHEN_RECORDED: Final = {"depth@100ms": ("depth@100ms", "bookTicker", "trade")}
BUSY: Final = (418, 429)  # the venue's answers to too many requests
USED_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"  # what it counted in this minute
WEIGHT_A_MINUTE_MAX: Final = 2_400  # of each interface of contracts, by its exchangeInfo
SPOT_WEIGHT_A_MINUTE_MAX: Final = 6_000


class Snapshots:
    """Books from the REST door of a Binance venue."""

    def __init__(self, url: str, market: Market, patience: Patience, weight_max: int = WEIGHT_A_MINUTE_MAX) -> None:
        self.error = ""
        self.requests: tuple[int, int] | None = None
        self._url = url
        self._market = market
        self._patience = patience
        self._weight_max = weight_max

    async def keep(self, session: aiohttp.ClientSession) -> None:
        """Fetch a snapshot for each book that wants one, not too often."""
        due: dict[str, float] = {}
        while True:
            now = time.monotonic()
            wanted = [symbol for symbol in self._market.wanted() if due.get(symbol, now) <= now]
            pauses = await asyncio.gather(*(self._load(session, symbol) for symbol in wanted))
            due |= {symbol: time.monotonic() + pause_s for symbol, pause_s in zip(wanted, pauses, strict=True)}
            await asyncio.sleep(LOOK_S)

    async def _load(self, session: aiohttp.ClientSession, symbol: str) -> float:
        """Load one book; return for how many seconds not to ask again."""
        params = {"symbol": symbol, "limit": str(self._patience.snapshot_levels)}
        body = bytearray()
        try:
            async with session.get(self._url, params=params) as answer:
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > self._patience.snapshot_bytes_max:
                        break
        except FAULTS as error:
            self.error = f"{self._url}: expected a book, found {type(error).__name__} {error}".rstrip()
            return self._patience.snapshot_pause_s
        used = answer.headers.get(USED_WEIGHT, "")
        self.requests = (int(used), self._weight_max) if used.isdecimal() else None
        if answer.status != 200:
            self.error = f"{self._url}: expected a book, found HTTP {answer.status}: {bytes(body[:120])!r}"
            return self._pause_s(answer)
        fault = self._market.load(symbol, bytes(body), time.time_ns() // 1_000_000)
        self.error = "" if fault is None else f"{self._url}: {fault}"
        return self._patience.snapshot_pause_s

    def _pause_s(self, answer: aiohttp.ClientResponse) -> float:
        if answer.status not in BUSY:
            return self._patience.snapshot_pause_s
        told = answer.headers.get("Retry-After", "")
        return min(float(told) if told.isdecimal() else self._patience.busy_pause_s, self._patience.busy_pause_s_max)


def _protocol(
    streams: Mapping[str, tuple[str, ...]],
    depth: str,
    market_type: type[Market] = Market,
    recorded: Mapping[str, tuple[str, ...]] = WHEN_RECORDED,
    weight_max: int = WEIGHT_A_MINUTE_MAX,
) -> PublicProtocol:
    """Return the protocol whose streams are behind these doors, and whose books are behind that one."""

    def sockets(venue: Venue, instruments: Sequence[Instrument]) -> list[Socket]:
        return [_socket(venue.ws_url.rstrip("/") + path, names, instruments) for path, names in streams.items()]

    def snapshots(venue: Venue, of: market.Market, patience: Patience) -> Snapshots:
        assert isinstance(of, Market)
        return Snapshots(venue.rest_url.rstrip("/") + depth, of, patience, weight_max)

    def recording(venue: Venue, instrument: Instrument) -> Recording:
        root = venue.ws_url.rstrip("/")
        found = (_recorded(root + path, names, instrument, recorded) for path, names in streams.items())
        limit = f"limit={Patience().snapshot_levels}"
        url = f"{venue.rest_url.rstrip('/')}{depth}?symbol={instrument.venue_symbol}&{limit}"
        return Recording(sockets=tuple(found), snapshots=(url,))

    return PublicProtocol(market=market_type, sockets=sockets, snapshots=snapshots, recording=recording)


def _socket(url: str, streams: tuple[str, ...], instruments: Sequence[Instrument]) -> Socket:
    names = [f"{instrument.venue_symbol.lower()}@{stream}" for instrument in instruments for stream in streams]
    request = msgspec.json.encode({"method": "SUBSCRIBE", "params": names, "id": 1})
    return Socket(url=url, subscribe=request.decode())


def _recorded(
    url: str, streams: tuple[str, ...], instrument: Instrument, recorded: Mapping[str, tuple[str, ...]]
) -> Socket:
    """Return the socket that names the stream of each message, with each change of the book and each trade."""
    symbol = instrument.venue_symbol.lower()
    names = (name for stream in streams for name in recorded.get(stream, (stream,)))
    query = "/".join(f"{symbol}@{name}" for name in names)
    return Socket(url=f"{url.removesuffix('/ws')}/stream?streams={query}", subscribe="")


USDM: Final = _protocol({"/public/ws": BOOK_STREAMS, "/market/ws": MARKET_STREAMS}, "/fapi/v1/depth")
COINM: Final = _protocol({"/ws": BOOK_STREAMS + MARKET_STREAMS}, "/dapi/v1/depth")
SPOT: Final = replace(
    _protocol({"/ws": SPOT_STREAMS}, "/api/v3/depth", SpotMarket, SPOT_WHEN_RECORDED, SPOT_WEIGHT_A_MINUTE_MAX),
    specify=specify,
    mark_ms_max=None,
)
