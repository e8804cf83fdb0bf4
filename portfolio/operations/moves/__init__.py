"""Collateral moves: proposed, decided on, withdrawn and ended; each step an event, under the log's lock."""
