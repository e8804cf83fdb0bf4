"""The portfolio's tables."""

from portfolio.models.frames import FrameTaken
from portfolio.models.rows import Balance, Checkpoint, Collateral, Fill, Order, Position, Version

__all__ = ["Balance", "Checkpoint", "Collateral", "Fill", "FrameTaken", "Order", "Position", "Version"]
