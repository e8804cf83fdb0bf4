"""Custody: which of a custodian's orders are moves of ours, and what is news in them.  events x orders -> events

A move is marked as submitted in the log before its request goes out. So whoever reads the custodian's orders first and
the log after them knows every move that an order can be: what is nobody's then was never intended by us.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Event, Recorded
from hedgeapp.core.events.collateral import CustodianStateChanged, CustodyFlowSeen, SettlementSeen
from hedgeapp.core.events.moves import (
    DelegationStated,
    MoveDone,
    MoveExpired,
    MoveIntended,
    MoveNeverArrived,
    MovePayload,
    MoveProposed,
    MoveRefused,
    MoveRejected,
    MoveReported,
    MoveSubmitted,
    MoveWithdrawn,
    ReportedState,
    UnintendedMoveSeen,
)
from hedgeapp.core.events.reference import CustodianChanged
from hedgeapp.core.records import record

PATIENCE: Final = timedelta(seconds=30)  # for our own worker to learn which order is its move
CLOCKS_APART_MAX: Final = timedelta(minutes=5)  # the custodian's clock and ours
KEPT_FOR: Final = timedelta(days=31)  # longer than a custodian's lists go back
KINDS: Final = frozenset(
    kind.__name__
    for kind in (
        CustodianChanged,
        CustodianStateChanged,
        CustodyFlowSeen,
        DelegationStated,
        MoveDone,
        MoveExpired,
        MoveIntended,
        MoveNeverArrived,
        MoveProposed,
        MoveRefused,
        MoveRejected,
        MoveReported,
        MoveSubmitted,
        MoveWithdrawn,
        SettlementSeen,
        UnintendedMoveSeen,
    )
)

Place = tuple[str, str]  # account, asset
Booked = CustodyFlowSeen | SettlementSeen


@record
class Order:
    """An order in a custodian's list, in our words; `route` as in a payload, `request_id` where the list has it.

    A deposit's `route` is where it came from, a settlement's the account that it is of; the `amount` of a settlement is
    below 0 when it is a loss.
    """

    order_id: str
    kind: str
    asset: str
    amount: Decimal
    source: str
    route: str
    state: ReportedState
    at: datetime
    request_id: str = ""
    fee: Decimal = ZERO
    fee_asset: str = ""
    network: str = ""
    transaction: str = ""


@record
class Intent:
    """A move of ours as far as its custodian can have it."""

    payload: MovePayload
    proposed_at: datetime
    request_id: str = ""
    submitted_at: datetime | None = None
    order_id: str = ""
    told: frozenset[ReportedState] = frozenset()
    is_over: bool = False  # nothing of it is expected at the custodian

    @property
    def waits(self) -> bool:
        """Tell whether the custodian may have it under an order that we do not know yet."""
        return self.submitted_at is not None and not self.order_id and not self.is_over


class Custody:
    """What the log says of one custodian; mutable, owned by its feed."""

    def __init__(self, custodian: str) -> None:
        self.custodian = custodian
        self.seq = 0
        self.introduced_at: datetime | None = None
        self.mirrored: dict[Place, DelegationStated] = {}
        self.state: CustodianStateChanged | None = None
        self._moves: dict[str, Intent] = {}
        self._alarms: set[str] = set()
        self._booked: dict[str, datetime] = {}

    def fold(self, recorded: Recorded) -> None:
        """Fold one event of the log, in its order; of other custodians it knows nothing."""
        self.seq = max(self.seq, recorded.seq)
        event, name = recorded.event, self.custodian
        match event:
            case CustodianChanged() if event.custodian.name == name:
                self.introduced_at = self.introduced_at or recorded.recorded_at
            case CustodianStateChanged() if event.custodian == name:
                self.state = event
            case DelegationStated() if event.custodian == name:
                self.mirrored[event.account, event.asset] = event
            case CustodyFlowSeen() | SettlementSeen() if event.custodian == name:
                self._booked[event.order_id] = recorded.recorded_at
                self._forget(recorded.recorded_at)
            case UnintendedMoveSeen() if event.source == name:
                self._alarms.add(event.reference)
            case MoveProposed() if event.payload.custodian == name:
                self._moves[event.payload.move_id] = Intent(payload=event.payload, proposed_at=recorded.recorded_at)
                self._forget(recorded.recorded_at)
            case _:
                self._of_move(event)

    def _of_move(self, event: Event) -> None:
        move = self._moves.get(getattr(event, "move_id", ""))
        if move is None:
            return
        name = move.payload.move_id
        match event:
            case MoveIntended():
                self._moves[name] = replace(move, request_id=event.request_id)
            case MoveSubmitted():
                self._moves[name] = replace(move, submitted_at=event.at)
            case MoveReported() if event.custodian == self.custodian:
                self._moves[name] = replace(move, order_id=event.custodian_order_id, told=move.told | {event.state})
            case MoveDone() | MoveExpired() | MoveNeverArrived() | MoveRefused() | MoveRejected() | MoveWithdrawn():
                self._moves[name] = replace(move, is_over=True)
            case _:
                pass  # what people say of a move is nothing that its custodian has

    def news(self, orders: Iterable[Order], at: datetime) -> list[MoveReported | UnintendedMoveSeen]:
        """Return what orders that were read before the log say that the log does not have, the oldest first."""
        by_order = {one.order_id: one for one in self._moves.values() if one.order_id}
        by_request = {one.request_id: one for one in self._moves.values() if one.request_id}
        found: list[MoveReported | UnintendedMoveSeen] = []
        taken: set[str] = set()
        for order in sorted(orders, key=lambda one: (one.at, one.order_id)):
            move = by_order.get(order.order_id) or (by_request.get(order.request_id) if order.request_id else None)
            if move is not None and _is_of(order, move.payload):
                if order.state not in move.told:
                    found.append(self._reported(move, order, at))
                continue
            if order.order_id in self._alarms or self._is_history(order):
                continue
            candidates = self._candidates(order, taken)
            if not candidates:
                found.append(self._unintended(order, move))
            elif all(at - _latest(one, order) > PATIENCE for one in candidates):
                taken.add(candidates[0].payload.move_id)
                found.append(self._reported(candidates[0], order, at))
        return found

    def booked(self, orders: Iterable[Order]) -> list[Booked]:
        """Return what orders changed of what our wallets hold that the log does not have, the oldest first."""
        done = (one for one in orders if one.state == "success" and one.order_id not in self._booked)
        fresh = sorted((one for one in done if not self._is_history(one)), key=lambda one: (one.at, one.order_id))
        return [event for order in fresh if (event := booking(self.custodian, order)) is not None]

    def _is_history(self, order: Order) -> bool:
        """Tell whether an order is older than our knowledge of the custodian."""
        return self.introduced_at is None or order.at < self.introduced_at

    def _candidates(self, order: Order, taken: Iterable[str]) -> list[Intent]:
        """Return the moves that an order without a name of ours may be, the longest submitted first."""
        if order.request_id:
            return []
        waiting = (one for one in self._moves.values() if one.waits and one.payload.move_id not in taken)
        fitting = [one for one in waiting if _is_of(order, one.payload) and _may_be_taken(one, order)]
        return sorted(fitting, key=lambda one: (one.submitted_at, one.payload.move_id))

    def _reported(self, move: Intent, order: Order, at: datetime) -> MoveReported:
        return MoveReported(
            at=at,
            move_id=move.payload.move_id,
            custodian=self.custodian,
            custodian_order_id=order.order_id,
            state=order.state,
            said="in the custodian's list",
        )

    def _unintended(self, order: Order, move: Intent | None) -> UnintendedMoveSeen:
        said = "no move of ours is like it"
        if move is not None:
            said = f"it goes by the name of move {move.payload.move_id}, which is another one"
        return UnintendedMoveSeen(
            at=order.at,
            source=self.custodian,
            reference=order.order_id,
            kind=order.kind,
            asset=order.asset,
            amount=order.amount,
            said=f"{order.state.replace('_', ' ')} from {order.source} by {order.route or 'no address'}: {said}",
        )

    def _forget(self, at: datetime) -> None:
        for name in [name for name, one in self._moves.items() if one.proposed_at + KEPT_FOR < at and not one.waits]:
            del self._moves[name]
        for name in [name for name, at_ in self._booked.items() if at_ + KEPT_FOR < at]:
            del self._booked[name]


def booking(custodian: str, order: Order) -> Booked | None:
    """Return what an order that succeeded changed of all that a wallet holds; None of what stays within."""
    if order.kind == "settlement":
        return SettlementSeen(
            at=order.at,
            custodian=custodian,
            order_id=order.order_id,
            account=order.route,
            wallet=order.source,
            asset=order.asset,
            amount=order.amount,
        )
    if order.kind not in ("deposit", "withdrawal"):
        return None
    return CustodyFlowSeen(
        at=order.at,
        custodian=custodian,
        order_id=order.order_id,
        direction="deposit" if order.kind == "deposit" else "withdrawal",
        wallet=order.source,
        asset=order.asset,
        amount=order.amount,
        fee=order.fee,
        fee_asset=order.fee_asset,
        network=order.network,
        transaction=order.transaction,
        address=order.route,
    )


def _is_of(order: Order, payload: MovePayload) -> bool:
    """Tell whether an order is for exactly what a payload says."""
    said = (payload.kind, payload.asset, payload.amount, payload.route)
    is_alike = (order.kind, order.asset, order.amount, order.route) == said
    return is_alike and (payload.kind != "transfer" or order.source == payload.source)


def _may_be_taken(move: Intent, order: Order) -> bool:
    return move.submitted_at is not None and move.submitted_at - CLOCKS_APART_MAX <= order.at


def _latest(move: Intent, order: Order) -> datetime:
    assert move.submitted_at is not None
    return max(move.submitted_at, order.at)
