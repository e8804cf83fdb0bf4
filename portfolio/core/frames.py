"""Frames: everything the Overview shows, as of one moment.  Book x Marks x feeds x at -> Frame"""

from datetime import datetime

from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from portfolio.core.figures import State
from portfolio.core.rows import (
    Backing,
    BalanceRow,
    CollateralRow,
    ConcentrationRow,
    EventRow,
    ExposureRow,
    Fault,
    FeedRow,
    FundingRow,
    Kpi,
    MarginRow,
    PnlRow,
    VenuePositions,
    Worth,
)


@record
class Frame:
    """One picture of the book: the log up to `seq`, valued with exactly `marks`, at `at`.

    `number` counts frames without a gap. `state` is the worst state among the headline figures. `events` are the latest
    first. `faults` are the latest events that could not be placed, `faults_total` counts all of them.
    """

    number: int
    seq: int
    at: datetime
    state: State
    kpis: tuple[Kpi, ...]
    exposure: tuple[ExposureRow, ...]
    concentrations: tuple[ConcentrationRow, ...]
    positions: tuple[VenuePositions, ...]
    balances: tuple[BalanceRow, ...]
    collateral: tuple[CollateralRow, ...]
    pnl: tuple[PnlRow, ...]
    margin: tuple[MarginRow, ...]
    backing: Backing
    worth: Worth
    funding: tuple[FundingRow, ...]
    feeds: tuple[FeedRow, ...]
    events: tuple[EventRow, ...]
    faults: tuple[Fault, ...]
    faults_total: int
    marks: tuple[Mark, ...]
