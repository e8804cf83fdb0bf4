"""Frames: everything the Overview shows, as of one moment.  Book x Marks x feeds x at -> Frame"""

from collections.abc import Iterable
from datetime import datetime

from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from marketdata.core.board import FeedHealth
from portfolio.core import exposure, hedging, holdings, kpis, margin, pnl, sources, tables
from portfolio.core.backing import backing
from portfolio.core.backing_sheet import backing_sheet
from portfolio.core.book import Book
from portfolio.core.buffers import buffer_rows
from portfolio.core.figures import State
from portfolio.core.minting import Standing, standing
from portfolio.core.price_sheets import PriceSheet
from portfolio.core.rows import (
    Backing,
    BackingSheet,
    BalanceRow,
    BufferRow,
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
    ProposalRow,
    VenuePositions,
    Worth,
)
from portfolio.core.starting import starting
from portfolio.core.valuation import Marks, Valuation
from portfolio.core.workings import Workings


@record
class Frame:
    """One picture of the book: the log up to `seq`, valued with exactly `marks`, at `at`.

    `number` counts frames without a gap. `state` is the worst state among the headline figures. `events` are the latest
    first. `faults` are the latest events that could not be placed, `faults_total` counts all of them. `proposals` has a
    row for each currency that may be hedged. `prices`, which whoever shows it adds, are of at most a second before.
    `reserve` is what the reserve fund's wallets hold: `collateral` is without it.
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
    proposals: tuple[ProposalRow, ...] = ()
    prices: PriceSheet | None = None
    minting: Standing = Standing()
    buffers: tuple[BufferRow, ...] = ()
    sheet: BackingSheet = BackingSheet()
    reserve: tuple[CollateralRow, ...] = ()


def frame(
    book: Book,
    marks: Marks,
    feeds: Iterable[FeedHealth],
    *,
    number: int,
    at: datetime,
    workings: Workings | None = None,
) -> Frame:
    """Return the book at its marks, as of `at`; nothing in the frame changes when the book goes on.

    `workings` are of the last time that this book was measured.
    """
    feeds = tuple(feeds)
    return _framed(Valuation(book, marks, at, feeds, workings), feeds, number)


def _framed(valuation: Valuation, feeds: tuple[FeedHealth, ...], number: int) -> Frame:
    book, marks, at = valuation.book, valuation.marks, valuation.at
    positions = pnl.valued_positions(valuation)
    balances = holdings.balance_rows(valuation)
    collateral, reserve = holdings.collateral_rows(valuation), holdings.reserve_rows(valuation)
    exposed = exposure.exposure_rows(exposure.exposure_lines(positions, balances, collateral, valuation), valuation)
    backed = backing(positions, balances, collateral, valuation)
    profit = pnl.pnl_rows(positions, valuation)
    margins = margin.margin_rows(positions, valuation)
    by_venue = tables.venue_positions(positions, margins, valuation)
    funding = pnl.funding_rows(tables.expected_funding(by_venue), valuation)
    heard = sources.feed_rows(valuation)
    faults = tuple(book.faults)
    money = kpis.money_kpis(backed, margins, funding, profit, valuation)
    headlines = (*kpis.delta_kpis(exposed, valuation), *money, kpis.feeds_kpi(heard), kpis.faults_kpi(len(faults)))
    return Frame(
        number=number,
        seq=book.seq,
        at=at,
        state=kpis.headline_state(headlines).state,
        kpis=headlines,
        exposure=exposed,
        concentrations=exposure.concentration_rows(positions, valuation),
        positions=by_venue,
        balances=balances,
        collateral=collateral,
        pnl=profit,
        margin=margins,
        backing=backed,
        worth=exposure.worth(exposed, positions, balances, collateral, valuation),
        funding=funding,
        feeds=heard,
        events=book.latest_events,
        faults=faults,
        faults_total=book.faults.total,
        marks=tuple(marks[key] for key in sorted(marks)),
        proposals=tuple(one.row for one in hedging.stances(book, exposed, marks, at, feeds)),
        buffers=buffer_rows(positions, valuation),
        sheet=backing_sheet(positions, balances, collateral, valuation, reserve),
        reserve=reserve,
        minting=standing(book.minting, book.halts, starting(book, heard, at)),
    )
