"""Pyth of the sandbox: a Hermes that signs the world's prices with routers of its own."""
