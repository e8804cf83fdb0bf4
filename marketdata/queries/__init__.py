"""Reads of reference data and keys."""
