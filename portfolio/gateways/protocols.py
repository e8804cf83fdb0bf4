"""Protocols: whose orders are sent by which gateway."""

from collections.abc import Iterable, Mapping
from typing import Final

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.reference import Account, Venue
from marketdata.queries.credentials import Keys
from portfolio.gateways.binance import BinanceGateway
from portfolio.gateways.bybit import BybitGateway
from portfolio.gateways.deribit import DeribitGateway
from portfolio.gateways.exchange import ExchangeGateway
from portfolio.gateways.okx import OkxGateway

GATEWAYS: Final[Mapping[str, type[ExchangeGateway]]] = {
    "binance-usdm": BinanceGateway,
    "binance-coinm": BinanceGateway,
    "bybit": BybitGateway,
    "okx": OkxGateway,
    "deribit": DeribitGateway,
}


def gateway_of(account: Account, venue: Venue, instruments: Iterable[Instrument], keys: Keys) -> ExchangeGateway:
    """Return an account's door to its venue."""
    return GATEWAYS[venue.protocol](account, venue, instruments, keys)
