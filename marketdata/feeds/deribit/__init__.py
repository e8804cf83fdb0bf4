"""Deribit: the public data of its inverse contracts by our own decoder."""
