"""Statements: what a venue, a custodian or a chain says of us at one time; read-only."""
