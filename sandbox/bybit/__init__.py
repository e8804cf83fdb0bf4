"""Bybit v5 on its wire protocol: market data and a unified account over REST and WebSocket, linear and inverse."""
