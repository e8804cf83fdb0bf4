"""The pure half of market data: books, checks, spelling, the board's records."""
