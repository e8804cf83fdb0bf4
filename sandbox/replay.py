"""Recorded captures played again: raw venue lines shifted to now, looping."""


class NotACapture(Exception):
    """A file is not a recorded capture."""
