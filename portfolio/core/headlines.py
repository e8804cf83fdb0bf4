"""Headlines: an event in one sentence for the desk.  Recorded -> EventRow"""

from decimal import Decimal
from typing import Final, assert_never

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.balances import BalanceStated, CollateralTermsStated, TransferSeen
from hedgeapp.core.events.breaks import ReconciliationEvent
from hedgeapp.core.events.collateral import (
    CollateralStated,
    CustodyFlowSeen,
    GasPaid,
    MintSeen,
    RedeemSeen,
    ReserveMoved,
    SettlementSeen,
    SupplyStated,
)
from hedgeapp.core.events.debts import BorrowRateStated, DebtEvent, InterestCharged
from hedgeapp.core.events.door import DoorEvent
from hedgeapp.core.events.feeds import FeedStateChanged, ServiceTaken
from hedgeapp.core.events.halts import EVERYWHERE, HaltDeclared, HaltLifted, HaltTookHold, ResumeAsked
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.orders import (
    CancelAsked,
    HedgeProposed,
    OrderAcknowledged,
    OrderIntended,
    OrderNeverArrived,
    OrderOutcomeUnknown,
    OrderRefused,
    OrderRejected,
    OrderSent,
    ProposalClosed,
)
from hedgeapp.core.events.people import AccessEvent
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    OracleChanged,
    VenueChanged,
)
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from portfolio.core.access_headlines import access_sentence
from portfolio.core.break_headlines import reconciliation_sentence
from portfolio.core.catalogue import ReferenceChange
from portfolio.core.collateral_folding import CollateralEvent
from portfolio.core.door_headlines import door_headline
from portfolio.core.halts import HaltEvent
from portfolio.core.move_folding import MoveDeskEvent
from portfolio.core.move_headlines import move_headline
from portfolio.core.orders import OrderEvent
from portfolio.core.rows import EventRow
from portfolio.core.watch_folding import WatchEvent
from portfolio.core.watch_headlines import watch_headline

_FORCES: Final = {"liquidation": "liquidation", "adl": "auto-deleveraging", "settlement": "the contract's end"}


def headline(recorded: Recorded) -> EventRow:
    """Return an event as a row with its sentence."""
    event = recorded.event
    return EventRow(
        seq=recorded.seq,
        at=event.at,
        recorded_at=recorded.recorded_at,
        kind=type(event).__name__,
        sentence=_sentence(event),
    )


def _sentence(event: Event) -> str:
    if isinstance(event, ReconciliationEvent):
        return reconciliation_sentence(event)
    if isinstance(event, AccessEvent | DoorEvent):
        return access_sentence(event) if isinstance(event, AccessEvent) else door_headline(event)
    if isinstance(event, MoveDeskEvent):
        return move_headline(event)
    if isinstance(event, WatchEvent):
        return watch_headline(event)
    if isinstance(event, OrderEvent):
        return _order(event)
    match event:
        case FillRecorded() as fill:
            did = "bought" if fill.side == "buy" else "sold"
            why = f", forced by the venue: {_FORCES[fill.forced]}" if fill.forced else ""
            return f"{fill.account} {did} {_plain(fill.quantity)} {fill.instrument} at {_plain(fill.price)}{why}"
        case OrderSeen() as order:
            price = "the market" if order.price is None else _plain(order.price)
            status = order.status.replace("_", " ")
            what = f"{order.side} {_plain(order.quantity)} {order.instrument}"
            return f"{order.account}: order to {what} at {price} is {status}"
        case PositionOpened() | PositionStated():
            return f"{event.account} holds {_plain(event.quantity)} {event.instrument}"
        case FundingPaid() | BorrowRateStated() | InterestCharged():
            return _carry(event)
        case BalanceStated():
            return f"{event.account} holds {_plain(event.total)} {event.asset}"
        case TransferSeen():
            way = "into" if event.amount >= 0 else "out of"
            return f"{_plain(abs(event.amount))} {event.asset} moved {way} {event.account}"
        case CollateralTermsStated():
            return _terms(event)
        case CollateralStated() | SupplyStated() | MintSeen() | RedeemSeen():
            return _collateral(event)
        case GasPaid() | ReserveMoved() | CustodyFlowSeen() | SettlementSeen():
            return _collateral(event)
        case MarksTaken():
            return f"{len(event.marks)} marks taken"
        case FeedStateChanged():
            return f"{event.feed} is {event.state}" + (f": {event.reason}" if event.reason else "")
        case ServiceTaken():
            return f"{event.holder} took {event.service} over, epoch {event.epoch}"
        case HedgeProposed() | ProposalClosed():
            return _proposal(event)
        case HaltDeclared() | HaltTookHold() | ResumeAsked() | HaltLifted():
            return _halt(event)
        case _:
            return f"{_changed(event)} changed to version {event.version} by {event.by}" + (
                f": {event.reason}" if event.reason else ""
            )


def _terms(event: CollateralTermsStated) -> str:
    if not event.assets:
        return f"in {event.account} each settlement asset margins by itself"
    return f"what {len(event.assets)} assets count for as margin in {event.account} is stated"


def _collateral(event: CollateralEvent) -> str:
    match event:
        case CollateralStated():
            return f"{event.holder} holds {_plain(event.total)} {event.asset} in {event.wallet}"
        case SupplyStated():
            return f"supply of {event.asset} on {event.chain} is {_plain(event.total)} at block {event.block}"
        case MintSeen():
            collateral = f"{_plain(event.collateral_amount)} {event.collateral_asset}"
            return f"{_plain(event.synthetic_amount)} minted against {collateral} on {event.chain}"
        case RedeemSeen():
            collateral = f"{_plain(event.collateral_amount)} {event.collateral_asset}"
            return f"{_plain(event.synthetic_amount)} redeemed for {collateral} on {event.chain}"
        case GasPaid():
            failed = " that failed" if event.is_failed else ""
            what = f"{_plain(event.amount)} {event.asset} as gas of a transaction{failed}"
            return f"{event.wallet} paid {what} on {event.chain}"
        case ReserveMoved():
            what = f"{_plain(event.amount)} {event.asset} of the reserve fund"
            return f"{what} moved from {event.sender} to {event.receiver} on {event.chain}"
        case CustodyFlowSeen():
            way = "into" if event.direction == "deposit" else "out of"
            fee = f", fee {_plain(event.fee)} {event.fee_asset}" if event.fee else ""
            what = f"{event.direction} {event.order_id} of {_plain(event.amount)} {event.asset}"
            return f"{what} {way} {event.wallet} at {event.custodian}{fee}"
        case SettlementSeen():
            what = f"{_plain(event.amount)} {event.asset} into {event.wallet}"
            return f"{event.custodian} settled {what} for {event.account} by {event.order_id}"
        case _:
            assert_never(event)


def _proposal(event: HedgeProposed | ProposalClosed) -> str:
    if isinstance(event, ProposalClosed):
        return f"proposal {event.proposal_id} {event.end} by {event.by}" + (f": {event.reason}" if event.reason else "")
    what = f"{event.side} {_plain(event.quantity)} {event.instrument}"
    return f"proposal {event.proposal_id} to {what} in {event.account}: {event.because}"


def _halt(event: HaltEvent) -> str:
    match event:
        case HaltDeclared():
            where = "everywhere" if event.scope == EVERYWHERE else f"at {event.scope}"
            return f"HALT {where} by {event.by}: {event.reason}"
        case HaltTookHold():
            return f"halt {event.halt_id} took hold, {event.canceled} orders canceled"
        case ResumeAsked():
            return f"{event.by} asks to lift halt {event.halt_id}: {event.reason}"
        case HaltLifted():
            return f"halt {event.halt_id} lifted, asked by {event.asked_by}, approved by {event.approved_by}"
        case _:
            assert_never(event)


def _order(event: OrderEvent) -> str:
    name = f"order {event.client_order_id}"
    match event:
        case OrderIntended():
            what = f"{event.side} {_plain(event.quantity)} {event.instrument} at {_plain(event.price)}"
            return f"{event.by} wants to {what} ({event.time_in_force.replace('_', ' ')}) as {name}"
        case OrderRefused():
            return f"{name} refused by us: {event.said}"
        case OrderSent():
            return f"{name} sent, net {_plain(event.net)}, mark {_plain(event.mark)}"
        case OrderAcknowledged():
            return f"{name} acknowledged by its venue as {event.venue_order_id}"
        case OrderRejected():
            return f"{name} rejected by its venue: {event.code} {event.said}"
        case OrderOutcomeUnknown():
            return f"{name}: outcome unknown, {event.because}"
        case OrderNeverArrived():
            return f"{name} never arrived: {event.said}"
        case CancelAsked():
            return f"{event.by} asks to cancel {name}: {event.reason}"
        case _:
            assert_never(event)


def _changed(event: ReferenceChange) -> str:
    match event:
        case AssetChanged():
            return f"asset {event.asset.symbol}"
        case VenueChanged():
            return f"venue {event.venue.name}"
        case AccountChanged():
            return f"account {event.account.name}"
        case InstrumentChanged():
            return f"instrument {event.instrument.id}"
        case CustodianChanged():
            return f"custodian {event.custodian.name}"
        case ChainChanged():
            return f"chain {event.chain.name}"
        case OracleChanged():
            return f"oracle {event.oracle.name}"
        case LimitChanged():
            return f"limit {event.limit.name}"
        case _:
            assert_never(event)


def _carry(event: FundingPaid | DebtEvent) -> str:
    if isinstance(event, BorrowRateStated):
        return f"{event.account} pays {_plain(event.hourly_rate)} an hour for what it borrows of {event.asset}"
    amount = f"{_plain(abs(event.amount))} {event.asset}"
    if isinstance(event, FundingPaid):
        did = "received" if event.amount >= 0 else "paid"
        return f"{event.account} {did} funding of {amount} on {event.instrument}"
    did = "was given back" if event.amount > 0 else "paid"
    return f"{event.account} {did} {amount} of interest"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():,f}"
