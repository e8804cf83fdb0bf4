"""Protocol: where OKX's public data is, and how it is asked for."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from marketdata.feeds.okx.market import Market, index_of
from marketdata.feeds.okx.specifications import specify
from marketdata.feeds.public.protocol import Ping, PublicProtocol, Socket

PATH: Final = "/ws/v5/public"
BOOK: Final = "books"  # 400 levels a side, every 100 ms
TYPES: Final = {"perpetual": "SWAP", "dated": "FUTURES"}
PING_S: Final = 3.0  # the venue wants one in 30 s; so often that a quiet socket is not taken for a dead one

Argument = Mapping[str, str]


def sockets(venue: Venue, instruments: Sequence[Instrument]) -> list[Socket]:
    """Return the one socket of all kinds of contracts."""
    symbols = {instrument.venue_symbol for instrument in instruments}

    def again(symbol: str) -> list[str]:
        lost = [{"channel": BOOK, "instId": symbol}]
        return [_request("unsubscribe", lost), _request("subscribe", lost)] if symbol in symbols else []

    url = f"{venue.ws_url.rstrip('/')}{PATH}"
    return [Socket(url=url, subscribe=_request("subscribe", _wanted(instruments)), again=again)] if symbols else []


def _wanted(instruments: Sequence[Instrument]) -> list[Argument]:
    found: list[Argument] = []
    for instrument in instruments:
        # A dated contract has no funding: to ask for it would be refused.
        funding = ("funding-rate",) if instrument.expiry == "perpetual" else ()
        for channel in (BOOK, "trades", "mark-price", *funding, "open-interest"):
            found.append({"channel": channel, "instId": instrument.venue_symbol})
    for index in dict.fromkeys(map(index_of, instruments)):
        found.append({"channel": "index-tickers", "instId": index})
    for kind in dict.fromkeys(TYPES[instrument.expiry] for instrument in instruments):
        found.append({"channel": "liquidation-orders", "instType": kind})
    return found


def _request(op: str, arguments: Sequence[Argument]) -> str:
    return msgspec.json.encode({"op": op, "args": arguments}).decode()


OKX: Final = PublicProtocol(market=Market, sockets=sockets, ping=Ping(text="ping", every_s=PING_S), specify=specify)
