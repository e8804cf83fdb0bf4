"""The signed REST endpoints about an account's past: orders, trades and income, with the venue's window rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.binance import errors
from sandbox.binance.exchange import Exchange
from sandbox.binance.markets import Parameters, integer, limit_of
from sandbox.binance.private import spec_quantity
from sandbox.binance.wire import fixed, plain
from sandbox.instruments import Spec
from sandbox.rows import Fill, Income, Order

WINDOW_MS_MAX = 7 * 86_400_000
INCOME_KINDS = {
    "TRANSFER",
    "WELCOME_BONUS",
    "REALIZED_PNL",
    "FUNDING_FEE",
    "COMMISSION",
    "INSURANCE_CLEAR",
    "AUTO_EXCHANGE",
    "DELIVERED_SETTELMENT",
}
OPEN = ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which rows of a history are asked for, and which end of them counts when there are more than the limit."""

    where: str
    values: tuple[int, ...]
    latest: bool


def window_of(parameters: Parameters, now_ms: int, id_name: str, time_column: str) -> Window:
    """Read a window by id or by at most seven days. Raise RequestRefused."""
    first_id = integer(parameters, id_name)
    since, until = integer(parameters, "startTime"), integer(parameters, "endTime")
    if first_id is not None:
        if since is not None or until is not None:
            raise errors.RequestRefused(400, -1128, "Combination of optional parameters invalid.")
        return Window(where="id >= ?", values=(first_id,), latest=False)
    end = until if until is not None else since + WINDOW_MS_MAX if since is not None else now_ms
    begin = since if since is not None else end - WINDOW_MS_MAX
    if begin > end:
        raise errors.RequestRefused(400, -4188, "Start time is greater than end time.")
    if end - begin > WINDOW_MS_MAX:
        raise errors.RequestRefused(400, -1127, "More than 168 hours between startTime and endTime.")
    return Window(where=f"{time_column} BETWEEN ? AND ?", values=(begin, end), latest=since is None)


def order(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """Give one order by the venue's or the client's id."""
    spec = exchange.market(parameters.get("symbol")).spec
    order_id, client_id = integer(parameters, "orderId"), parameters.get("origClientOrderId")
    if order_id is None and not client_id:
        raise errors.missing("orderId")
    found = exchange.accounts.ledger.order(account, spec.symbol, order_id=order_id, client_id=client_id)
    if found is None:
        raise errors.no_order()
    return order_row(spec, found)


def open_order(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """Give one order that is still open."""
    row = order(exchange, account, parameters)
    if row["status"] not in OPEN:
        raise errors.no_order()
    return row


def open_orders(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """List the orders that are still open."""
    symbol = exchange.market(parameters["symbol"]).spec.symbol if parameters.get("symbol") else None
    symbols = [symbol] if symbol else list(exchange.markets)
    rows = [each.order for name in symbols for each in exchange.engine.orders.of(account, name)]
    return [order_row(exchange.markets[row.symbol].spec, row) for row in sorted(rows, key=lambda row: row.id)]


def all_orders(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """List the orders of a contract, oldest first."""
    spec = exchange.market(parameters.get("symbol")).spec
    window = window_of(parameters, exchange.now_ms(), "orderId", "created_ms")
    limit = limit_of(parameters, default=500, most=1000)
    rows = exchange.accounts.ledger.orders(
        account, spec.symbol, window.where, window.values, limit, latest=window.latest
    )
    return [order_row(spec, row) for row in rows]


def forced_orders(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """List the orders by which the venue closed positions."""
    kind = parameters.get("autoCloseType")
    if kind not in (None, "", "LIQUIDATION", "ADL"):
        raise errors.malformed("autoCloseType")
    symbol = exchange.market(parameters["symbol"]).spec.symbol if parameters.get("symbol") else None
    window = window_of(parameters, exchange.now_ms(), "", "created_ms")
    names = {"LIQUIDATION": "autoclose-%", "ADL": "adl_autoclose-%"}.get(kind or "", "%autoclose-%")
    where, values = f"kind = 'LIQUIDATION' AND client_id LIKE ? AND {window.where}", (names, *window.values)
    limit = limit_of(parameters, default=50, most=100)
    rows = exchange.accounts.ledger.orders(account, symbol, where, values, limit, latest=window.latest)
    return [order_row(exchange.markets[row.symbol].spec, row) for row in rows]


def user_trades(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """List the account's trades in a contract, oldest first."""
    spec = exchange.market(parameters.get("symbol")).spec
    window = window_of(parameters, exchange.now_ms(), "fromId", "at_ms")
    where, values = window.where, window.values
    order_id = integer(parameters, "orderId")
    if order_id is not None:
        where, values = f"{where} AND order_id = ?", (*values, order_id)
    limit = limit_of(parameters, default=500, most=1000)
    by_id = "fromId" in parameters
    rows = exchange.accounts.ledger.fills(account, spec.symbol, where, values, limit, latest=window.latest, by_id=by_id)
    return [fill_row(spec, row) for row in rows]


def income(exchange: Exchange, account: str, parameters: Parameters) -> Any:
    """List what changed the account's wallets, oldest first."""
    kind = parameters.get("incomeType")
    if kind and kind not in INCOME_KINDS:
        raise errors.malformed("incomeType")
    symbol = exchange.market(parameters["symbol"]).spec.symbol if parameters.get("symbol") else None
    window = window_of(parameters, exchange.now_ms(), "", "at_ms")
    where: str = window.where
    values: Sequence[Any] = window.values
    if kind:
        where, values = f"{where} AND kind = ?", (*values, kind)
    limit = limit_of(parameters, default=100, most=1000)
    page = integer(parameters, "page")
    if page is not None and page < 1:
        raise errors.malformed("page")
    rows = exchange.accounts.ledger.incomes(
        account,
        symbol,
        where,
        values,
        limit,
        latest=window.latest and page is None,
        offset=((page or 1) - 1) * limit,
    )
    return [income_row(row) for row in rows]


def order_row(spec: Spec, row: Order) -> dict[str, Any]:
    """Describe an order."""
    answer: dict[str, Any] = {
        "orderId": row.id,
        "symbol": row.symbol,
        "status": row.status,
        "clientOrderId": row.client_id,
        "price": row.price,
        "avgPrice": plain(row.average_price),
        "origQty": spec_quantity(spec, row.quantity),
        "executedQty": spec_quantity(spec, row.executed),
        "cumBase" if spec.inverse else "cumQuote": plain(row.value),
        "timeInForce": row.time_in_force,
        "type": row.kind,
        "reduceOnly": row.reduce_only,
        "closePosition": False,
        "side": row.side,
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": row.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "time": row.created_ms,
        "updateTime": row.updated_ms,
    }
    return answer | {"pair": spec.pair} if spec.inverse else answer


def fill_row(spec: Spec, row: Fill) -> dict[str, Any]:
    """Describe a trade of an account."""
    answer: dict[str, Any] = {
        "symbol": row.symbol,
        "id": row.id,
        "orderId": row.order_id,
        "side": row.side,
        "price": row.price,
        "qty": spec_quantity(spec, row.quantity),
        "realizedPnl": fixed(row.realized),
        "commission": fixed(row.commission),
        "commissionAsset": row.commission_asset,
        "time": row.at_ms,
        "positionSide": "BOTH",
        "buyer": row.side == "BUY",
        "maker": row.maker,
    }
    if spec.inverse:
        return answer | {"pair": spec.pair, "marginAsset": spec.margin_asset, "baseQty": fixed(row.value)}
    return answer | {"quoteQty": plain(row.value)}


def income_row(row: Income) -> dict[str, Any]:
    """Describe a line of income."""
    return {
        "symbol": row.symbol,
        "incomeType": row.kind,
        "income": fixed(row.income),
        "asset": row.asset,
        "time": row.at_ms,
        "info": row.info,
        "tranId": row.id,
        "tradeId": row.trade_id,
    }


SignedRead = Callable[[Exchange, str, Parameters], Any]
