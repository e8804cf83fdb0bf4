"""Deribit on its public wire protocol: JSON-RPC over REST and one WebSocket, inverse perpetuals."""
