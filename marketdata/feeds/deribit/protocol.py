"""Protocol: where Deribit's public data is, and how it is asked for."""

from collections.abc import Sequence
from typing import Final

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Venue
from marketdata.feeds.deribit import requests
from marketdata.feeds.deribit.market import Market
from marketdata.feeds.deribit.specifications import specify
from marketdata.feeds.public.protocol import PublicProtocol, Socket

PATH: Final = "/ws/api/v2"


def sockets(venue: Venue, instruments: Sequence[Instrument]) -> list[Socket]:
    """Return the one socket that everything comes by."""
    symbols = [instrument.venue_symbol for instrument in instruments]

    def again(symbol: str) -> list[str]:
        lost = [requests.channel("book", symbol)]
        return [requests.unsubscribe(lost), requests.subscribe(lost, requests.RETURN)] if symbol in symbols else []

    return [
        Socket(
            url=f"{venue.ws_url.rstrip('/')}{PATH}",
            subscribe=requests.subscribe(requests.channels_of(symbols)),
            again=again,
            greeting=requests.set_heartbeat(),
        )
    ]


DERIBIT: Final = PublicProtocol(market=Market, sockets=sockets, specify=specify)
