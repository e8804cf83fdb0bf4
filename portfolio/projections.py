"""Projections: rows of the read models out of the log's events, by the same fold that keeps the live book.

`changes` applies an event to a book and returns the rows that are otherwise from then on; nothing else in the system
says how an event changes a row. `Versions` gives each row its end.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, get_args

import msgspec

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.events import Recorded
from hedgeapp.core.events.approvals import MoveDecided
from hedgeapp.core.events.balances import BalanceStated, TransferSeen
from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.events.moves import MoveProposed
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import InstrumentChanged
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from portfolio import models
from portfolio.core.book import Book
from portfolio.core.move_states import Move, MoveEvent
from portfolio.core.orders import HedgeOrder, OrderEvent

Key = tuple[str, ...]
Values = tuple[Any, ...]

_EMPTY: Final = "{}"
_json = msgspec.json.Encoder().encode


class Table:
    """A read model's table: its name, the columns of its key, and its other columns in the order of `Values`."""

    __slots__ = ("columns", "key", "model", "name")

    def __init__(self, model: type[models.Version]) -> None:
        self.model = model
        self.name = model._meta.db_table
        self.key = model.KEY
        skipped = {"id", "from_seq", "to_seq", *model.KEY}
        names = [str(field.column) for field in model._meta.concrete_fields]
        values = [name for name in names if name not in skipped]
        self.columns: tuple[str, ...] = ("from_seq", "to_seq", *model.KEY, *values)


POSITION: Final = Table(models.Position)
BALANCE: Final = Table(models.Balance)
ORDER: Final = Table(models.Order)
FILL: Final = Table(models.Fill)
COLLATERAL: Final = Table(models.Collateral)
HEDGE_ORDER: Final = Table(models.HedgeOrder)
MOVE: Final = Table(models.CollateralMove)
TABLES: Final = (POSITION, BALANCE, ORDER, FILL, COLLATERAL, HEDGE_ORDER, MOVE)
OF_OUR_ORDERS: Final = get_args(OrderEvent)

Change = tuple[Table, Key, Values]


def changes(book: Book, recorded: Recorded) -> list[Change]:
    """Apply an event to the book and return the rows that it changed, at most one for each key."""
    event = recorded.event
    match event:
        case FillRecorded():
            book.apply(recorded)
            found = _position(book, event.account, event.instrument)
            found.append(_fill(event))
            if (ours := book.our_orders.of_fill(event)) is not None:
                found.append(_hedge_order(ours))
            return found
        case PositionOpened() | PositionStated() | FundingPaid():
            book.apply(recorded)
            return _position(book, event.account, event.instrument)
        case BalanceStated() | TransferSeen():
            book.apply(recorded)
            return [_balance(book, event.account, event.asset)]
        case OrderSeen():
            book.apply(recorded)
            taken = book.orders.get((event.account, event.instrument, event.venue_order_id))
            found = [_order(event)] if taken is event else []
            return found + _our_order(book, event.client_order_id, event.account, event.instrument)
        case CollateralStated():
            book.apply(recorded)
            taken_too = book.collateral[event.holder, event.wallet, event.asset]
            return [_collateral(event)] if taken_too is event else []
        case InstrumentChanged():
            waited = {(one.account, one.instrument) for one in book.waiting if one.instrument == event.instrument.id}
            book.apply(recorded)
            return [change for key in sorted(waited) for change in _position(book, *key)]
        case _:
            book.apply(recorded)
            if isinstance(event, MoveEvent):
                move = book.moves.get(event.payload.move_id if isinstance(event, MoveProposed) else event.move_id)
                return [_move(move)] if move is not None else []
            return _our_order(book, event.client_order_id) if isinstance(event, OF_OUR_ORDERS) else []


def rows_of(book: Book) -> dict[tuple[str, Key], Values]:
    """Return the rows that are current when the log has just been folded into this book, fills not among them.

    Orders that the book has let go of keep their rows and are not here.
    """
    pairs = sorted({*book.positions, *book.stated, *book.funding})
    found = [change for pair in pairs for change in _position(book, *pair)]
    found += [_balance(book, *key) for key in sorted({*book.balances, *book.transfers})]
    found += [_order(order) for order in book.orders.values()]
    found += [_hedge_order(order) for order in book.our_orders]
    found += [_move(move) for move in book.moves]
    found += [_collateral(stated) for stated in book.collateral.values()]
    return {(table.name, key): values for table, key, values in found}


def _position(book: Book, account: str, instrument: str) -> list[Change]:
    key = (account, instrument)
    position, stated, funding = book.positions.get(key), book.stated.get(key), book.funding.get(key)
    if position is None and stated is None and funding is None:
        return []
    paid = _text(funding) if funding else _EMPTY
    said: Values = (stated.quantity, stated.entry_price, stated.at) if stated else (None, None, None)
    if position is None:
        return [(POSITION, key, (ZERO, ZERO, ZERO, ZERO, ZERO, _EMPTY, paid, None, None, *said))]
    quantity, size, entry_value, realized, booked, left_zero_at = position.held
    opened_at: datetime | None = (left_zero_at or position.updated_at) if quantity else None
    values = (
        quantity,
        size,
        entry_value,
        realized,
        booked,
        _text(position.fees),
        paid,
        opened_at,
        position.updated_at,
        *said,
    )
    return [(POSITION, key, values)]


def _balance(book: Book, account: str, asset: str) -> Change:
    key = (account, asset)
    stated = book.balances.get(key)
    moved = book.transfers.get(key, ZERO)
    return BALANCE, key, (stated.total if stated else None, moved, stated.at if stated else None)


def _order(event: OrderSeen) -> Change:
    values = (
        event.client_order_id,
        event.side,
        event.type,
        event.status,
        event.price,
        event.quantity,
        event.filled,
        event.average_price,
        event.reduce_only,
        event.at,
    )
    return ORDER, (event.account, event.instrument, event.venue_order_id), values


def _our_order(book: Book, client_order_id: str, *traded: str) -> list[Change]:
    """Return the row of an order of ours after an event that names it; `traded`: the account and instrument it must be.

    A word that changes nothing makes a row too, so that rows do not depend on where a book began.
    """
    order = book.our_orders.get(client_order_id)
    if order is None or (traded and traded != (order.intent.account, order.intent.instrument)):
        return []
    return [_hedge_order(order)]


def _hedge_order(order: HedgeOrder) -> Change:
    intent = order.intent
    values = (
        intent.account,
        intent.instrument,
        intent.side,
        intent.time_in_force,
        intent.quantity,
        intent.price,
        intent.reduce_only,
        intent.by,
        intent.reason,
        intent.proposal_id,
        intent.at,
        order.state,
        order.venue_order_id,
        order.filled,
        order.logged,
        order.average_price,
        order.because,
        order.intended_seq,
        order.intended_at,
        order.sent_seq,
        order.sent_at,
        order.valid_until,
        order.acknowledged_at,
        order.filled_at,
        order.ended_at,
        order.cancel_asked_at,
        order.cancel_asked_by,
    )
    return HEDGE_ORDER, (order.client_order_id,), values


def _move(move: Move) -> Change:
    payload, judged = move.payload, move.judged
    values = (
        payload.kind,
        payload.custodian,
        payload.asset,
        payload.amount,
        payload.source,
        payload.destination,
        payload.venue,
        payload.route,
        payload.expires_at,
        move.proposed.by,
        move.proposed.reason,
        move.proposed_seq,
        move.proposed_at,
        move.state,
        move.because,
        judged.policy_version if judged else 0,
        judged.rule if judged else "",
        judged.outcome if judged else "",
        _json(judged.quotas if judged else ()).decode(),
        judged.amount_usd if judged else None,
        judged.trust if judged else "",
        _json([_decision(one) for one in move.decisions]).decode(),
        move.intended.request_id if move.intended else "",
        move.custodian_order_id,
        move.intended_at,
        move.submitted_at,
        move.confirmed_at,
        move.seen_at,
        move.ended_at,
    )
    return MOVE, (move.move_id,), values


def _decision(one: MoveDecided) -> dict[str, Any]:
    return {"by": one.by, "verdict": one.verdict, "groups": one.groups, "reason": one.reason, "at": one.at}


def _fill(event: FillRecorded) -> Change:
    values = (
        event.venue_order_id,
        event.side,
        event.price,
        event.quantity,
        event.fee,
        event.fee_asset,
        event.is_maker,
        event.at,
    )
    return FILL, (event.account, event.instrument, event.trade_id), values


def _collateral(event: CollateralStated) -> Change:
    return COLLATERAL, (event.holder, event.wallet, event.asset), (event.total, event.locked, event.reference, event.at)


def _text(amounts: dict[str, Decimal]) -> str:
    return _json(amounts).decode()


class Versions:
    """Rows on their way to their tables: each is complete, with its end, when the next of its key comes.

    `rows` are those that are complete; whoever takes them clears them. `began` says which event changed each key first.
    """

    def __init__(self) -> None:
        self.rows: dict[Table, list[Values]] = {table: [] for table in TABLES}
        self.began: dict[Table, dict[Key, int]] = {table: {} for table in TABLES}
        self._current: dict[Table, dict[Key, tuple[int, Values]]] = {table: {} for table in TABLES}

    def add(self, seq: int, changed: list[Change]) -> None:
        """Take the changes of one event."""
        for table, key, values in changed:
            if table is FILL:  # never changes: it need not be remembered
                self.rows[table].append((seq, None, *key, *values))
                continue
            current = self._current[table]
            before = current.get(key)
            if before is None:
                self.began[table][key] = seq
            else:
                self.rows[table].append((before[0], seq, *key, *before[1]))
            current[key] = (seq, values)

    def finish(self) -> None:
        """Complete the rows that are current, which have no end."""
        for table, current in self._current.items():
            self.rows[table].extend([(seq, None, *key, *values) for key, (seq, values) in current.items()])
            current.clear()
