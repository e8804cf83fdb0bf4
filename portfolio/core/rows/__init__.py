"""Rows: what a frame holds, line by line.  (records)

Amounts are signed: long and received are positive, short and paid are negative. Each number is a `Figure`; nothing here
is summed across assets except in a `_usd` column. Rows keep one order from frame to frame (sorted by their names).
"""

from portfolio.core.rows.exposure import BandState, ConcentrationRow, ExposureLine, ExposureRow, LineKind, Worth
from portfolio.core.rows.holdings import Backing, BackingRow, BalanceRow, CollateralRow
from portfolio.core.rows.margin import BorrowNeed, BufferRow, LiquidationRow, MarginRow
from portfolio.core.rows.positions import (
    Agreement,
    AssetFigure,
    FundingRow,
    PnlRow,
    PositionRow,
    PositionSubtotal,
    VenuePositions,
)
from portfolio.core.rows.proposals import ProposalRow, Stand
from portfolio.core.rows.sheet import BackingSheet, Nature, Owed, Place, SheetCell, SheetPrice
from portfolio.core.rows.status import EventRow, Fault, FeedCondition, FeedRow, Health, Kpi

__all__ = [
    "Agreement",
    "AssetFigure",
    "Backing",
    "BackingRow",
    "BackingSheet",
    "BalanceRow",
    "BandState",
    "BorrowNeed",
    "BufferRow",
    "CollateralRow",
    "ConcentrationRow",
    "EventRow",
    "ExposureLine",
    "ExposureRow",
    "Fault",
    "FeedCondition",
    "FeedRow",
    "FundingRow",
    "Health",
    "Kpi",
    "LineKind",
    "LiquidationRow",
    "MarginRow",
    "Nature",
    "Owed",
    "Place",
    "PnlRow",
    "PositionRow",
    "PositionSubtotal",
    "ProposalRow",
    "SheetCell",
    "SheetPrice",
    "Stand",
    "VenuePositions",
    "Worth",
]
