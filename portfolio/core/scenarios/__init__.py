"""Scenarios: what the book would be worth, owe and need if the world were somewhere else."""
