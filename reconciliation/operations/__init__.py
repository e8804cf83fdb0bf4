"""Writes of reconciliation: runs, and what people do about breaks; events and rows in one transaction."""
