"""Screen: what the Overview shows of a frame, and how it reaches the browsers."""

from portfolio.screen.publication import latest, publish

__all__ = ["latest", "publish"]
