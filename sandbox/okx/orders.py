"""OKX's signed requests that place, amend and cancel orders, one or many: each order has a code of its own."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from sandbox.binance.errors import RequestRefused
from sandbox.instruments import Spec
from sandbox.market import Market
from sandbox.matching.engine import PRICE_BAND
from sandbox.matching.queues import Resting
from sandbox.matching.tickets import FOK, GTC, GTX, IOC, LIMIT, MARKET, Ticket
from sandbox.okx.errors import OF_ENGINE, Refused, of_engine, wrong
from sandbox.okx.exchange import Okx
from sandbox.okx.parameters import Data, Parameters, given, market_of, text_of, whole

Answer = dict[str, Any]
Carried = TypeVar("Carried")

KINDS = {
    "limit": (LIMIT, GTC),
    "post_only": (LIMIT, GTX),
    "ioc": (LIMIT, IOC),
    "fok": (LIMIT, FOK),
    "market": (MARKET, IOC),
}
SIDES = {"buy": "BUY", "sell": "SELL"}
LINK_ID = re.compile(r"[A-Za-z0-9]{1,32}")
DIGITS_MAX = 30
MARKET_PART = 1_000  # a market order may be so many times smaller than the largest limit order
LEVERAGE_TOO_HIGH = Refused("59102", "Leverage exceeds the maximum limit. Please lower the leverage.")


def place(venue: Okx, account: str, body: Parameters) -> Answer:
    """Take an order in. Raise Refused."""
    market, link = market_of(venue.markets, body), text_of(body, "clOrdId")
    if link and not LINK_ID.fullmatch(link):
        raise wrong("clOrdId")
    if given(body, "tdMode") != "cross":
        raise wrong("tdMode")
    if text_of(body, "posSide") not in ("", "net"):
        raise wrong("posSide")
    kind, force = KINDS.get(given(body, "ordType"), ("", ""))
    side = SIDES.get(given(body, "side"))
    if not kind or side is None:
        raise wrong("ordType" if side else "side")
    symbol, steps = market.spec.symbol, _steps(market.spec, given(body, "sz"), kind)
    ticks = _ticks(market, given(body, "px"), side) if kind == LIMIT else None
    if link and venue.ledger.order(account, symbol, order_id=None, client_id=link) is not None:
        raise Refused(*OF_ENGINE[-4116])
    ticket = Ticket(
        account=account,
        symbol=symbol,
        side=side,
        kind=kind,
        time_in_force=force,
        ticks=ticks,
        steps=steps,
        reduce_only=_flag(body, "reduceOnly"),
        client_id=link or None,
        canceled_if_taking=True,
    )
    order = _carried(lambda: venue.engine.place(ticket))
    return {"ordId": str(order.id), "clOrdId": link, "tag": text_of(body, "tag"), "ts": str(venue.now_ms())}


def amend(venue: Okx, account: str, body: Parameters) -> Answer:
    """Give an open limit order another price or size. Raise Refused."""
    market, resting = _resting(venue, account, body, "51503", "Order modification failed as the order does not exist.")
    order = resting.order
    if not (text_of(body, "newSz") or text_of(body, "newPx")):
        raise Refused(*OF_ENGINE[-5027])
    steps = _steps(market.spec, text_of(body, "newSz") or f"{order.quantity:f}", LIMIT)
    ticks = _ticks(market, text_of(body, "newPx") or order.price, order.side)
    _carried(lambda: venue.engine.amend(resting, ticks, steps))
    return _ids(resting) | {"reqId": text_of(body, "reqId"), "ts": str(venue.now_ms())}


def cancel(venue: Okx, account: str, body: Parameters) -> Answer:
    """Cancel an open order by the venue's or the client's id. Raise Refused."""
    _, resting = _resting(venue, account, body, *OF_ENGINE[-2011])
    _carried(lambda: venue.engine.cancel(resting))
    return _ids(resting) | {"ts": str(venue.now_ms())}


def set_leverage(venue: Okx, account: str, body: Parameters) -> Data:
    """Set how many times its initial margin a position may be worth. Raise Refused."""
    spec = market_of(venue.markets, body).spec
    if given(body, "mgnMode") != "cross":
        raise wrong("mgnMode")
    wanted = _number(given(body, "lever"), "lever")
    if wanted != int(wanted) or wanted < 1:
        raise wrong("lever")
    if wanted > spec.brackets[0].leverage:
        raise LEVERAGE_TOO_HIGH
    before = venue.accounts.leverage(account, spec.symbol)
    venue.accounts.set_leverage(account, spec.symbol, int(wanted))
    if wanted < before and venue.cross.pool(account, spec.symbol).free < 0:
        venue.accounts.set_leverage(account, spec.symbol, before)
        raise Refused("59108", "Your account leverage is too low and has insufficient margins.")
    return [{"instId": spec.symbol, "lever": str(int(wanted)), "mgnMode": "cross", "posSide": "net"}]


def set_position_mode(venue: Okx, account: str, body: Parameters) -> Data:
    """Answer that positions are one-way already. Raise Refused."""
    wanted = given(body, "posMode")
    if wanted != "net_mode":
        said = "Setting failed. Cancel any open orders, close positions, and stop trading bots first."
        raise Refused("59000", said) if wanted == "long_short_mode" else wrong("posMode")
    return [{"posMode": wanted}]


Trade = Callable[[Okx, str, Parameters], Answer]
Write = Callable[[Okx, str, Parameters], Data]
TRADES: dict[str, Trade] = {  # of one order, or of a list of them below its other path
    "trade/order": place,
    "trade/batch-orders": place,
    "trade/amend-order": amend,
    "trade/amend-batch-orders": amend,
    "trade/cancel-order": cancel,
    "trade/cancel-batch-orders": cancel,
}
BATCHES = frozenset(path for path in TRADES if "batch" in path)
BATCH_MAX = 20
WRITES: dict[str, Write] = {
    "account/set-leverage": set_leverage,
    "account/set-position-mode": set_position_mode,
}


def _resting(venue: Okx, account: str, body: Parameters, code: str, said: str) -> tuple[Market, Resting]:
    market = market_of(venue.markets, body)
    number, link = whole(body, "ordId"), text_of(body, "clOrdId")
    if number is None and not link:
        raise Refused("51003", "Either client order ID or order ID is required.")
    found = venue.engine.orders.find(
        account, market.spec.symbol, order_id=number, client_id=None if number is not None else link
    )
    if found is None:
        raise Refused(code, said)
    return market, found


def _ids(resting: Resting) -> Answer:
    order = resting.order
    return {"ordId": str(order.id), "clOrdId": "" if order.client_id.startswith("api_") else order.client_id}


def _carried(act: Callable[[], Carried]) -> Carried:
    try:
        return act()
    except RequestRefused as refusal:
        raise of_engine(refusal) from refusal


def _flag(body: Parameters, name: str) -> bool:
    value = body.get(name, False)
    if value not in (True, False, "true", "false", ""):
        raise wrong(name)
    return value in (True, "true")


def _steps(spec: Spec, told: str, kind: str) -> int:
    contracts = _number(told, "sz")
    steps = contracts.scaleb(spec.quantity_decimals)
    if contracts <= 0:
        raise wrong("sz")
    if steps < 1:
        raise Refused("51020", "Your order should meet or exceed the minimum order amount.")
    if steps != steps.to_integral_value():
        raise Refused("51121", "Order quantity must be a multiple of the lot size.")
    if contracts > spec.quantity_max // (MARKET_PART if kind == MARKET else 1):
        raise (
            Refused("51202", "Market order amount exceeds the maximum amount.")
            if kind == MARKET
            else Refused("51005", "Your order amount exceeds the max order amount.")
        )
    return int(steps)


def _ticks(market: Market, told: str, side: str) -> int:
    price = _number(told, "px")
    ticks = price.scaleb(market.spec.price_decimals)
    if price <= 0 or ticks != ticks.to_integral_value():
        raise wrong("px")
    mark, band = Decimal(f"{market.mark:.8f}"), Decimal(str(PRICE_BAND))
    if side == "BUY" and price > mark * (1 + band):
        raise Refused("51137", f"The highest price limit for buy orders is {mark * (1 + band):.2f}.")
    if side == "SELL" and price < mark * (1 - band):
        raise Refused("51138", f"The lowest price limit for sell orders is {mark * (1 - band):.2f}.")
    return int(ticks)


def _number(told: str, name: str) -> Decimal:
    try:
        number = Decimal(told)
    except InvalidOperation:
        raise wrong(name) from None
    if not number.is_finite() or len(told) > DIGITS_MAX:
        raise wrong(name)
    return number
