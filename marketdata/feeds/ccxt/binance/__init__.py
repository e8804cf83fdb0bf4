"""Binance: how an account of either of its futures tells its facts."""
