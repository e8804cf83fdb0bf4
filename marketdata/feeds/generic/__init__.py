"""Any exchange that ccxt streams, by configuration alone: its public data through ccxt, behind our checks."""
