"""The signed REST endpoints that place, amend and cancel orders, one by one and in batches."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from sandbox.binance import errors, filters
from sandbox.binance.errors import RequestRefused
from sandbox.binance.exchange import Exchange
from sandbox.binance.history import order_row
from sandbox.binance.markets import Parameters, integer
from sandbox.instruments import Spec
from sandbox.matching.tickets import LIMIT
from sandbox.rows import Order

PLACED_AT_ONCE_MAX = 5
CANCELED_AT_ONCE_MAX = 10
ALL_CANCELED = {"code": 200, "msg": "The operation of cancel all open order is done."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer to a write and the headers that go with it."""

    answer: Any
    headers: dict[str, str]


def place(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Take one order in. Raise RequestRefused."""
    headers = exchange.order_counts.count(account, exchange.now_ms())
    return Done(answer=_placed(exchange, account, parameters), headers=headers)


def _placed(exchange: Exchange, account: str, parameters: Parameters) -> dict[str, Any]:
    market = exchange.market(parameters.get("symbol"))
    ticket = filters.ticket_of(market, account, parameters)
    order = exchange.engine.place(ticket)
    if parameters.get("newOrderRespType") != "RESULT":
        zero = Decimal(0)
        order = replace(order, status="NEW", executed=zero, value=zero, average_price=zero)
    return written(market.spec, order)


def test(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Hold an order against the filters without sending it to the book. Raise RequestRefused."""
    filters.ticket_of(exchange.market(parameters.get("symbol")), account, parameters)
    return Done(answer={}, headers={})


def place_batch(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Take up to five orders in; each is answered for itself. Raise RequestRefused."""
    rows = _list(parameters, "batchOrders", PLACED_AT_ONCE_MAX)
    headers = exchange.order_counts.count(account, exchange.now_ms(), len(rows))
    answers: list[Any] = []
    for row in rows:
        if not isinstance(row, dict):
            raise errors.malformed("batchOrders")
        given = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in row.items()}
        answers.append(_each(partial(_placed, exchange, account, given)))
    return Done(answer=answers, headers=headers)


def amend(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Give an open limit order a new price and quantity. Raise RequestRefused."""
    market = exchange.market(parameters.get("symbol"))
    spec, side = market.spec, filters.required(parameters, "side")
    order_id, client_id = ids(parameters)
    resting = exchange.engine.resting(account, spec.symbol, order_id=order_id, client_id=client_id)
    order = resting.order
    if side != order.side:
        raise RequestRefused(400, -1117, "Invalid side.")
    if order.kind != LIMIT:
        raise errors.only_limit_orders()
    if not spec.inverse:  # COIN-M also takes one of the two alone
        filters.required(parameters, "quantity")
        filters.required(parameters, "price")
    quantity = parameters.get("quantity") or f"{order.quantity:f}"
    steps = filters.quantity_steps(spec, quantity)
    ticks = filters.price_ticks(market, parameters.get("price") or order.price, side)
    filters.check_notional(market, steps, ticks, reduce_only=order.reduce_only)
    headers = exchange.order_counts.count(account, exchange.now_ms())
    return Done(answer=written(spec, exchange.engine.amend(resting, ticks, steps)), headers=headers)


def cancel(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Cancel one open order by the venue's or the client's id. Raise RequestRefused."""
    spec = exchange.market(parameters.get("symbol")).spec
    order_id, client_id = ids(parameters)
    return Done(answer=_canceled(exchange, account, spec, order_id, client_id), headers={})


def _canceled(
    exchange: Exchange, account: str, spec: Spec, order_id: int | None, client_id: str | None
) -> dict[str, Any]:
    resting = exchange.engine.resting(account, spec.symbol, order_id=order_id, client_id=client_id)
    return written(spec, exchange.engine.cancel(resting))


def cancel_batch(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Cancel up to ten open orders; each is answered for itself. Raise RequestRefused."""
    spec = exchange.market(parameters.get("symbol")).spec
    lowered = {name.lower(): value for name, value in parameters.items()}
    wanted: list[tuple[int | None, str | None]]
    if lowered.get("orderidlist"):
        wanted = [
            (integer({"orderId": str(each)}, "orderId"), None)
            for each in _list(lowered, "orderidlist", CANCELED_AT_ONCE_MAX)
        ]
    else:
        wanted = [(None, str(each)) for each in _list(lowered, "origclientorderidlist", CANCELED_AT_ONCE_MAX)]
    answers = [_each(partial(_canceled, exchange, account, spec, *pair)) for pair in wanted]
    return Done(answer=answers, headers={})


def cancel_all(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Cancel every open order of a contract. Raise RequestRefused."""
    exchange.engine.cancel_all(account, exchange.market(parameters.get("symbol")).spec.symbol)
    return Done(answer=ALL_CANCELED, headers={})


def ids(parameters: Parameters) -> tuple[int | None, str | None]:
    """Read the id of an order, the venue's before the client's. Raise RequestRefused when there is none."""
    order_id, client_id = integer(parameters, "orderId"), parameters.get("origClientOrderId")
    if order_id is None and not client_id:
        message = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        raise RequestRefused(400, -1102, message)
    return order_id, client_id


def set_leverage(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Set how many times its initial margin a position may be worth. Raise RequestRefused."""
    spec, wanted = exchange.market(parameters.get("symbol")).spec, integer(parameters, "leverage")
    if wanted is None or not 1 <= wanted <= spec.brackets[0].leverage:
        raise RequestRefused(400, -4028, f"Leverage {parameters.get('leverage', '')} is not valid")
    before = exchange.accounts.leverage(account, spec.symbol)
    exchange.accounts.set_leverage(account, spec.symbol, wanted)
    if wanted < before and exchange.liquidation.cross.pool(account, spec.symbol).free < 0:
        exchange.accounts.set_leverage(account, spec.symbol, before)
        raise RequestRefused(400, -2019, "Margin is insufficient.")
    most = {"maxQty": str(spec.quantity_max)} if spec.inverse else {"maxNotionalValue": str(spec.brackets[-1].cap)}
    return Done(answer={"symbol": spec.symbol, "leverage": wanted} | most, headers={})


def set_margin_type(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Answer that margin is crossed already. Raise RequestRefused."""
    exchange.market(parameters.get("symbol"))
    if filters.required(parameters, "marginType") == "CROSSED":
        raise RequestRefused(400, -4046, "No need to change margin type.")
    raise RequestRefused(400, -4067, "Position side cannot be changed if there exists open orders.")


def set_position_mode(exchange: Exchange, account: str, parameters: Parameters) -> Done:
    """Answer that positions are one-way already. Raise RequestRefused."""
    if not filters.flag(parameters, "dualSidePosition"):
        raise RequestRefused(400, -4059, "No need to change position side.")
    raise RequestRefused(400, -4068, "Position side cannot be changed if there exists position.")


def written(spec: Spec, order: Order) -> dict[str, Any]:
    """Describe an order as the answer to a write does."""
    row = order_row(spec, order)
    del row["time"]
    return row | {"cumQty": row["executedQty"]}


def _each(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do one part of a batch; a refusal is its answer."""
    try:
        return act()
    except RequestRefused as refusal:
        return {"code": refusal.code, "msg": refusal.message}


def _list(parameters: Parameters, name: str, most: int) -> list[Any]:
    try:
        rows = json.loads(parameters.get(name) or "")
    except ValueError as problem:
        raise errors.missing(name) from problem
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        raise errors.malformed(name)
    return rows


Write = Callable[[Exchange, str, Parameters], Done]
WRITES: dict[tuple[str, str], Write] = {
    ("POST", "order"): place,
    ("POST", "order/test"): test,
    ("POST", "batchOrders"): place_batch,
    ("PUT", "order"): amend,
    ("DELETE", "order"): cancel,
    ("DELETE", "batchOrders"): cancel_batch,
    ("DELETE", "allOpenOrders"): cancel_all,
    ("POST", "leverage"): set_leverage,
    ("POST", "marginType"): set_margin_type,
    ("POST", "positionSide/dual"): set_position_mode,
}
