"""Reads of reconciliation: what our log has, what runs and breaks there are."""
