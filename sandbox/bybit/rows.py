"""Bybit's rows of an account, alike over REST and on its private topics: orders, executions, positions, coins."""

import uuid
from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.binance.wire import fixed, plain
from sandbox.booking import DELEVERAGED, LIQUIDATED, forced_by
from sandbox.bybit.contracts import category_of
from sandbox.instruments import Spec
from sandbox.margin import Holding
from sandbox.matching.tickets import FOK, GTX, IOC, MARKET
from sandbox.rows import Fill, Funding, Income, Order, Position

ORDER_IDS = 0x8A3D_52C1_4D7E_4B60 << 64  # the upper half of every order's id, the lower is the engine's number
NUMBER_MAX = (1 << 64) - 1
MADE_BY = {"": "CreateByUser", LIQUIDATED: "CreateByTakeOver_PassThrough", DELEVERAGED: "CreateByAdl_PassThrough"}
EXECUTED_BY = {"": "Trade", LIQUIDATED: "BustTrade", DELEVERAGED: "AdlTrade"}
SIDES = {"BUY": "Buy", "SELL": "Sell"}
STATUSES = {
    "NEW": "New",
    "PARTIALLY_FILLED": "PartiallyFilled",
    "FILLED": "Filled",
    "CANCELED": "Cancelled",
    "EXPIRED": "Cancelled",
    "EXPIRED_IN_MATCH": "Cancelled",
}
OPEN = ("NEW", "PARTIALLY_FILLED")
FORCES = {GTX: "PostOnly", IOC: "IOC", FOK: "FOK"}
LOG_TYPES = {"FUNDING_FEE": "SETTLEMENT", "REALIZED_PNL": "TRADE", "COMMISSION": "TRADE", "INTEREST": "INTEREST"}
ZERO = Decimal(0)


def order_id(number: int) -> str:
    """Print the id of an order."""
    return str(uuid.UUID(int=ORDER_IDS | number))


def number_of(text: str) -> int | None:
    """Read the id of an order, None when it is none of ours."""
    try:
        value = uuid.UUID(text).int
    except ValueError:
        return None
    return value & NUMBER_MAX if value & ~NUMBER_MAX == ORDER_IDS else None


def execution_id(account: str, symbol: str, number: int) -> str:
    """Print the id of an execution, always the same for the same trade of an account."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{account}:{symbol}:{number}"))


def order_row(spec: Spec, row: Order) -> dict[str, Any]:
    """Describe an order."""
    is_over = row.status not in OPEN
    left = ZERO if is_over else row.quantity - row.executed
    force = "IOC" if row.kind == MARKET else FORCES.get(row.time_in_force, "GTC")
    return {
        "symbol": spec.symbol,
        "orderType": "Limit" if row.kind == "LIMIT" else "Market",
        "orderLinkId": "" if row.client_id.startswith(("api_", "web_")) else row.client_id,
        "orderId": order_id(row.id),
        "cancelType": "UNKNOWN" if row.status != "CANCELED" else "CancelByUser",
        "avgPrice": plain(row.average_price) if row.executed else "",
        "stopOrderType": "",
        "lastPriceOnCreated": row.price,
        "orderStatus": STATUSES[row.status],
        "createType": MADE_BY[forced_by(row)],
        "takeProfit": "",
        "stopLoss": "",
        "cumExecValue": plain(row.value),
        "tpslMode": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "triggerPrice": "",
        "blockTradeId": "",
        "rejectReason": _why(row),
        "isLeverage": "",
        "price": row.price,
        "qty": spec_quantity(spec, row.quantity),
        "leavesQty": spec_quantity(spec, left),
        "cumExecQty": spec_quantity(spec, row.executed),
        "positionIdx": 0,
        "timeInForce": force,
        "side": SIDES[row.side],
        "reduceOnly": row.reduce_only,
        "closeOnTrigger": False,
        "placeType": "",
        "orderIv": "",
        "createdTime": str(row.created_ms),
        "updatedTime": str(row.updated_ms),
    }


def _why(row: Order) -> str:
    """Name why an order ended unfilled, as the venue does."""
    if row.status == "EXPIRED":
        return "EC_NoImmediateQtyToFill"
    if row.status == "CANCELED" and row.time_in_force == GTX and row.created_ms == row.updated_ms:
        return "EC_PostOnlyWillTakeLiquidity"
    return "EC_NoError" if row.status in (*OPEN, "FILLED") else "EC_PerCancelRequest"


def execution_row(spec: Spec, row: Fill, order: Order | None, left: Decimal) -> dict[str, Any]:
    """Describe a trade of an account, with its order where that is known and what that had left after it.

    `seq` is alike for all trades of one match and the position after them, as at the venue.
    """
    return _execution(spec) | {
        "createType": MADE_BY[forced_by(order)],
        "orderType": "Limit" if order is not None and order.kind == "LIMIT" else "Market",
        "orderId": order_id(row.order_id),
        "orderLinkId": "" if order is None else order_row(spec, order)["orderLinkId"],
        "orderPrice": "0" if order is None else order.price,
        "orderQty": "0" if order is None else spec_quantity(spec, order.quantity),
        "leavesQty": spec_quantity(spec, left),
        "execId": execution_id(row.account, row.symbol, row.id),
        "execPrice": row.price,
        "execQty": spec_quantity(spec, row.quantity),
        "execValue": plain(row.value),
        "execFee": plain(row.commission),
        "execPnl": plain(row.realized),
        "execType": EXECUTED_BY[forced_by(order)],
        "execTime": str(row.at_ms),
        "feeRate": plain(spec.maker_fee if row.maker else spec.taker_fee),
        "side": SIDES[row.side],
        "isMaker": row.maker,
        "seq": row.at_ms,
    }


def funding_row(spec: Spec, row: Income, funding: Funding | None) -> dict[str, Any]:
    """Describe a funding that was paid (its fee is above 0) or received, as an execution."""
    rate, mark = (Decimal(funding.rate), Decimal(funding.mark)) if funding else (ZERO, ZERO)
    value = abs(row.income / rate) if rate else ZERO
    quantity = (value * mark if spec.inverse else value / mark) if mark else ZERO
    return _execution(spec) | {
        "orderType": "UNKNOWN",
        "orderId": execution_id(row.account, "order", row.id),
        "orderLinkId": "",
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "execId": execution_id(row.account, "funding", row.id),
        "execPrice": plain(mark),
        "execQty": f"{quantity:.{spec.quantity_decimals}f}",
        "execValue": fixed(value),
        "execFee": plain(-row.income),
        "execType": "Funding",
        "execTime": str(row.at_ms),
        "feeRate": plain(rate if row.income * rate < 0 else -rate),
        "side": "Buy" if row.income * rate < 0 else "Sell",
        "isMaker": False,
        "seq": row.at_ms,
    }


def _execution(spec: Spec) -> dict[str, Any]:
    return {
        "symbol": spec.symbol,
        "stopOrderType": "UNKNOWN",
        "createType": "CreateByUser",
        "feeCurrency": "",  # the venue leaves it empty for contracts: fees are paid in the settlement coin
        "tradeIv": "",
        "markIv": "",
        "markPrice": "",
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": "0",
        "isLeverage": "0",
    }


def position_row(spec: Spec, position: Position, held: Holding, liquidation: Decimal | None) -> dict[str, Any]:
    """Describe a position: size without a sign, its value at the entry, as the venue has them."""
    size, is_flat = abs(position.quantity), not position.quantity
    value = margin.notional(size, position.entry_price, spec.contract_size, inverse=spec.inverse) if size else ZERO
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": f"{spec.brackets[-1].cap:f}",
        "symbol": spec.symbol,
        "side": "" if is_flat else "Buy" if position.quantity > 0 else "Sell",
        "size": spec_quantity(spec, size),
        "positionValue": "" if is_flat else plain(value.quantize(Decimal("1e-8"))),
        "tradeMode": 0,
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "leverage": str(held.leverage),
        "markPrice": fixed(held.mark, spec.price_places),
        "liqPrice": "" if liquidation is None else fixed(liquidation, spec.price_places),
        "bustPrice": "",
        "positionIM": fixed(margin.initial_margin(held)),
        "positionMM": fixed(margin.maintenance_margin(held)),
        "positionBalance": "0",
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": "" if is_flat else fixed(margin.unrealized(held)),
        "curRealisedPnl": plain(position.realized),
        "cumRealisedPnl": plain(position.realized),
        "adlRankIndicator": 0,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(position.updated_ms),
        "updatedTime": str(position.updated_ms),
        "seq": position.updated_ms,
    }


def log_row(category: str, row: Income) -> dict[str, Any]:
    """Describe a line of the transaction log: `change` is what it did to the wallet, whatever the line is of."""
    kind = LOG_TYPES.get(row.kind) or {"TRANSFER": "TRANSFER_IN" if row.income > 0 else "TRANSFER_OUT"}.get(
        row.kind, "BONUS"
    )
    return {
        "id": str(row.id),
        "symbol": row.symbol,
        "category": category,
        "side": "None",
        "transactionTime": str(row.at_ms),
        "type": kind,
        "transSubType": "",
        "qty": "0",
        "size": "0",
        "currency": row.asset,
        "tradePrice": "",
        "funding": plain(row.income) if row.kind == "FUNDING_FEE" else "",
        "fee": plain(-row.income) if row.kind == "COMMISSION" else "0",
        "cashFlow": plain(row.income) if row.kind not in ("FUNDING_FEE", "COMMISSION") else "0",
        "change": plain(row.income),
        "cashBalance": "",
        "feeRate": "",
        "bonusChange": "",
        "tradeId": row.trade_id,
        "orderId": "",
        "orderLinkId": "",
    }


def spec_quantity(spec: Spec, quantity: Decimal) -> str:
    """Print a quantity with the contract's decimals."""
    return f"{quantity:.{spec.quantity_decimals}f}"


def category(spec: Spec) -> dict[str, str]:
    """Name the category, as rows of private topics do."""
    return {"category": category_of(spec)}
