"""Headlines: an event in one sentence for the desk.  Recorded -> EventRow"""

from decimal import Decimal
from typing import assert_never

from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.collateral import CollateralStated, MintSeen, RedeemSeen, SupplyStated
from hedgeapp.core.events.feeds import FeedStateChanged, ServiceTaken
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    VenueChanged,
)
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from portfolio.core.catalogue import ReferenceChange
from portfolio.core.rows import EventRow


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
    match event:
        case FillRecorded() as fill:
            did = "bought" if fill.side == "buy" else "sold"
            return f"{fill.account} {did} {_plain(fill.quantity)} {fill.instrument} at {_plain(fill.price)}"
        case OrderSeen() as order:
            price = "the market" if order.price is None else _plain(order.price)
            status = order.status.replace("_", " ")
            what = f"{order.side} {_plain(order.quantity)} {order.instrument}"
            return f"{order.account}: order to {what} at {price} is {status}"
        case PositionOpened() | PositionStated():
            return f"{event.account} holds {_plain(event.quantity)} {event.instrument}"
        case FundingPaid():
            did = "received" if event.amount >= 0 else "paid"
            amount = f"{_plain(abs(event.amount))} {event.asset}"
            return f"{event.account} {did} funding of {amount} on {event.instrument}"
        case BalanceStated():
            return f"{event.account} holds {_plain(event.total)} {event.asset}"
        case TransferSeen():
            way = "into" if event.amount >= 0 else "out of"
            return f"{_plain(abs(event.amount))} {event.asset} moved {way} {event.account}"
        case CollateralStated() | SupplyStated() | MintSeen() | RedeemSeen():
            return _collateral(event)
        case MarksTaken():
            return f"{len(event.marks)} marks taken"
        case FeedStateChanged():
            return (
                f"{event.feed} is {event.state}: {event.reason}" if event.reason else f"{event.feed} is {event.state}"
            )
        case ServiceTaken():
            return f"{event.holder} took {event.service} over, epoch {event.epoch}"
        case _:
            return f"{_changed(event)} changed to version {event.version} by {event.by}" + (
                f": {event.reason}" if event.reason else ""
            )


def _collateral(event: CollateralStated | SupplyStated | MintSeen | RedeemSeen) -> str:
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
        case LimitChanged():
            return f"limit {event.limit.name}"
        case _:
            assert_never(event)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():,f}"
