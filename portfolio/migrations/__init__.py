"""The portfolio's migrations."""
