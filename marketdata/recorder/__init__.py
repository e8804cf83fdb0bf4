"""The recorder: what the board and the tape say of the market, kept for a while in PostgreSQL, once in the fleet."""
