"""The portfolio's tables."""

from portfolio.models.frames import FrameTaken

__all__ = ["FrameTaken"]
