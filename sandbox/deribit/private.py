"""Deribit's signed reads of an account: summaries, positions, orders, trades, the transaction log."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sandbox.deribit import contracts, rows
from sandbox.deribit.exchange import Deribit
from sandbox.deribit.markets import whole
from sandbox.deribit.refusals import ORDER_NOT_FOUND, Refused, invalid
from sandbox.ledger import ROWS_MAX
from sandbox.market import Market
from sandbox.rows import Fill, Order

Parameters = Mapping[str, Any]
Row = dict[str, Any]

COUNT = 20  # rows of a list unless more are asked for
COUNT_MAX = 1_000
RECENT_MS = 86_400_000  # how old a trade may be in the list of the recent ones
LATEST = 10**15 - 1  # of times and numbers
OVER = "status NOT IN ('NEW', 'PARTIALLY_FILLED')"


def summary(venue: Deribit, account: str, currency: str) -> Row:
    """Describe what the account has of a currency, and what that margins; of one without contracts there is nothing."""
    pool, settlements = venue.cross.asset_pool(account, currency), venue.settlements
    balance, floating = settlements.balance(account, currency), settlements.floating(account, currency)
    realized = pool.balance - balance - floating
    values = {
        "balance": balance,
        "equity": pool.balance,
        "margin_balance": pool.balance,
        "available_funds": pool.free,
        "available_withdrawal_funds": pool.available,
        "initial_margin": pool.initial_margin,
        "maintenance_margin": pool.maintenance,
        "projected_initial_margin": pool.initial_margin,
        "projected_maintenance_margin": pool.maintenance,
        "session_upl": floating,
        "session_rpl": realized,
        "session_funding": Decimal(0),
        "futures_session_upl": floating,
        "futures_session_rpl": realized,
        "futures_pl": floating + realized,
        "total_pl": floating + realized,
        "options_value": Decimal(0),
        "options_pl": Decimal(0),
        "options_session_upl": Decimal(0),
        "options_session_rpl": Decimal(0),
        "spot_reserve": Decimal(0),
        "fee_balance": Decimal(0),
        "additional_reserve": Decimal(0),
        "delta_total": pool.balance,
    }
    told: Row = {name: rows.coins(value) for name, value in values.items()}
    return told | {
        "currency": currency,
        "margin_model": "segregated_sm",
        "portfolio_margining_enabled": False,
        "cross_collateral_enabled": False,
        "limits": {"non_matching_engine": {"rate": 20, "burst": 100}, "matching_engine": {"rate": 5, "burst": 20}},
    }


def account_summary(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Give the summary of one currency."""
    return summary(venue, account, _currency(parameters)) | _holder(account)


def account_summaries(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Give the summaries of all currencies."""
    return _holder(account) | {"summaries": [summary(venue, account, code) for code in contracts.CURRENCIES]}


def position(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Describe the position in a contract, flat or not."""
    return _position(venue, account, venue.market(parameters))


def positions(venue: Deribit, account: str, parameters: Parameters) -> list[Row]:
    """List the open positions of a currency, or of any."""
    code = str(parameters.get("currency", "any"))
    if code != "any":
        _currency(parameters)
    if parameters.get("kind", "future") not in ("future", "any"):
        return []
    return [
        _position(venue, account, market)
        for symbol, market in venue.markets.items()
        if code in ("any", market.spec.coin) and venue.accounts.position(account, symbol).quantity
    ]


def open_orders(venue: Deribit, account: str, parameters: Parameters) -> list[Row]:
    """List open orders, latest first."""
    return [rows.order_row(market.spec, each) for market, each in _open(venue, account, _markets(venue, parameters))]


def order_history(venue: Deribit, account: str, parameters: Parameters) -> list[Row]:
    """List orders that ended, latest first; those that nothing was filled of when they are asked for."""
    count, offset = whole(parameters, "count", COUNT), whole(parameters, "offset", 0)
    is_all = str(parameters.get("include_unfilled", "false")).lower() == "true"
    found: list[tuple[Market, Order]] = []
    for market in _markets(venue, parameters):
        ended = venue.ledger.orders(account, market.spec.symbol, OVER, (), ROWS_MAX, latest=True)
        found += [(market, each) for each in ended if is_all or each.executed]
    found.sort(key=lambda each: -each[1].id)
    return [rows.order_row(market.spec, each) for market, each in found[offset : offset + min(count, COUNT_MAX)]]


def order_state(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """Describe one order."""
    meant = rows.order_of(str(parameters.get("order_id", "")))
    symbol, number = meant or ("", 0)
    if symbol in venue.markets:
        order = venue.ledger.order(account, symbol, order_id=number, client_id=None)
        if order is not None:
            return rows.order_row(venue.markets[symbol].spec, order)
    raise Refused(ORDER_NOT_FOUND, "order_not_found")


def order_state_by_label(venue: Deribit, account: str, parameters: Parameters) -> list[Row]:
    """List the orders of a currency with a label, which several may have, latest first."""
    code, label = _currency(parameters), str(parameters.get("label", ""))
    if not label:
        raise invalid("label", "value required")
    begins = label + rows.LABEL_END
    found: list[Row] = []
    for symbol, market in venue.markets.items():
        if market.spec.coin == code:
            named = ("substr(client_id, 1, ?) = ?", (len(begins), begins))
            orders = venue.ledger.orders(account, symbol, *named, ROWS_MAX, latest=True)[::-1]
            found += [rows.order_row(market.spec, each) for each in orders if rows.label_of(each) == label]
    return found


def trades_by_order(venue: Deribit, account: str, parameters: Parameters) -> list[Row]:
    """List the trades of one order."""
    symbol, number = rows.order_of(str(parameters.get("order_id", ""))) or ("", 0)
    if symbol not in venue.markets:
        raise Refused(ORDER_NOT_FOUND, "order_not_found")
    return trades_of_order(venue, account, venue.markets[symbol], number)


def trades_of_order(venue: Deribit, account: str, market: Market, number: int) -> list[Row]:
    """Describe the trades of an order, by its number."""
    fills = venue.ledger.fills(account, market.spec.symbol, "order_id = ?", (number,), ROWS_MAX)
    return _trades(venue, account, fills)


def trades(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """List trades within a time or from a number on, latest first unless told otherwise.

    Those of the last day and, with `historical`, the older ones are two lists; with `include_old` it is one.
    """
    count = min(whole(parameters, "count", 10), COUNT_MAX)
    since, until = whole(parameters, "start_timestamp", 0), whole(parameters, "end_timestamp", LATEST)
    if str(parameters.get("include_old", "false")).lower() != "true":
        is_old, day_ms = parameters.get("historical") == "true", venue.now_ms() - RECENT_MS
        since, until = (since, min(until, day_ms - 1)) if is_old else (max(since, day_ms), until)
    first, last = whole(parameters, "start_seq", 0), whole(parameters, "end_seq", LATEST)
    is_rising = parameters.get("sorting") == "asc"
    where = ("at_ms BETWEEN ? AND ? AND id BETWEEN ? AND ?", (since, until, first, last))
    found: list[Fill] = []
    for market in _markets(venue, parameters):
        found += venue.ledger.fills(account, market.spec.symbol, *where, count + 1, latest=not is_rising, by_id=True)
    found.sort(key=lambda each: (each.at_ms, each.id), reverse=not is_rising)
    return {"trades": _trades(venue, account, found[:count]), "has_more": len(found) > count}


def transaction_log(venue: Deribit, account: str, parameters: Parameters) -> Row:
    """List what changed the balance of a currency within a time, latest first; `continuation` is where to go on."""
    code, count = _currency(parameters), min(whole(parameters, "count", 100), 250)
    since, until = whole(parameters, "start_timestamp", 0), whole(parameters, "end_timestamp", LATEST)
    offset = whole(parameters, "continuation", 0)
    wanted = str(parameters.get("query", ""))
    where = ("asset = ? AND kind != 'REALIZED_PNL' AND at_ms BETWEEN ? AND ?", (code, since, until))
    incomes = venue.ledger.incomes(account, None, *where, ROWS_MAX, latest=True)[::-1]
    listed = [
        rows.log_row(each, venue.settlements.profit_at(account, code, each.at_ms), account)
        for each in incomes
        if wanted in ("", rows.log_type(each))
    ]
    after = offset + count if offset + count < len(listed) else None
    return {"logs": listed[offset : offset + count], "continuation": after}


def subaccounts(venue: Deribit, account: str, parameters: Parameters) -> list[Row]:
    """List the account alone: it has no others below it."""
    return [_holder(account) | {"is_password": True, "login_enabled": False, "receive_notifications": False}]


Read = Callable[[Deribit, str, Parameters], Any]
READS: dict[str, Read] = {
    "private/get_account_summary": account_summary,
    "private/get_account_summaries": account_summaries,
    "private/get_position": position,
    "private/get_positions": positions,
    "private/get_open_orders_by_instrument": open_orders,
    "private/get_open_orders_by_currency": open_orders,
    "private/get_open_orders": open_orders,
    "private/get_order_history_by_instrument": order_history,
    "private/get_order_history_by_currency": order_history,
    "private/get_order_state": order_state,
    "private/get_order_state_by_label": order_state_by_label,
    "private/get_user_trades_by_order": trades_by_order,
    "private/get_user_trades_by_instrument": trades,
    "private/get_user_trades_by_instrument_and_time": trades,
    "private/get_user_trades_by_currency": trades,
    "private/get_user_trades_by_currency_and_time": trades,
    "private/get_transaction_log": transaction_log,
    "private/get_subaccounts": subaccounts,
}


def _holder(account: str) -> Row:
    return {"id": 1, "username": account, "system_name": account, "email": f"{account}@example.com", "type": "main"}


def _position(venue: Deribit, account: str, market: Market) -> Row:
    symbol = market.spec.symbol
    held, found = venue.accounts.holding(account, symbol), venue.accounts.position(account, symbol)
    settled = venue.settlements.basis(account, symbol) if found.quantity else None
    return rows.position_row(market, found, held, settled, venue.cross.liquidation_price(account, symbol))


def _open(venue: Deribit, account: str, markets: Sequence[Market]) -> list[tuple[Market, Order]]:
    found = [(each, resting.order) for each in markets for resting in venue.engine.orders.of(account, each.spec.symbol)]
    return sorted(found, key=lambda each: -each[1].id)


def _trades(venue: Deribit, account: str, fills: Sequence[Fill]) -> list[Row]:
    found = []
    for fill in fills:
        order = venue.ledger.order(account, fill.symbol, order_id=fill.order_id, client_id=None)
        found.append(rows.trade_row(venue.markets[fill.symbol], fill, order))
    return found


def _markets(venue: Deribit, parameters: Parameters) -> list[Market]:
    """Find the contract that is meant, or those of a currency, or all. Raise Refused."""
    if "instrument_name" in parameters:
        return [venue.market(parameters)]
    if parameters.get("currency", "any") == "any":
        return list(venue.markets.values())
    code = _currency(parameters)
    return [market for market in venue.markets.values() if market.spec.coin == code]


def _currency(parameters: Parameters) -> str:
    code = str(parameters.get("currency", ""))
    if code not in contracts.CURRENCIES:
        raise invalid("currency", "invalid currency")
    return code
