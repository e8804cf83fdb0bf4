"""Orders: our own, from the intent to the venue's last word.  Recorded x Orders -> Orders

What we wrote (intended, sent, canceled) and what the venue reports (acknowledged, working, filled) meet here under the
client order id, in whatever order they come: an order only moves forward, and the venue's word about an order that we
had given up is believed and named as a contradiction.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, assert_never

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events.orders import (
    CancelAsked,
    OrderAcknowledged,
    OrderIntended,
    OrderNeverArrived,
    OrderOutcomeUnknown,
    OrderRefused,
    OrderRejected,
    OrderSent,
)
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.records import record
from portfolio.core.early_fills import EarlyFill, OrderKey, order_key

State = Literal[
    "intended",
    "sent",
    "unknown",
    "acknowledged",
    "working",
    "partially_filled",
    "filled",
    "canceled",
    "expired",
    "rejected",
    "refused",
    "never_arrived",
]
OrderEvent = (
    OrderIntended
    | OrderRefused
    | OrderSent
    | OrderAcknowledged
    | OrderRejected
    | OrderOutcomeUnknown
    | OrderNeverArrived
    | CancelAsked
)

FINAL: Final[frozenset[State]] = frozenset({"filled", "canceled", "expired", "rejected", "refused", "never_arrived"})
NOT_THERE: Final[frozenset[State]] = frozenset({"intended", "refused", "rejected", "never_arrived"})
WITHOUT_WORD: Final[frozenset[State]] = frozenset({"sent", "unknown"})
RANK: Final[dict[State, int]] = {
    "intended": 0,
    "sent": 1,
    "unknown": 2,
    "acknowledged": 3,
    "working": 4,
    "partially_filled": 5,
    **dict.fromkeys(FINAL, 6),
}
FINISHED_KEPT: Final = 1_000  # orders that ended and whose fills are all in the log
EARLY_FILLS_KEPT: Final = 1_000  # fills that came before the word whose order they are


@record
class HedgeOrder:
    """One order of ours.

    `filled` is in contracts by the venue's word, `logged` by the fills in the log. `sent_at` and `acknowledged_at` are
    our times, `intended_at` and `filled_at` (of the first fill) those of the log, `ended_at` that of the last word.
    `seq` is the event that made it so.
    """

    intent: OrderIntended
    state: State
    seq: int
    intended_seq: int
    intended_at: datetime
    venue_order_id: str = ""
    sent_seq: int = 0
    sent_at: datetime | None = None
    valid_until: datetime | None = None
    acknowledged_at: datetime | None = None
    filled_at: datetime | None = None
    ended_at: datetime | None = None
    filled: Decimal = ZERO
    logged: Decimal = ZERO
    average_price: Decimal | None = None
    because: str = ""
    cancel_asked_at: datetime | None = None
    cancel_asked_by: str = ""

    @property
    def client_order_id(self) -> str:
        return self.intent.client_order_id

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more can come of it; its last fills may still be on their way into the log."""
        return self.state in FINAL

    @property
    def may_be_there(self) -> bool:
        """Tell whether the venue has it or may have it, unfinished."""
        return self.state not in FINAL and self.state != "intended"

    @property
    def in_flight(self) -> Decimal:
        """Contracts that may still come into the log as fills, at worst; an order that was not sent counts whole."""
        if self.is_final:
            return max(ZERO, self.filled - self.logged)
        return max(ZERO, self.intent.quantity - self.logged)


class Orders:
    """Our orders by client order id; mutable, owned by a book. Contradictions are returned as sentences."""

    __slots__ = ("_by_venue_id", "_early", "_finished", "_under_way", "_wordless", "of_id")

    def __init__(self) -> None:
        self.of_id: dict[str, HedgeOrder] = {}
        self._under_way: set[str] = set()  # may still come into the log as fills
        self._by_venue_id: dict[OrderKey, str] = {}
        self._wordless: set[str] = set()  # sent, and the venue's id of it not known yet
        self._early: deque[EarlyFill] = deque(maxlen=EARLY_FILLS_KEPT)
        self._finished: deque[str] = deque()

    def __iter__(self) -> Iterator[HedgeOrder]:
        return iter(self.of_id.values())

    def __len__(self) -> int:
        return len(self.of_id)

    def get(self, client_order_id: str) -> HedgeOrder | None:
        """Return an order, or None when it is not ours or was let go."""
        return self.of_id.get(client_order_id)

    def of_fill(self, fill: FillRecorded) -> HedgeOrder | None:
        """Return the order that a fill is one of, or None when it is not ours or was let go."""
        return self.of_id.get(self._by_venue_id.get(order_key(fill), "")) if self.of_id else None

    def under_way(self) -> Iterator[HedgeOrder]:
        """Yield those of which something may still come into the log, as few as they are among all."""
        return (self.of_id[name] for name in self._under_way)

    @property
    def early_fills(self) -> tuple[EarlyFill, ...]:
        """The fills that wait for the word whose they are."""
        return tuple(self._early)

    @property
    def finished(self) -> tuple[str, ...]:
        """The ids of those that ended and are whole, the longest ended first."""
        return tuple(self._finished)

    def load(self, orders: Iterable[HedgeOrder], early: Iterable[EarlyFill], finished: Iterable[str]) -> None:
        """Take back what `__iter__`, `early_fills` and `finished` gave."""
        for order in orders:
            self._put(order)
            if order.venue_order_id:
                self._link(order, order.venue_order_id)
            elif order.state in WITHOUT_WORD:
                self._wordless.add(order.client_order_id)
        self._finished.extend(finished)
        self._early.extend(early)

    def apply(self, event: OrderEvent, seq: int, recorded_at: datetime) -> str:
        """Fold an event that we wrote; return a sentence where it contradicts what is known, else nothing."""
        if isinstance(event, OrderIntended):
            order = HedgeOrder(intent=event, state="intended", seq=seq, intended_seq=seq, intended_at=recorded_at)
            self._put(order)
            return ""
        known = self.of_id.get(event.client_order_id)
        if known is None:
            return f"{type(event).__name__} of an order that nobody intended: {event.client_order_id}"
        return self._written(known, event, seq)

    def _written(self, order: HedgeOrder, event: "OrderEvent", seq: int) -> str:
        match event:
            case OrderIntended():
                return ""
            case OrderRefused():
                return self._move(order, "refused", seq, because=event.said, ended_at=event.at)
            case OrderSent():
                if not order.is_final and not order.venue_order_id:
                    self._wordless.add(order.client_order_id)
                return self._move(order, "sent", seq, sent_seq=seq, sent_at=event.at, valid_until=event.valid_until)
            case OrderAcknowledged():
                if said := _twice(order, event.venue_order_id):
                    return said
                self._link(order, event.venue_order_id)
                order = replace(order, acknowledged_at=event.at, venue_order_id=event.venue_order_id)
                self._put(order)
                self._move(order, "acknowledged", seq)
                self._take_early(order.client_order_id, seq)
                return ""
            case OrderRejected():
                return self._move(order, "rejected", seq, because=f"{event.code}: {event.said}", ended_at=event.at)
            case OrderOutcomeUnknown():
                self._move(order, "unknown", seq, because=event.because)
                return ""
            case OrderNeverArrived():
                return self._move(order, "never_arrived", seq, because=event.said, ended_at=event.at)
            case CancelAsked():
                asked = replace(order, cancel_asked_at=event.at, cancel_asked_by=event.by, seq=seq)
                self._put(asked)
                return ""
            case _:
                assert_never(event)

    def seen(self, event: OrderSeen, seq: int) -> str:
        """Fold the venue's report of an order, if it is one of ours."""
        order = self.of_id.get(event.client_order_id)
        if order is None or (order.intent.account, order.intent.instrument) != (event.account, event.instrument):
            return ""
        if said := _twice(order, event.venue_order_id):
            return said
        if order.state in NOT_THERE:
            said = f"{order.client_order_id} is {event.status} at the venue, where {order.state} expected"
        self._link(order, event.venue_order_id)
        filled = max(order.filled, event.filled)
        order = replace(
            order,
            venue_order_id=event.venue_order_id,
            filled=filled,
            average_price=event.average_price if event.filled == filled else order.average_price,
            seq=seq,
        )
        ended: dict[str, Any] = {"ended_at": event.at} if event.status in FINAL else {}
        if order.state in NOT_THERE:
            order = replace(order, state=event.status, because=said, **ended)
            if not order.is_final and order.client_order_id in self._finished:
                self._finished.remove(order.client_order_id)
            self._keep(order)
        else:
            self._put(order)
            self._move(order, event.status, seq, **ended)
        self._take_early(order.client_order_id, seq)
        return said

    def fill(self, fill: FillRecorded, seq: int, recorded_at: datetime) -> None:
        """Fold a fill, if it is one of an order of ours; one that comes before its order's word waits for it."""
        if (order := self.of_fill(fill)) is not None:
            logged = order.logged + fill.quantity
            self._keep(replace(order, logged=logged, filled_at=order.filled_at or recorded_at, seq=seq))
        elif self._wordless:
            self._early.append(EarlyFill(fill=fill, recorded_at=recorded_at))

    def _link(self, order: HedgeOrder, venue_order_id: str) -> None:
        self._by_venue_id[order.intent.account, order.intent.instrument, venue_order_id] = order.client_order_id
        self._wordless.discard(order.client_order_id)

    def _take_early(self, name: str, seq: int) -> None:
        for one in [one for one in self._early if self._by_venue_id.get(order_key(one.fill)) == name]:
            self._early.remove(one)
            self.fill(one.fill, seq, one.recorded_at)
        if not self._wordless:
            self._early.clear()

    def _move(self, order: HedgeOrder, state: State, seq: int, **known: Any) -> str:
        """Move an order forward; a word that comes too late changes nothing."""
        if order.is_final:
            if state == order.state or state in ("working", "partially_filled", "acknowledged", "unknown"):
                return ""
            return f"{order.client_order_id} is {state}, after it was {order.state}"
        if RANK[state] >= RANK[order.state]:
            if state in FINAL:
                self._wordless.discard(order.client_order_id)
            self._keep(replace(order, state=state, seq=seq, **known))
        return ""

    def _put(self, order: HedgeOrder) -> None:
        self.of_id[order.client_order_id] = order
        if order.in_flight:
            self._under_way.add(order.client_order_id)
        else:
            self._under_way.discard(order.client_order_id)

    def _keep(self, order: HedgeOrder) -> None:
        name = order.client_order_id
        self._put(order)
        if order.is_final and not order.in_flight and name not in self._finished:
            self._finished.append(name)
            if len(self._finished) > FINISHED_KEPT:
                gone = self.of_id.pop(self._finished.popleft())
                self._under_way.discard(gone.client_order_id)
                self._by_venue_id.pop((gone.intent.account, gone.intent.instrument, gone.venue_order_id), None)


def _twice(order: HedgeOrder, venue_order_id: str) -> str:
    """Return what is wrong when a venue tells another order of its own under one name of ours; else nothing."""
    if order.venue_order_id in ("", venue_order_id):
        return ""
    return f"one order {order.venue_order_id} as {order.client_order_id} expected, found {venue_order_id} beside it"
