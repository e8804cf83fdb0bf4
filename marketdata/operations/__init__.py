"""Writes of reference data and keys: each is one transaction."""
