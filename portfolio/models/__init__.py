"""The portfolio's tables."""

from portfolio.models.attribution import AttributedDay, AttributedMinute
from portfolio.models.frames import FrameTaken
from portfolio.models.gate import GateDesk
from portfolio.models.halts import Desk, Halt
from portfolio.models.rows import (
    Balance,
    Checkpoint,
    Collateral,
    CollateralMove,
    Fill,
    HedgeOrder,
    Order,
    Position,
    Version,
)
from portfolio.models.standing import StandingResult
from portfolio.models.work import Work

__all__ = [
    "AttributedDay",
    "AttributedMinute",
    "Balance",
    "Checkpoint",
    "Collateral",
    "CollateralMove",
    "Desk",
    "Fill",
    "FrameTaken",
    "GateDesk",
    "Halt",
    "HedgeOrder",
    "Order",
    "Position",
    "StandingResult",
    "Version",
    "Work",
]
