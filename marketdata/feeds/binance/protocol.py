"""Protocol: where Binance's public data is, and how its books begin."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from marketdata.feeds.binance.market import Market
from marketdata.feeds.binance.rest import Rest
from marketdata.feeds.binance.specifications import specify
from marketdata.feeds.binance.spot import SpotMarket
from marketdata.feeds.public import market
from marketdata.feeds.public.protocol import Patience, PublicProtocol, Recording, Socket

BOOK_STREAMS: Final = ("depth@100ms", "bookTicker")
MARKET_STREAMS: Final = ("aggTrade", "markPrice@1s", "forceOrder")
SPOT_STREAMS: Final = ("depth@100ms", "aggTrade")
WHEN_RECORDED: Final = {"depth@100ms": ("depth@0ms", "trade")}  # of a feed's streams, what a capture has instead
SPOT_WHEN_RECORDED: Final = {"depth@100ms": ("depth@100ms", "bookTicker", "trade")}
WEIGHT_A_MINUTE_MAX: Final = 2_400  # of each interface of contracts, by its exchangeInfo
SPOT_WEIGHT_A_MINUTE_MAX: Final = 6_000


def _protocol(
    streams: Mapping[str, tuple[str, ...]],
    depth: str,
    market_type: type[Market] = Market,
    recorded: Mapping[str, tuple[str, ...]] = WHEN_RECORDED,
    weight_max: int = WEIGHT_A_MINUTE_MAX,
    interest: str = "",
) -> PublicProtocol:
    """Return the protocol whose streams are behind these doors, and whose books and open interest behind those."""

    def sockets(venue: Venue, instruments: Sequence[Instrument]) -> list[Socket]:
        return [_socket(venue.ws_url.rstrip("/") + path, names, instruments) for path, names in streams.items()]

    def rest(venue: Venue, of: market.Market, patience: Patience) -> Rest:
        assert isinstance(of, Market)
        root = venue.rest_url.rstrip("/")
        return Rest(root + depth, interest and root + interest, of, patience, weight_max)

    def recording(venue: Venue, instrument: Instrument) -> Recording:
        root = venue.ws_url.rstrip("/")
        found = (_recorded(root + path, names, instrument, recorded) for path, names in streams.items())
        limit = f"limit={Patience().snapshot_levels}"
        url = f"{venue.rest_url.rstrip('/')}{depth}?symbol={instrument.venue_symbol}&{limit}"
        return Recording(sockets=tuple(found), snapshots=(url,))

    return PublicProtocol(market=market_type, sockets=sockets, snapshots=rest, recording=recording)


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


USDM: Final = _protocol(
    {"/public/ws": BOOK_STREAMS, "/market/ws": MARKET_STREAMS}, "/fapi/v1/depth", interest="/fapi/v1/openInterest"
)
COINM: Final = _protocol({"/ws": BOOK_STREAMS + MARKET_STREAMS}, "/dapi/v1/depth", interest="/dapi/v1/openInterest")
SPOT: Final = replace(
    _protocol({"/ws": SPOT_STREAMS}, "/api/v3/depth", SpotMarket, SPOT_WHEN_RECORDED, SPOT_WEIGHT_A_MINUTE_MAX),
    specify=specify,
    mark_ms_max=None,
)
