"""Reconciliation: what we say against what they say, until it is explained to the cent."""
