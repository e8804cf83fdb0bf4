"""Bookkeeping of one order: its fills, the incomes they bring and the position after each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sandbox import margin
from sandbox.binance.wire import cut, money
from sandbox.instruments import Spec
from sandbox.rows import Fill, Income, Order, Position

Part = tuple[int, int, int]  # trade id, ticks, steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What an order does to an account, fill by fill."""

    order: Order
    fills: list[Fill]
    incomes: list[Income]
    positions: list[Position]  # after each fill


def booking(
    spec: Spec, order: Order, parts: Sequence[Part], before: Position, *, maker: bool, next_id: Callable[[], int]
) -> Booking:
    """Work out the fills of an order from the position before it; a liquidation pays no commission."""
    booked = Booking(order=order, fills=[], incomes=[], positions=[])
    rate = Decimal(0) if order.kind == "LIQUIDATION" else spec.maker_fee if maker else spec.taker_fee
    position = before
    for part in parts:
        fill, position = _filled(spec, order, part, position, rate=rate, maker=maker)
        booked.fills.append(fill)
        booked.positions.append(position)
        for kind, amount in (("REALIZED_PNL", fill.realized), ("COMMISSION", -fill.commission)):
            if amount:
                booked.incomes.append(income_of(spec, order, kind, amount, str(fill.id), next_id()))
    return booked


def _filled(
    spec: Spec, order: Order, part: Part, position: Position, *, rate: Decimal, maker: bool
) -> tuple[Fill, Position]:
    trade_id, ticks, steps = part
    quantity, price = spec.quantity(steps), spec.price(ticks)
    signed = quantity if order.side == "BUY" else -quantity
    total, entry, realized = margin.after_fill(
        position.quantity, position.entry_price, signed, price, spec.contract_size, inverse=spec.inverse
    )
    realized = money(realized)
    value = abs(margin.notional(quantity, price, spec.contract_size, inverse=spec.inverse))
    fill = Fill(
        account=order.account,
        symbol=order.symbol,
        id=trade_id,
        order_id=order.id,
        side=order.side,
        price=spec.price_text(ticks),
        quantity=quantity,
        value=money(value),
        realized=realized,
        commission=cut(value * rate),
        commission_asset=spec.margin_asset,
        maker=maker,
        at_ms=order.updated_ms,
    )
    after = replace(
        position,
        quantity=total,
        entry_price=money(entry),
        realized=position.realized + realized,
        updated_ms=order.updated_ms,
    )
    return fill, after


def income_of(spec: Spec, order: Order, kind: str, amount: Decimal, trade_id: str, number: int) -> Income:
    """Describe an income that an order brought."""
    return Income(
        id=number,
        account=order.account,
        symbol=order.symbol,
        kind=kind,
        income=amount,
        asset=spec.margin_asset,
        info=trade_id or kind,
        trade_id=trade_id,
        at_ms=order.updated_ms,
    )


def filled_order(
    spec: Spec,
    account: str,
    side: str,
    parts: Sequence[Part],
    *,
    maker: bool,
    kind: str,
    at_ms: int,
    order_id: int,
) -> Order:
    """Describe a filled order from its parts."""
    fills = [(spec.quantity(steps), spec.price(ticks)) for _, ticks, steps in parts]
    quantity = sum((each for each, _ in fills), Decimal(0))
    value = sum(
        (margin.notional(each, price, spec.contract_size, inverse=spec.inverse) for each, price in fills), Decimal(0)
    )
    limit = kind == "LIMIT" or maker
    return Order(
        id=order_id,
        account=account,
        symbol=spec.symbol,
        client_id="",
        side=side,
        kind="LIMIT" if limit else kind,
        time_in_force="GTC" if kind != "LIQUIDATION" else "IOC",
        price=spec.price_text(parts[-1][1]) if limit else "0",
        quantity=quantity,
        executed=quantity,
        value=money(value),
        average_price=money(margin.average_entry(fills, inverse=spec.inverse)),
        status="FILLED",
        reduce_only=kind == "LIQUIDATION",
        created_ms=at_ms,
        updated_ms=at_ms,
    )
