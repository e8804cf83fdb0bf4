"""Wiring above, the common language below."""
