"""Protocols: who reads the accounts of which venue."""

from collections.abc import Mapping
from typing import Final

from marketdata.feeds.ccxt.binance.protocol import BinanceAccounts
from marketdata.feeds.ccxt.bybit.protocol import BybitAccounts
from marketdata.feeds.ccxt.deribit.protocol import DeribitAccounts
from marketdata.feeds.ccxt.okx.protocol import OkxAccounts
from marketdata.feeds.ccxt.protocol import AccountProtocol

_BINANCE: Final = BinanceAccounts()
PROTOCOLS: Final[Mapping[str, AccountProtocol]] = {
    "binance-usdm": _BINANCE,
    "binance-coinm": _BINANCE,
    "bybit": BybitAccounts(),
    "okx": OkxAccounts(),
    "deribit": DeribitAccounts(),
}
