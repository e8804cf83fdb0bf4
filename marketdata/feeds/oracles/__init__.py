"""Oracles: signed USD prices, verified from their bytes before anything touches the board."""
