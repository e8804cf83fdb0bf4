"""The filters of a contract: what the venue refuses of an order before it looks at the book."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from sandbox.binance import errors
from sandbox.binance.errors import RequestRefused
from sandbox.instruments import Spec
from sandbox.market import Market
from sandbox.matching.engine import PRICE_BAND
from sandbox.matching.tickets import FOK, GTC, GTX, IOC, LIMIT, MARKET, Ticket

Parameters = Mapping[str, str]

CLIENT_ID = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
SIDES = ("BUY", "SELL")
FORCES = (GTC, IOC, FOK, GTX)
RESPONSES = ("ACK", "RESULT")
MARKET_QUANTITY_PART = 5  # a market order may be so many times smaller than the largest limit order
DIGITS_MAX = 30


def ticket_of(market: Market, account: str, parameters: Parameters) -> Ticket:
    """Read a new order and hold it against the contract's filters. Raise RequestRefused."""
    side, kind = required(parameters, "side"), required(parameters, "type")
    if side not in SIDES:
        raise RequestRefused(400, -1117, "Invalid side.")
    if kind not in (LIMIT, MARKET):
        raise RequestRefused(400, -1116, "Invalid orderType.")
    if parameters.get("positionSide", "BOTH") not in ("", "BOTH"):
        raise RequestRefused(400, -4061, "Order's position side does not match user's setting.")
    if parameters.get("newOrderRespType", "ACK") not in RESPONSES:
        raise errors.malformed("newOrderRespType")
    force = _force(parameters, kind)
    reduce_only = flag(parameters, "reduceOnly")
    steps = quantity_steps(market.spec, required(parameters, "quantity"), kind)
    ticks = None
    if kind == LIMIT:
        ticks = price_ticks(market, required(parameters, "price"), side)
    elif parameters.get("price"):
        raise RequestRefused(400, -1106, "Parameter 'price' sent when not required.")
    check_notional(market, steps, ticks, reduce_only=reduce_only)
    return Ticket(
        account=account,
        symbol=market.spec.symbol,
        side=side,
        kind=kind,
        time_in_force=force,
        ticks=ticks,
        steps=steps,
        reduce_only=reduce_only,
        client_id=client_id(parameters),
    )


def required(parameters: Parameters, name: str) -> str:
    """Read a mandatory parameter. Raise RequestRefused."""
    text = parameters.get(name)
    if not text:
        raise errors.missing(name)
    return text


def flag(parameters: Parameters, name: str) -> bool:
    """Read a parameter that is true or false. Raise RequestRefused."""
    text = parameters.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise errors.malformed(name)
    return text == "true"


def _force(parameters: Parameters, kind: str) -> str:
    text = parameters.get("timeInForce", "")
    if kind == MARKET:
        if text:
            raise RequestRefused(400, -1106, "Parameter 'timeInForce' sent when not required.")
        return GTC
    if not text:
        raise errors.missing("timeInForce")
    if text not in FORCES:
        raise RequestRefused(400, -1115, "Invalid timeInForce.")
    return text


def client_id(parameters: Parameters) -> str | None:
    """Read the client's order id. Raise RequestRefused when it is malformed."""
    text = parameters.get("newClientOrderId")
    if not text:
        return None
    if not CLIENT_ID.match(text) or text.endswith("\n"):
        raise errors.client_id_is_malformed()
    return text


def quantity_steps(spec: Spec, text: str, kind: str = LIMIT) -> int:
    """Read a quantity in whole steps. Raise RequestRefused."""
    quantity = _number(text, "quantity")
    if quantity <= 0:
        raise RequestRefused(400, -4003, "Quantity less than or equal to zero.")
    steps = quantity.scaleb(spec.quantity_decimals)
    if steps != steps.to_integral_value():
        raise RequestRefused(400, -1111, "Precision is over the maximum defined for this asset.")
    if quantity > spec.quantity_max // (MARKET_QUANTITY_PART if kind == MARKET else 1):
        raise RequestRefused(400, -4005, "Quantity greater than max quantity.")
    return int(steps)


def price_ticks(market: Market, text: str, side: str) -> int:
    """Read a price in whole ticks within the band around the mark. Raise RequestRefused."""
    spec, price = market.spec, _number(text, "price")
    if price <= 0:
        raise RequestRefused(400, -4001, "Price less than or equal to zero.")
    exponent = price.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > spec.price_places:
        raise RequestRefused(400, -1111, "Precision is over the maximum defined for this asset.")
    ticks = price.scaleb(spec.price_decimals)
    if ticks != ticks.to_integral_value():
        raise RequestRefused(400, -4014, "Price not increased by tick size.")
    mark = Decimal(f"{market.mark:.8f}")
    most, least = (mark * (1 + Decimal(str(band))) for band in (PRICE_BAND, -PRICE_BAND))
    if side == "BUY" and price > most:
        raise RequestRefused(400, -4016, f"Limit price can't be higher than {most:.{spec.price_places}f}.")
    if side == "SELL" and price < least:
        raise RequestRefused(400, -4024, f"Limit price can't be lower than {least:.{spec.price_places}f}.")
    return int(ticks)


def check_notional(market: Market, steps: int, ticks: int | None, *, reduce_only: bool) -> None:
    """Hold the value of an order against the least that the venue takes. Raise RequestRefused."""
    spec = market.spec
    if spec.inverse or reduce_only:
        return
    price = spec.price(ticks if ticks is not None else market.mark_ticks)
    if spec.quantity(steps) * price < spec.notional_min:
        message = f"Order's notional must be no smaller than {spec.notional_min} (unless you choose reduce only)."
        raise RequestRefused(400, -4164, message)


def _number(text: str, name: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as problem:
        raise errors.malformed(name) from problem
    if not number.is_finite() or len(text) > DIGITS_MAX:
        raise errors.malformed(name)
    return number
