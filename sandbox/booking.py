"""Bookkeeping of orders: a new one, each of its fills, the incomes they bring and the position after."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from sandbox import margin
from sandbox.binance.wire import cut, money
from sandbox.instruments import Spec
from sandbox.market import Market
from sandbox.rows import Fill, Income, Order, Position

Part = tuple[int, int, int]  # trade id, ticks, steps
LIQUIDATION = "LIQUIDATION"  # the kind of an order that the venue placed by itself
LIQUIDATED, DELEVERAGED = "autoclose", "adl_autoclose"  # how the id of such an order begins
ZERO = Decimal(0)


def forced_by(order: Order | None) -> str:
    """Tell by which of the two the venue placed an order itself; empty for an order of the account."""
    if order is None or order.kind != LIQUIDATION:
        return ""
    return DELEVERAGED if order.client_id.startswith(DELEVERAGED) else LIQUIDATED


def new_order(
    spec: Spec,
    *,
    order_id: int,
    account: str,
    client_id: str,
    side: str,
    kind: str,
    time_in_force: str,
    ticks: int | None,
    steps: int,
    reduce_only: bool,
    at_ms: int,
) -> Order:
    """Describe an order of which nothing is filled yet."""
    return Order(
        id=order_id,
        account=account,
        symbol=spec.symbol,
        client_id=client_id,
        side=side,
        kind=kind,
        time_in_force=time_in_force,
        price="0" if ticks is None else spec.price_text(ticks),
        quantity=spec.quantity(steps),
        executed=ZERO,
        value=ZERO,
        average_price=ZERO,
        status="NEW",
        reduce_only=reduce_only,
        created_ms=at_ms,
        updated_ms=at_ms,
    )


def after_part(spec: Spec, order: Order, part: Part, at_ms: int) -> Order:
    """Give an order after one more of its fills."""
    _, ticks, steps = part
    quantity, price = spec.quantity(steps), spec.price(ticks)
    fills = [(quantity, price)] if not order.executed else [(order.executed, order.average_price), (quantity, price)]
    executed = order.executed + quantity
    return replace(
        order,
        executed=executed,
        value=order.value + money(margin.notional(quantity, price, spec.contract_size, inverse=spec.inverse)),
        average_price=money(margin.average_entry(fills, inverse=spec.inverse)),
        status="FILLED" if executed >= order.quantity else "PARTIALLY_FILLED",
        updated_ms=at_ms,
    )


def fill_of(spec: Spec, order: Order, part: Part, position: Position, *, maker: bool) -> tuple[Fill, Position]:
    """Give a fill of an order and the position after it; a liquidation pays no commission."""
    trade_id, ticks, steps = part
    quantity, price = spec.quantity(steps), spec.price(ticks)
    rate = ZERO if order.kind == LIQUIDATION else spec.maker_fee if maker else spec.taker_fee
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


def incomes_of(spec: Spec, order: Order, fill: Fill, next_id: Callable[[], int]) -> list[Income]:
    """List what a fill changed in the wallet."""
    amounts = (("REALIZED_PNL", fill.realized), ("COMMISSION", -fill.commission))
    return [income_of(spec, order, kind, amount, str(fill.id), next_id()) for kind, amount in amounts if amount]


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


def holding_of(market: Market, position: Position, leverage: int) -> margin.Holding:
    """Give a position at its market's mark."""
    spec = market.spec
    return margin.Holding(
        quantity=position.quantity,
        entry_price=position.entry_price,
        mark=Decimal(f"{market.mark:.8f}"),
        contract_size=spec.contract_size,
        inverse=spec.inverse,
        leverage=leverage,
        brackets=spec.brackets,
    )
