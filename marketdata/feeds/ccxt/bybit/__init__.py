"""Bybit: how a unified account tells its facts."""
