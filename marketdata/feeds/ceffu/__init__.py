"""Ceffu: what the custodian's wallets hold, read by signed requests."""
