"""Measure, decide, act."""
