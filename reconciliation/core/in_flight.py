"""In flight: work under way that accounts for a difference until it has settled.  Orders, Moves x at -> InFlight"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.differences import DifferenceKind
from hedgeapp.core.records import record
from portfolio.core.move_states import Move
from portfolio.core.orders import HedgeOrder
from reconciliation.core.compare import Mismatch
from reconciliation.core.delegations import item_of

SETTLES_IN: Final = timedelta(seconds=30)  # after an order's last word everything of it is on both sides
UNKNOWN_SETTLES_IN: Final = timedelta(seconds=120)  # an order whose outcome is unknown is asked for until then
MOVE_SETTLES_IN: Final = timedelta(minutes=10)  # a custodian takes so long at most from taking a move to its word


@record
class InFlight:
    """Why a difference of one item may be there: `least` to `most` of what is counted, until a time.

    `least` and `most` are None where nothing is counted: then it accounts for the item being on one side only.
    """

    kind: DifferenceKind
    item: str
    least: Decimal | None
    most: Decimal | None
    until: datetime
    because: str

    def explains(self, kind: DifferenceKind, found: Mismatch, at: datetime) -> bool:
        """Tell whether it accounts for a difference at a time."""
        if (kind, found.item) != (self.kind, self.item) or at >= self.until:
            return False
        if self.least is None or self.most is None:
            return True
        return found.amount is not None and self.least <= found.amount <= self.most


def of_orders(orders: Iterable[HedgeOrder], account: str) -> list[InFlight]:
    """Return what orders of an account account for: contracts of a position, and the order itself as an open one.

    Orders of one instrument and side are taken together: any part of each may have filled.
    """
    found: list[InFlight] = []
    sums: dict[tuple[str, bool], list[HedgeOrder]] = {}
    for order in orders:
        if order.intent.account != account or order.sent_at is None:
            continue
        name = order.client_order_id
        because = f"order {name} is {order.state}"
        if order.venue_order_id:
            item = f"{order.intent.instrument}:{order.venue_order_id}"
            found.append(_of("open_order", item, None, None, order, because))
        sums.setdefault((order.intent.instrument, order.intent.side == "buy"), []).append(order)
    for (instrument, buys), of_side in sums.items():
        most = sum((order.in_flight for order in of_side), ZERO)
        names = ", ".join(order.client_order_id for order in of_side)
        latest = max(of_side, key=settles_at)
        least, most = (ZERO, most) if buys else (-most, ZERO)
        found.append(_of("position", instrument, least, most, latest, f"orders under way: {names}"))
    return found


def settles_at(order: HedgeOrder) -> datetime:
    """Return when nothing of an order that was sent can be on one side only any more."""
    assert order.sent_at is not None
    words = (order.sent_at, order.acknowledged_at, order.filled_at, order.ended_at, order.cancel_asked_at)
    after = UNKNOWN_SETTLES_IN if order.state in ("sent", "unknown") else SETTLES_IN
    return max(word for word in words if word is not None) + after


def _of(
    kind: DifferenceKind, item: str, least: Decimal | None, most: Decimal | None, order: HedgeOrder, because: str
) -> InFlight:
    return InFlight(kind=kind, item=item, least=least, most=most, until=settles_at(order), because=because)


def of_moves(moves: Iterable[Move], subject: str) -> list[InFlight]:
    """Return what moves under way account for at a custodian, by its name, or in an account, by its.

    Either side may have any part of it already, or none.
    """
    found: list[InFlight] = []
    for move in moves:
        payload, item = move.payload, item_of(move.account, move.payload.asset)
        least, most = min(ZERO, move.change), max(ZERO, move.change)
        if move.account and subject == payload.custodian:
            found.append(_of_move("delegation", item, least, most, move))
        if subject == payload.custodian:
            wallets = {payload.source, payload.destination} - {move.account}
            reach = abs(payload.amount)
            for item in sorted(f"{one}:{payload.asset}" for one in wallets):
                found.append(_of_move("collateral", item, -reach, reach, move))
                found.append(_of_move("holding", item, -reach, reach, move))
        if move.account and subject == move.account:
            found.append(_of_move("balance", payload.asset, least, most, move))
    return found


def items_of(move: Move) -> Iterator[str]:
    """Return the delegation and the holdings that a move changes."""
    if move.account:
        yield item_of(move.account, move.payload.asset)
    for place in (move.payload.source, move.payload.destination):
        yield item_of(place, move.payload.asset)


def _of_move(kind: DifferenceKind, item: str, least: Decimal, most: Decimal, move: Move) -> InFlight:
    sent_at = move.submitted_at or move.proposed_at
    shown = [at for at in (move.confirmed_at, move.seen_at) if at is not None]
    until = max(shown) + SETTLES_IN if shown else sent_at + MOVE_SETTLES_IN
    because = f"move {move.move_id} is {move.state.replace('_', ' ')}"
    return InFlight(kind=kind, item=item, least=least, most=most, until=until, because=because)
