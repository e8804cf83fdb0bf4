"""Binance's spot market: books, trades and specifications of pairs, public data only."""
