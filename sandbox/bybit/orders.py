"""Bybit's signed requests that place, amend and cancel orders; each answers with ids alone."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from sandbox.binance.errors import RequestRefused
from sandbox.bybit import rows
from sandbox.bybit.errors import ParameterRefused, Refused, id_is_taken, of_engine, order_is_unknown
from sandbox.bybit.exchange import Bybit
from sandbox.instruments import Spec
from sandbox.market import Market
from sandbox.matching.engine import PRICE_BAND
from sandbox.matching.queues import Resting
from sandbox.matching.tickets import FOK, GTC, GTX, IOC, LIMIT, MARKET, Ticket

Body = Mapping[str, Any]
Answer = dict[str, Any]
Carried = TypeVar("Carried")

FORCES = {"GTC": GTC, "IOC": IOC, "FOK": FOK, "PostOnly": GTX}
SIDES = {"Buy": "BUY", "Sell": "SELL"}
LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
DIGITS_MAX = 30


def create(venue: Bybit, account: str, body: Body) -> Answer:
    """Take an order in. Raise Refused."""
    market = venue.market(text_of(body, "category"), text_of(body, "symbol"))
    link = text_of(body, "orderLinkId")
    if link and not LINK_ID.fullmatch(link):
        raise ParameterRefused("params error: OrderLinkedID is invalid")
    kind = {"Limit": LIMIT, "Market": MARKET}.get(text_of(body, "orderType"))
    side, force = SIDES.get(text_of(body, "side")), FORCES.get(text_of(body, "timeInForce") or "GTC")
    if kind is None or side is None or force is None:
        raise ParameterRefused("params error: side, orderType or timeInForce is invalid")
    if body.get("positionIdx") not in (None, 0, "0", ""):
        raise Refused(10001, "position idx not match position mode")
    reduce_only = _flag(body, "reduceOnly")
    steps = _steps(market.spec, text_of(body, "qty"), kind)
    ticks = _ticks(market, text_of(body, "price"), side) if kind == LIMIT else None
    _require_worth(market, steps, ticks, reduce_only=reduce_only)
    ledger = venue.accounts.ledger
    if link and ledger.order(account, market.spec.symbol, order_id=None, client_id=link) is not None:
        raise id_is_taken()
    ticket = Ticket(
        account=account,
        symbol=market.spec.symbol,
        side=side,
        kind=kind,
        time_in_force=IOC if kind == MARKET else force,
        ticks=ticks,
        steps=steps,
        reduce_only=reduce_only,
        client_id=link or None,
        canceled_if_taking=True,
    )
    order = _carried(lambda: venue.engine.place(ticket))
    return {"orderId": rows.order_id(order.id), "orderLinkId": link}


def amend(venue: Bybit, account: str, body: Body) -> Answer:
    """Give an open limit order another price or quantity. Raise Refused."""
    market, resting = _resting(venue, account, body)
    order = resting.order
    if order.kind != LIMIT:
        raise ParameterRefused("params error: only limit orders can be amended")
    steps = _steps(market.spec, text_of(body, "qty") or f"{order.quantity:f}", LIMIT)
    ticks = _ticks(market, text_of(body, "price") or order.price, order.side)
    _carried(lambda: venue.engine.amend(resting, ticks, steps))
    return _ids(resting)


def cancel(venue: Bybit, account: str, body: Body) -> Answer:
    """Cancel an open order by the venue's or the client's id. Raise Refused."""
    _, resting = _resting(venue, account, body)
    _carried(lambda: venue.engine.cancel(resting))
    return _ids(resting)


def cancel_all(venue: Bybit, account: str, body: Body) -> Answer:
    """Cancel every open order of a contract, of a settlement coin, or of a category. Raise Refused."""
    category, symbol, coin = (text_of(body, name) for name in ("category", "symbol", "settleCoin"))
    markets = [venue.market(category, symbol)] if symbol else venue.of_category(category)
    if category == "linear" and not (symbol or coin or text_of(body, "baseCoin")):
        raise ParameterRefused("params error: symbol, settleCoin or baseCoin is required")
    ended = []
    for market in markets:
        if coin in ("", market.spec.margin_asset):
            ended += venue.engine.cancel_all(account, market.spec.symbol)
    listed = [{"orderId": rows.order_id(each.id), "orderLinkId": each.client_id} for each in ended]
    return {"list": listed, "success": "1"}


def set_leverage(venue: Bybit, account: str, body: Body) -> Answer:
    """Set how many times its initial margin a position may be worth, both ways alike. Raise Refused."""
    spec = venue.market(text_of(body, "category"), text_of(body, "symbol")).spec
    told = text_of(body, "buyLeverage")
    if told != text_of(body, "sellLeverage"):
        raise ParameterRefused("params error: buy leverage must equal sell leverage")
    wanted = _number(told, "leverage")
    if wanted != int(wanted) or not 1 <= wanted <= spec.brackets[0].leverage:
        raise ParameterRefused("params error: leverage invalid")
    before = venue.accounts.leverage(account, spec.symbol)
    if before == wanted:
        raise Refused(110043, "leverage not modified")
    venue.accounts.set_leverage(account, spec.symbol, int(wanted))
    if wanted < before and venue.cross.pool(account, spec.symbol).free < 0:
        venue.accounts.set_leverage(account, spec.symbol, before)
        raise Refused(110007, "ab not enough for new leverage")
    return {}


def switch_mode(venue: Bybit, account: str, body: Body) -> Answer:
    """Answer that positions are one-way already. Raise Refused."""
    if body.get("mode") in (0, "0"):
        raise Refused(110025, "Position mode is not modified")
    raise Refused(110024, "Position mode cannot be changed while a position or an order is open")


def text_of(body: Body, name: str) -> str:
    """Read a field of a body as a text, empty when it is absent."""
    value = body.get(name)
    return "" if value is None else str(value)


def find(body: Body) -> tuple[int | None, str | None]:
    """Read which order is meant: the engine's number, else the client's id. Raise Refused."""
    told, link = text_of(body, "orderId"), text_of(body, "orderLinkId")
    if told:
        number = rows.number_of(told)
        return (number, None) if number is not None else (0, None)
    if not link:
        raise ParameterRefused("params error: OrderId or orderLinkId is required")
    return None, link


def _resting(venue: Bybit, account: str, body: Body) -> tuple[Market, Resting]:
    market = venue.market(text_of(body, "category"), text_of(body, "symbol"))
    number, link = find(body)
    found = venue.engine.orders.find(account, market.spec.symbol, order_id=number, client_id=link)
    if found is None:
        raise order_is_unknown()
    return market, found


def _ids(resting: Resting) -> Answer:
    order = resting.order
    return {"orderId": rows.order_id(order.id), "orderLinkId": order.client_id}


def _carried(act: Callable[[], Carried]) -> Carried:
    try:
        return act()
    except RequestRefused as refusal:
        raise of_engine(refusal) from refusal


def _flag(body: Body, name: str) -> bool:
    value = body.get(name, False)
    if value not in (True, False, "true", "false"):
        raise ParameterRefused(f"params error: {name} is invalid")
    return value in (True, "true")


def _steps(spec: Spec, told: str, kind: str) -> int:
    quantity = _number(told, "Qty")
    steps = quantity.scaleb(spec.quantity_decimals)
    if quantity <= 0 or steps != steps.to_integral_value():
        raise ParameterRefused("Qty invalid")
    if quantity > spec.quantity_max // (5 if kind == MARKET else 1):
        raise ParameterRefused("The number of contracts exceeds maximum limit allowed: too large")
    return int(steps)


def _ticks(market: Market, told: str, side: str) -> int:
    price = _number(told, "Price")
    ticks = price.scaleb(market.spec.price_decimals)
    if price <= 0 or ticks != ticks.to_integral_value():
        raise ParameterRefused("Price invalid")
    mark = Decimal(f"{market.mark:.8f}")
    if (side == "BUY" and price > mark * (1 + Decimal(str(PRICE_BAND)))) or (
        side == "SELL" and price < mark * (1 - Decimal(str(PRICE_BAND)))
    ):
        raise Refused(110003, "Order price exceeds the allowable range.")
    return int(ticks)


def _require_worth(market: Market, steps: int, ticks: int | None, *, reduce_only: bool) -> None:
    spec = market.spec
    price = spec.price(ticks if ticks is not None else market.mark_ticks)
    if not spec.inverse and not reduce_only and spec.quantity(steps) * price < spec.notional_min:
        raise Refused(110094, f"Order does not meet minimum order value {spec.notional_min}USDT")


def _number(told: str, name: str) -> Decimal:
    try:
        number = Decimal(told)
    except InvalidOperation as problem:
        raise ParameterRefused(f"{name} invalid") from problem
    if not number.is_finite() or len(told) > DIGITS_MAX:
        raise ParameterRefused(f"{name} invalid")
    return number


Write = Callable[[Bybit, str, Body], Answer]
WRITES: dict[str, Write] = {
    "order/create": create,
    "order/amend": amend,
    "order/cancel": cancel,
    "order/cancel-all": cancel_all,
    "position/set-leverage": set_leverage,
    "position/switch-mode": switch_mode,
}
