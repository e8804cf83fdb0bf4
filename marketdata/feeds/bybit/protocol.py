"""Protocol: where Bybit's public data is, and how it is asked for."""

from collections.abc import Sequence
from typing import Final

import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from marketdata.feeds.bybit.market import Market
from marketdata.feeds.bybit.specifications import specify
from marketdata.feeds.public.protocol import Ping, PublicProtocol, Socket

BOOK: Final = "orderbook.50"  # 50 levels a side, every 20 ms
STREAMS: Final = (BOOK, "tickers", "publicTrade", "allLiquidation")
BEGINS_WITH_SNAPSHOT: Final = (BOOK, "tickers")  # what subscribing again brings anew
PING_S: Final = 20.0  # as the venue asks


def sockets(venue: Venue, instruments: Sequence[Instrument]) -> list[Socket]:
    """Return a socket for each kind of contract that there is."""
    found = []
    for kind in ("linear", "inverse"):
        symbols = [instrument.venue_symbol for instrument in instruments if instrument.kind == kind]
        if symbols:
            found.append(_socket(f"{venue.ws_url.rstrip('/')}/v5/public/{kind}", symbols))
    return found


def _socket(url: str, symbols: Sequence[str]) -> Socket:
    topics = [f"{stream}.{symbol}" for symbol in symbols for stream in STREAMS]

    def again(symbol: str) -> list[str]:
        lost = [f"{stream}.{symbol}" for stream in BEGINS_WITH_SNAPSHOT]
        return [_request("unsubscribe", lost), _request("subscribe", lost)] if symbol in symbols else []

    return Socket(url=url, subscribe=_request("subscribe", topics), again=again)


def _request(op: str, topics: Sequence[str]) -> str:
    return msgspec.json.encode({"op": op, "args": topics}).decode()


BYBIT: Final = PublicProtocol(
    market=Market, sockets=sockets, ping=Ping(text='{"op":"ping"}', every_s=PING_S), specify=specify
)
