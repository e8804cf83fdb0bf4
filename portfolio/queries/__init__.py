"""Queries: what the pages read."""
