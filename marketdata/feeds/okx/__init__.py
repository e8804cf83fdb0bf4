"""OKX v5: the public data of its linear and inverse contracts by our own decoder."""
