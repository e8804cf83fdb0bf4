"""The Persistor: one append-only, hash-chained log."""
