"""Deribit's rows of an account, alike over REST and on its private channels: orders, trades, positions, the log."""

from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.booking import LIQUIDATED, LIQUIDATION, forced_by
from sandbox.instruments import Spec
from sandbox.margin import Holding
from sandbox.market import Market
from sandbox.matching.tickets import FOK, GTX, IOC, LIMIT
from sandbox.rows import Fill, Income, Order, Position

PERPETUAL = "-PERPETUAL"
PLAIN = "BTC"  # the currency whose orders and trades have no prefix
STATES = {"NEW": "open", "PARTIALLY_FILLED": "open", "FILLED": "filled"}  # all others are cancelled
FORCES = {IOC: "immediate_or_cancel", FOK: "fill_or_kill"}
DIRECTIONS = {"BUY": "buy", "SELL": "sell"}
PLACES = 8
LABEL_END = "#"  # ends the label within the id that the engine wants unique; labels are not, at this venue


def order_id(symbol: str, number: int) -> str:
    """Print the id of an order or a trade."""
    coin = symbol.partition("-")[0]
    return str(number) if coin == PLAIN else f"{coin}-{number}"


def order_of(text: str) -> tuple[str, int] | None:
    """Read the id of an order: the contract's symbol and the number; None when it is none."""
    coin, _, number = text.rpartition("-")
    if not number.isdecimal() or len(number) > PLACES * 2:
        return None
    return f"{coin or PLAIN}{PERPETUAL}", int(number)


def label_of(order: Order) -> str:
    """Give the label of an order, empty when it has none."""
    return order.client_id.rpartition(LABEL_END)[0]


def amount(spec: Spec, quantity: Decimal) -> float:
    """Print a quantity in USD."""
    return float(quantity * spec.contract_size)


def coins(value: Decimal) -> float:
    """Print an amount of coins."""
    return float(round(value, PLACES))


def order_row(spec: Spec, row: Order) -> dict[str, Any]:
    """Describe an order."""
    is_limit = row.kind == LIMIT
    found: dict[str, Any] = {
        "web": False,
        "time_in_force": FORCES.get(row.time_in_force, "good_til_cancelled"),
        "replaced": False,
        "reduce_only": row.reduce_only,
        "price": float(row.price) if is_limit else "market_price",
        "post_only": row.time_in_force == GTX,
        "order_type": "limit" if is_limit else "liquidation" if row.kind == LIQUIDATION else "market",
        "order_state": STATES.get(row.status, "cancelled"),
        "order_id": order_id(spec.symbol, row.id),
        "max_show": amount(spec, row.quantity),
        "last_update_timestamp": row.updated_ms,
        "label": label_of(row),
        "is_rebalance": False,
        "is_liquidation": row.kind == LIQUIDATION,
        "instrument_name": spec.symbol,
        "filled_amount": amount(spec, row.executed),
        "direction": DIRECTIONS[row.side],
        "creation_timestamp": row.created_ms,
        "contracts": float(row.quantity),
        "average_price": float(row.average_price),
        "api": True,
        "amount": amount(spec, row.quantity),
    }
    if found["order_state"] == "cancelled":
        found["cancel_reason"] = "user_request" if row.status == "CANCELED" else "ioc_cancel"
    return found


def trade_row(market: Market, row: Fill, order: Order | None) -> dict[str, Any]:
    """Describe a trade of an account, with its order where that is known."""
    spec = market.spec
    found: dict[str, Any] = {
        "trade_seq": row.id,
        "trade_id": order_id(row.symbol, row.id),
        "timestamp": row.at_ms,
        "tick_direction": 1,
        "state": STATES.get(order.status, "cancelled") if order else "filled",
        "self_trade": False,
        "reduce_only": bool(order and order.reduce_only),
        "profit_loss": coins(row.realized),
        "price": float(row.price),
        "post_only": bool(order and order.time_in_force == GTX),
        "order_type": "limit" if order and order.kind == LIMIT else "market",
        "order_id": order_id(row.symbol, row.order_id),
        "matching_id": None,
        "mark_price": round(market.mark, spec.price_places),
        "liquidity": "M" if row.maker else "T",
        "label": label_of(order) if order else "",
        "instrument_name": row.symbol,
        "index_price": round(market.prices.index, spec.price_places),
        "fee_currency": row.commission_asset,
        "fee": coins(row.commission),
        "direction": DIRECTIONS[row.side],
        "contracts": float(row.quantity),
        "api": True,
        "amount": amount(spec, row.quantity),
    }
    if forced_by(order) == LIQUIDATED:
        found["liquidation"] = "T"
    return found


def position_row(
    market: Market, position: Position, held: Holding, settled: Decimal | None, liquidation: Decimal | None
) -> dict[str, Any]:
    """Describe a position; `settled` is what its profit of this session is reckoned from, none where it is flat."""
    spec, quantity = market.spec, position.quantity
    value = margin.notional(quantity, held.mark, spec.contract_size, inverse=spec.inverse)
    total = margin.unrealized(held)
    floating = total
    if settled is not None:
        floating = margin.profit(quantity, settled, held.mark, spec.contract_size, inverse=spec.inverse)
    return {
        "total_profit_loss": coins(total),
        "size_currency": coins(value),
        "size": amount(spec, quantity),
        "settlement_price": float(round(settled or position.entry_price, PLACES)),
        "realized_profit_loss": 0.0,
        "realized_funding": 0.0,
        "open_orders_margin": 0.0,
        "mark_price": float(held.mark),
        "maintenance_margin": coins(margin.maintenance_margin(held)),
        "leverage": held.leverage,
        "kind": "future",
        "interest_value": 0.0,
        "instrument_name": spec.symbol,
        "initial_margin": coins(margin.initial_margin(held)),
        "index_price": round(market.prices.index, spec.price_places),
        "floating_profit_loss": coins(floating),
        "estimated_liquidation_price": None if liquidation is None else float(round(liquidation, spec.price_places)),
        "direction": "zero" if not quantity else "buy" if quantity > 0 else "sell",
        "delta": coins(value),
        "average_price": float(position.entry_price) if quantity else 0.0,
    }


LOG_TYPES = {"FUNDING_FEE": "settlement", "COMMISSION": "trade", "TRANSFER": "transfer"}


def log_type(row: Income) -> str:
    """Name the type of a line of the transaction log."""
    return LOG_TYPES.get(row.kind, "correction")


def log_row(row: Income, session: Decimal, name: str) -> dict[str, Any]:
    """Describe a line of the transaction log; `session` is the profit that a settlement brought into the balance."""
    is_settlement = row.kind == "FUNDING_FEE"
    found: dict[str, Any] = {
        "id": row.id,
        "user_seq": row.id,
        "user_id": 1,
        "username": name,
        "type": log_type(row),
        "timestamp": row.at_ms,
        "currency": row.asset,
        "change": coins(row.income + session if is_settlement else row.income),
        "cashflow": coins(session) if is_settlement else 0.0,
        "commission": coins(-row.income) if row.kind == "COMMISSION" else 0.0,
        "trade_id": order_id(row.symbol, int(row.trade_id)) if row.symbol and row.trade_id.isdecimal() else None,
        "instrument_name": row.symbol or None,
        "info": None,
    }
    if is_settlement:
        found |= {"interest_pl": coins(row.income), "total_interest_pl": coins(row.income)}
        found |= {"session_rpl": coins(session), "session_upl": 0.0}
    return found
