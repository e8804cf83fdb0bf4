"""Deribit: how an account tells its facts."""
