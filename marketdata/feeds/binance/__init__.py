"""Binance: the public data of USDⓈ-M and COIN-M by our own decoders."""

from marketdata.feeds.binance.service import run

__all__ = ["run"]
