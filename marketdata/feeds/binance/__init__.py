"""Binance: the public data of USDⓈ-M and COIN-M by our own decoders."""
