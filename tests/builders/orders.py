"""The life of one order of ours, of a halt and of a pause, as events."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hedgeapp.core.events import Event
from hedgeapp.core.events.halts import HaltDeclared, HaltLifted, HaltTookHold, ResumeAsked
from hedgeapp.core.events.minting import MintingPaused, MintingResumeAsked, MintingResumed
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
from hedgeapp.core.events.trading import FillRecorded, OrderSeen

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT, ETH = "binance-usdm:main", "binance-usdm:ETH-USDT-PERP"
NAME = "hg" + "a" * 26
VENUE_ID = "8389765000001"
D = Decimal


def intended(name: str = NAME, **given: Any) -> OrderIntended:
    """Return an intent to sell 5 contracts."""
    fields: dict[str, Any] = {
        "at": AT,
        "client_order_id": name,
        "account": ACCOUNT,
        "instrument": ETH,
        "side": "sell",
        "time_in_force": "ioc",
        "quantity": D("5"),
        "price": D("2990.10"),
        "reduce_only": False,
        "by": "ann",
        "reason": "net ETH is out of its band",
        "proposal_id": "p-1",
    }
    return OrderIntended(**{**fields, **given})


def sent(name: str = NAME, at: datetime = AT) -> OrderSent:
    """Return the mark that the order is on its way."""
    return OrderSent(
        at=at,
        client_order_id=name,
        valid_until=at + timedelta(seconds=3),
        mark=D("3000.1"),
        mark_at=at,
        net=D("27.5"),
    )


def seen(name: str = NAME, *, status: Any = "working", filled: str = "0", venue_order_id: str = VENUE_ID) -> OrderSeen:
    """Return the venue's report of the order."""
    return OrderSeen(
        at=AT,
        account=ACCOUNT,
        instrument=ETH,
        venue_order_id=venue_order_id,
        client_order_id=name,
        side="sell",
        type="LIMIT",
        status=status,
        price=D("2990.10"),
        quantity=D("5"),
        filled=D(filled),
        average_price=D("2999.5") if D(filled) else None,
        reduce_only=False,
    )


def fill(trade_id: str = "1", quantity: str = "5", venue_order_id: str = VENUE_ID) -> FillRecorded:
    """Return a fill of the order."""
    return FillRecorded(
        at=AT,
        account=ACCOUNT,
        instrument=ETH,
        trade_id=trade_id,
        venue_order_id=venue_order_id,
        side="sell",
        price=D("2999.5"),
        quantity=D(quantity),
        fee=D("1.2"),
        fee_asset="USDT",
        is_maker=False,
    )


DESK: list[Event] = [
    HedgeProposed(
        at=AT,
        proposal_id="p-1",
        currency="ETH",
        account=ACCOUNT,
        instrument=ETH,
        side="sell",
        quantity=D("27.5"),
        net=D("27.5"),
        in_flight=D("0"),
        band=D("25"),
        because="net ETH of 27.5 is outside of its band of 25",
    ),
    ProposalClosed(at=AT, proposal_id="p-1", end="sent", by="ann", reason=""),
    intended(),
    sent(),
    OrderAcknowledged(at=AT, client_order_id=NAME, venue_order_id=VENUE_ID),
    OrderOutcomeUnknown(at=AT, client_order_id=NAME, because="no answer within 2 s"),
    CancelAsked(at=AT, client_order_id=NAME, by="ann", reason="changed my mind"),
    OrderRefused(at=AT, client_order_id=NAME, rule="order_size_max", said="size 50 ETH, limit 40 ETH"),
    OrderRejected(at=AT, client_order_id=NAME, code="-2019", said="Margin is insufficient."),
    OrderNeverArrived(at=AT, client_order_id=NAME, said="not known 6 s after it was sent"),
    HaltDeclared(at=AT, halt_id="h-1", scope="*", by="ann", reason="the venue looks wrong"),
    HaltTookHold(at=AT, halt_id="h-1", canceled=2),
    ResumeAsked(at=AT, halt_id="h-1", by="ann", reason="all is well"),
    HaltLifted(at=AT, halt_id="h-1", asked_by="ann", approved_by="bob"),
    MintingPaused(at=AT, pause_id="halt-1", cause="halt", by="engine", reason="HALT everywhere", resumed_by="two"),
    MintingResumeAsked(at=AT, pause_id="halt-1", by="ann", reason="all is well"),
    MintingResumed(at=AT, pause_id="halt-1", by="bob", reason="all is well", asked_by="ann"),
]
