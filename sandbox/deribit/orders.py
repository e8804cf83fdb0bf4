"""Deribit's signed requests that place, edit and cancel orders; a label is the client's, and need not be unique."""

import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from sandbox.binance.errors import RequestRefused
from sandbox.deribit import rows
from sandbox.deribit.exchange import Deribit
from sandbox.deribit.markets import whole
from sandbox.deribit.private import trades_of_order
from sandbox.deribit.refusals import NOT_OPEN, ORDER_NOT_FOUND, TIMED_OUT, Refused, invalid, of_engine
from sandbox.instruments import Spec
from sandbox.market import Market
from sandbox.matching.engine import PRICE_BAND
from sandbox.matching.queues import Resting
from sandbox.matching.tickets import FOK, GTC, GTX, IOC, LIMIT, MARKET, Ticket
from sandbox.rows import Order

Parameters = Mapping[str, Any]
Row = dict[str, Any]
Carried = TypeVar("Carried")

FORCES = {"good_til_cancelled": GTC, "immediate_or_cancel": IOC, "fill_or_kill": FOK}
KINDS = {"limit": LIMIT, "market": MARKET}
LABEL_LENGTH_MAX = 64
DIGITS_MAX = 30


def buy(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Take an order in that buys. Raise Refused."""
    return _place(venue, account, parameters, "BUY")


def sell(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Take an order in that sells. Raise Refused."""
    return _place(venue, account, parameters, "SELL")


def edit(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Give an open limit order another price or amount. Raise Refused."""
    _in_time(venue, parameters)
    market, resting = _resting(venue, account, parameters)
    order = resting.order
    steps = _steps(market.spec, parameters) if "amount" in parameters else int(order.quantity)
    ticks = resting.ticks if "price" not in parameters else _ticks(market, parameters, order.side)
    changed = _carried(lambda: venue.engine.amend(resting, ticks, steps))
    return _answer(venue, market, changed)


def cancel(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Cancel an open order. Raise Refused."""
    market, resting = _resting(venue, account, parameters)
    return rows.order_row(market.spec, _carried(lambda: venue.engine.cancel(resting)))


def cancel_by_label(venue: Deribit, account: str, parameters: Parameters) -> int:
    """Cancel every open order with a label and give how many. Raise Refused."""
    label = str(parameters.get("label", ""))
    if not label:
        raise invalid("label", "value required")
    found = [
        resting
        for symbol in venue.markets
        for resting in venue.engine.orders.of(account, symbol)
        if rows.label_of(resting.order) == label
    ]
    for resting in found:
        venue.engine.cancel(resting)
    return len(found)


def cancel_all(venue: Deribit, account: str, parameters: Parameters) -> int:
    """Cancel every open order of the account and give how many."""
    return sum(len(venue.engine.cancel_all(account, symbol)) for symbol in venue.markets)


def cancel_all_by_instrument(venue: Deribit, account: str, parameters: Parameters) -> int:
    """Cancel every open order of a contract and give how many. Raise Refused."""
    return len(venue.engine.cancel_all(account, venue.market(parameters).spec.symbol))


Write = Callable[[Deribit, str, Parameters], Any]
WRITES: dict[str, Write] = {
    "private/buy": buy,
    "private/sell": sell,
    "private/edit": edit,
    "private/cancel": cancel,
    "private/cancel_by_label": cancel_by_label,
    "private/cancel_all": cancel_all,
    "private/cancel_all_by_instrument": cancel_all_by_instrument,
}


def _place(venue: Deribit, account: str, parameters: Parameters, side: str) -> Row:
    _in_time(venue, parameters)
    market = venue.market(parameters)
    kind, label = KINDS.get(str(parameters.get("type", "limit"))), str(parameters.get("label", ""))
    force = FORCES.get(str(parameters.get("time_in_force", "good_til_cancelled")))
    if kind is None or force is None:
        raise invalid("type" if kind is None else "time_in_force", "value not supported")
    if len(label) > LABEL_LENGTH_MAX:
        raise invalid("label", f"must be at most {LABEL_LENGTH_MAX} characters")
    steps = _steps(market.spec, parameters)
    ticks = _ticks(market, parameters, side) if kind == LIMIT else None
    if _flag(parameters, "post_only"):
        force = GTX
        if ticks is not None and not _flag(parameters, "reject_post_only"):
            ticks = _behind(market, ticks, side)
    ticket = Ticket(
        account=account,
        symbol=market.spec.symbol,
        side=side,
        kind=kind,
        time_in_force=IOC if kind == MARKET else force,
        ticks=ticks,
        steps=steps,
        reduce_only=_flag(parameters, "reduce_only"),
        client_id=f"{label}{rows.LABEL_END}{uuid.uuid4().hex}" if label else None,
    )
    return _answer(venue, market, _carried(lambda: venue.engine.place(ticket)))


def _answer(venue: Deribit, market: Market, order: Order) -> Row:
    trades = trades_of_order(venue, order.account, market, order.id) if order.executed else []
    return {"order": rows.order_row(market.spec, order), "trades": trades}


def _in_time(venue: Deribit, parameters: Parameters) -> None:
    """Refuse a request that was valid until a time which is over."""
    if "valid_until" in parameters and venue.now_ms() > whole(parameters, "valid_until", 0):
        raise Refused(TIMED_OUT, "timed_out")


def _resting(venue: Deribit, account: str, parameters: Parameters) -> tuple[Market, Resting]:
    symbol, number = rows.order_of(str(parameters.get("order_id", ""))) or ("", 0)
    resting = venue.engine.orders.find(account, symbol, order_id=number, client_id=None)
    if resting is not None:
        return venue.markets[symbol], resting
    if venue.ledger.order(account, symbol, order_id=number, client_id=None) is not None:
        raise Refused(NOT_OPEN, "not_open_order")
    raise Refused(ORDER_NOT_FOUND, "order_not_found")


def _carried(act: Callable[[], Carried]) -> Carried:
    try:
        return act()
    except RequestRefused as refusal:
        raise of_engine(refusal) from refusal


def _behind(market: Market, ticks: int, side: str) -> int:
    """Move a price that would take just behind the touch, as the venue does with one that may only rest."""
    book = market.book
    if side == "BUY":
        return min(ticks, book.asks.best - 1) if book.asks.keys else ticks
    return max(ticks, book.bids.best + 1) if book.bids.keys else ticks


def _flag(parameters: Parameters, name: str) -> bool:
    told = str(parameters.get(name, "false")).lower()
    if told not in ("true", "false"):
        raise invalid(name, "must be true or false")
    return told == "true"


def _steps(spec: Spec, parameters: Parameters) -> int:
    """Read an amount, which is in USD, as a number of contracts. Raise Refused."""
    steps = _number(parameters, "amount") / spec.contract_size
    if steps <= 0 or steps != steps.to_integral_value():
        raise invalid("amount", "must be a multiple of the minimum order size")
    if steps > spec.quantity_max:
        raise invalid("amount", "must be less than the maximum order size")
    return int(steps)


def _ticks(market: Market, parameters: Parameters, side: str) -> int:
    price = _number(parameters, "price")
    ticks = price / market.spec.tick_size
    if price <= 0 or ticks != ticks.to_integral_value():
        raise invalid("price", "must conform to tick size")
    mark, band = Decimal(f"{market.mark:.8f}"), Decimal(str(PRICE_BAND))
    if side == "BUY" and price > mark * (1 + band):
        raise Refused(10007, f"price_too_high {mark * (1 + band):.2f}")
    if side == "SELL" and price < mark * (1 - band):
        raise Refused(10005, f"price_too_low {mark * (1 - band):.2f}")
    return int(ticks)


def _number(parameters: Parameters, name: str) -> Decimal:
    told = str(parameters.get(name, ""))
    try:
        number = Decimal(told)
    except InvalidOperation:
        raise invalid(name, "must be a number") from None
    if not number.is_finite() or len(told) > DIGITS_MAX:
        raise invalid(name, "must be a number")
    return number
