"""OKX v5 on its public wire protocol: market data over REST and WebSocket, linear and inverse."""
