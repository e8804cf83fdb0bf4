"""Snapshots: a book written out as one record, and made again from it exactly.  Book <-> BookState"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.events.balances import BalanceStated
from hedgeapp.core.events.breaks import VenueBlocked
from hedgeapp.core.events.collateral import CollateralStated, SupplyStated
from hedgeapp.core.events.feeds import FeedStateChanged, ServiceTaken
from hedgeapp.core.events.orders import HedgeProposed
from hedgeapp.core.events.positions import PositionOpened, PositionStated
from hedgeapp.core.events.suspensions import InstrumentSuspended
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark
from hedgeapp.core.records import record
from hedgeapp.core.reference import Account, Asset, Chain, Custodian, Limit, Oracle, Venue
from portfolio.core.account_terms import AccountTerms, TermsState
from portfolio.core.alerts import Alert, Alerts
from portfolio.core.blocking import Blocking
from portfolio.core.blocks import Blocks, BlockTally
from portfolio.core.book import Book
from portfolio.core.catalogue import Catalogue
from portfolio.core.debts import Debt, Debts
from portfolio.core.early_fills import EarlyFill
from portfolio.core.faults import Faults
from portfolio.core.halts import Halt, Halts
from portfolio.core.minting import Minting, Pause
from portfolio.core.move_snapshots import MovesState, dump_moves, load_moves
from portfolio.core.open_breaks import OpenBreak, OpenBreaks
from portfolio.core.orders import HedgeOrder
from portfolio.core.positions import Position, PositionState
from portfolio.core.proposals import LastProposal
from portfolio.core.rows import EventRow, Fault
from portfolio.core.scenarios.saved import SavedScenario, SavedScenarios
from portfolio.core.suspensions import Suspensions

VERSION: Final = 17  # of the arithmetic: raised when the same log would fold into another book


class SnapshotIsOfAnotherVersion(ValueError):
    """A snapshot was written by a program that folds differently."""

    def __init__(self, version: int) -> None:
        super().__init__(f"snapshot of version {VERSION} expected, found {version}: rebuild the book from the log")


@record
class CatalogueState:
    """Reference data written out."""

    assets: tuple[Asset, ...]
    venues: tuple[Venue, ...]
    accounts: tuple[Account, ...]
    instruments: tuple[Instrument, ...]
    custodians: tuple[Custodian, ...]
    chains: tuple[Chain, ...]
    reserve: tuple[tuple[str, str], ...]
    oracles: tuple[Oracle, ...]
    limits: tuple[Limit, ...]


@record
class BookState:
    """A book written out; records stand for their keys, sums carry theirs. Any codec of plain types can carry it."""

    version: int
    seq: int
    recorded_at: datetime | None
    catalogue: CatalogueState
    positions: tuple[PositionState, ...]
    stated: tuple[PositionStated, ...]
    funding: tuple[tuple[str, str, str, Decimal], ...]
    balances: tuple[BalanceStated, ...]
    transfers: tuple[tuple[str, str, Decimal], ...]
    debts: tuple[Debt, ...]
    delegated: tuple[tuple[str, str, Decimal], ...]
    collateral: tuple[CollateralStated, ...]
    supply: tuple[SupplyStated, ...]
    minted: tuple[tuple[str, Decimal], ...]
    redeemed: tuple[tuple[str, Decimal], ...]
    blocks: tuple[BlockTally, ...]
    orders: tuple[OrderSeen, ...]
    finished_orders: tuple[tuple[str, str, str], ...]
    our_orders: tuple[HedgeOrder, ...]
    finished_ours: tuple[str, ...]
    early_fills: tuple[EarlyFill, ...]
    proposals: tuple[HedgeProposed, ...]
    last_proposals: tuple[LastProposal, ...]
    halts: tuple[Halt, ...]
    blocking: tuple[VenueBlocked, ...]
    terms: TermsState
    open_breaks: tuple[OpenBreak, ...]
    moves: MovesState
    pauses: tuple[Pause, ...]
    suspensions: tuple[InstrumentSuspended, ...]
    scenarios: tuple[SavedScenario, ...]
    alerts: tuple[Alert, ...]
    resolved_alerts: tuple[Alert, ...]
    marks: tuple[Mark, ...]
    feeds: tuple[FeedStateChanged, ...]
    services: tuple[ServiceTaken, ...]
    faults: tuple[Fault, ...]
    faults_total: int
    latest_events: tuple[EventRow, ...]
    waiting_openings: tuple[PositionOpened, ...]
    waiting_fills: tuple[FillRecorded, ...]


def dump(book: Book) -> BookState:
    """Write a book out."""
    return BookState(
        version=VERSION,
        seq=book.seq,
        recorded_at=book.recorded_at,
        catalogue=_catalogue_state(book.catalogue),
        positions=tuple(position.state() for position in book.positions.values()),
        stated=tuple(book.stated.values()),
        funding=tuple((*key, asset, paid) for key, by in book.funding.items() for asset, paid in by.items()),
        balances=tuple(book.balances.values()),
        transfers=tuple((*key, moved) for key, moved in book.transfers.items()),
        debts=tuple(book.debts),
        delegated=tuple((*key, part) for key, part in book.delegated.items()),
        collateral=tuple(book.collateral.values()),
        supply=tuple(book.supply.values()),
        minted=tuple(book.minted.items()),
        redeemed=tuple(book.redeemed.items()),
        blocks=tuple(book.blocks),
        orders=tuple(book.orders.values()),
        finished_orders=tuple(book.finished_orders),
        our_orders=tuple(book.our_orders),
        finished_ours=book.our_orders.finished,
        early_fills=book.our_orders.early_fills,
        proposals=tuple(book.proposals.values()),
        last_proposals=tuple(book.last_proposals.values()),
        halts=tuple(book.halts),
        blocking=tuple(book.blocking),
        terms=book.terms.state(),
        open_breaks=tuple(book.open_breaks),
        moves=dump_moves(book),
        pauses=tuple(book.minting),
        suspensions=tuple(book.suspensions),
        scenarios=tuple(book.scenarios),
        alerts=tuple(book.alerts),
        resolved_alerts=tuple(book.alerts.resolved),
        marks=tuple(book.marks.values()),
        feeds=tuple(book.feeds.values()),
        services=tuple(book.services.values()),
        faults=tuple(book.faults),
        faults_total=book.faults.total,
        latest_events=book.latest_events,
        **_waiting(book),
    )


def _waiting(book: Book) -> dict[str, Any]:
    """Return what waits for its instrument, by the fields that hold it."""
    return {
        "waiting_openings": tuple(one for one in book.waiting if isinstance(one, PositionOpened)),
        "waiting_fills": tuple(one for one in book.waiting if isinstance(one, FillRecorded)),
    }


def load(state: BookState) -> Book:
    """Make a book again; raises `SnapshotIsOfAnotherVersion` when it would not be the one that the log folds into."""
    if state.version != VERSION:
        raise SnapshotIsOfAnotherVersion(state.version)
    book = Book()
    book.seq, book.recorded_at = state.seq, state.recorded_at
    _load_catalogue(book.catalogue, state.catalogue)
    for position in map(Position.of, state.positions):
        book.positions[position.account, position.instrument] = position
    book.stated = {(one.account, one.instrument): one for one in state.stated}
    for account, instrument, asset, paid in state.funding:
        book.funding.setdefault((account, instrument), {})[asset] = paid
    book.balances = {(one.account, one.asset): one for one in state.balances}
    book.transfers = {(account, asset): moved for account, asset, moved in state.transfers}
    book.debts = Debts(state.debts)
    book.delegated = {(account, asset): part for account, asset, part in state.delegated}
    book.collateral = {(one.holder, one.wallet, one.asset): one for one in state.collateral}
    book.supply = {(one.chain, one.asset): one for one in state.supply}
    book.minted, book.redeemed = dict(state.minted), dict(state.redeemed)
    book.blocks = Blocks(state.blocks)
    book.orders = {(one.account, one.instrument, one.venue_order_id): one for one in state.orders}
    book.finished_orders.extend(state.finished_orders)
    book.our_orders.load(state.our_orders, state.early_fills, state.finished_ours)
    book.proposals = {one.proposal_id: one for one in state.proposals}
    book.last_proposals = {one.currency: one for one in state.last_proposals}
    book.halts = Halts(state.halts)
    book.blocking = Blocking(state.blocking)
    book.terms = AccountTerms.of(state.terms)
    book.open_breaks = OpenBreaks(state.open_breaks)
    load_moves(book, state.moves)
    book.minting = Minting(state.pauses)
    book.suspensions = Suspensions(state.suspensions)
    book.scenarios = SavedScenarios(state.scenarios)
    book.alerts = Alerts(state.alerts, state.resolved_alerts)
    book.marks = {(one.subject, one.kind): one for one in state.marks}
    book.feeds = {one.feed: one for one in state.feeds}
    book.services = {one.service: one for one in state.services}
    book.faults = Faults(state.faults, state.faults_total)
    book.keep_events(reversed(state.latest_events))
    for opening in state.waiting_openings:
        book.keep_waiting(opening)
    for fill in state.waiting_fills:
        book.keep_waiting(fill)
    return book


def _catalogue_state(catalogue: Catalogue) -> CatalogueState:
    return CatalogueState(
        assets=tuple(catalogue.assets.values()),
        venues=tuple(catalogue.venues.values()),
        accounts=tuple(catalogue.accounts.values()),
        instruments=tuple(catalogue.instruments.values()),
        custodians=tuple(catalogue.custodians.values()),
        chains=tuple(catalogue.chains.values()),
        reserve=tuple(sorted(catalogue.reserve)),
        oracles=tuple(catalogue.oracles.values()),
        limits=tuple(catalogue.limits.values()),
    )


def _load_catalogue(catalogue: Catalogue, state: CatalogueState) -> None:
    catalogue.assets = {one.symbol: one for one in state.assets}
    catalogue.venues = {one.name: one for one in state.venues}
    catalogue.accounts = {one.name: one for one in state.accounts}
    catalogue.instruments = {one.id: one for one in state.instruments}
    catalogue.custodians = {one.name: one for one in state.custodians}
    catalogue.chains = {one.name: one for one in state.chains}
    catalogue.reserve = set(state.reserve)
    catalogue.oracles = {one.name: one for one in state.oracles}
    for limit in state.limits:
        catalogue.limit(limit)
