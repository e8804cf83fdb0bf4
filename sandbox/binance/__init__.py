"""Binance USDⓈ-M and COIN-M futures as their clients see them: REST, WebSocket streams, user data."""
