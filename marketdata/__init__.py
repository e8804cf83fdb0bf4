"""Observe: outside data in, checked, spelled our way."""
