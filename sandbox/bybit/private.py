"""Bybit's signed reads of an account: wallet, positions, orders, executions, the transaction log and its settings."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.binance.wire import fixed, plain
from sandbox.bybit import rows
from sandbox.bybit.contracts import category_of
from sandbox.bybit.errors import ParameterRefused
from sandbox.bybit.exchange import Bybit
from sandbox.bybit.lending import HOUR_MS, HOURLY_RATES
from sandbox.bybit.markets import category_of as asked_category
from sandbox.bybit.markets import limit_of, whole
from sandbox.bybit.orders import find
from sandbox.market import Market
from sandbox.rows import Order

Parameters = Mapping[str, str]
Answer = dict[str, Any]

UNIFIED, UNIFIED_2 = "UNIFIED", 6
WINDOW_MS_MAX = 7 * 86_400_000
ROWS_MAX = 10_000
RATES_MS_MAX = 30 * 86_400_000
CLOSED_MAX = 500  # orders that ended and are still listed with the open ones
COLLATERAL = "spot-margin-trade/collateral"
COINS = ("USDT", "USDC", "ETH", "BTC")


def wallet_balance(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """Give the coins of the unified account, and what they margin together in USD."""
    if parameters.get("accountType") != UNIFIED:
        raise ParameterRefused("accountType only support UNIFIED.")
    cross = venue.cross
    (pool,) = cross.pools(account)
    coins = []
    for asset in cross.assets(account):
        held = cross.asset_pool(account, asset)
        coins.append(
            {
                "coin": asset,
                "equity": plain(held.balance),
                "walletBalance": plain(held.wallet),
                "usdValue": fixed(held.balance * cross.price(asset)),
                "locked": "0",
                "availableToWithdraw": "",
                "totalOrderIM": plain(held.order_margin),
                "totalPositionIM": plain(held.position_margin),
                "totalPositionMM": plain(held.maintenance),
                "unrealisedPnl": plain(held.unrealized),
                "cumRealisedPnl": "0",
                "borrowAmount": plain(venue.lending.borrowed(account, asset)),
                "accruedInterest": "0",
                "bonus": "0",
                "marginCollateral": True,
                "collateralSwitch": True,
                "spotHedgingQty": "0",
            }
        )
    totals = {
        "totalEquity": pool.balance,
        "totalWalletBalance": pool.wallet,
        "totalMarginBalance": pool.balance,
        "totalAvailableBalance": pool.available,
        "totalPerpUPL": pool.unrealized,
        "totalInitialMargin": pool.initial_margin,
        "totalMaintenanceMargin": pool.maintenance,
        "accountMMRate": pool.ratio,
    }
    row = {name: fixed(value) for name, value in totals.items()}
    return {"list": [row | {"accountType": UNIFIED, "accountLTV": "0", "coin": coins}]}


def position_list(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """List positions: of one contract (flat too), or the open ones of a settlement coin."""
    category, symbol, coin = asked_category(parameters), parameters.get("symbol"), parameters.get("settleCoin")
    if category == "linear" and not (symbol or coin):
        raise ParameterRefused("params error: symbol or settleCoin is required")
    found = []
    for market in _markets(venue, category, symbol):
        spec, position = market.spec, venue.accounts.position(account, market.spec.symbol)
        if not symbol and (coin not in (None, "", spec.margin_asset) or not position.quantity):
            continue
        held = venue.accounts.holding(account, spec.symbol)
        row = rows.position_row(spec, position, held, venue.cross.liquidation_price(account, spec.symbol))
        found.append(row | {"avgPrice": plain(position.entry_price) if position.quantity else "0"})
    return _page(category, found, parameters, 20, 200)


def realtime(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """List open orders, or with `openOnly=1` the latest that ended."""
    category, market = _asked(venue, parameters)
    if parameters.get("openOnly") == "1":
        return _orders(venue, account, parameters, "status NOT IN ('NEW', 'PARTIALLY_FILLED')", CLOSED_MAX)
    chosen = [market] if market else venue.of_category(category)
    named = _named(parameters)
    coin = parameters.get("settleCoin")
    if category == "linear" and market is None and not coin:
        raise ParameterRefused("params error: symbol, settleCoin or baseCoin is required")
    found = [
        resting.order
        for each in chosen
        if coin in (None, "", each.spec.margin_asset)
        for resting in venue.engine.orders.of(account, each.spec.symbol)
        if named(resting.order)
    ]
    newest_first = sorted(found, key=lambda order: -order.id)
    listed = [rows.order_row(venue.markets[each.symbol].spec, each) for each in newest_first]
    return _page(category, listed, parameters, 20, 50)


def history(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """List orders that ended, latest first."""
    return _orders(venue, account, parameters, "status NOT IN ('NEW', 'PARTIALLY_FILLED')", ROWS_MAX)


def executions(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """List trades, or fundings, latest first, of at most seven days."""
    category, market = _asked(venue, parameters)
    begin, end = _window(venue, parameters)
    kind, symbols = parameters.get("execType", ""), _symbols(venue, category, market)
    if kind not in ("", "Trade", "Funding", "BustTrade"):
        raise ParameterRefused("params error: execType is invalid")
    found: list[Answer] = []
    if kind in ("", "Trade", "BustTrade"):
        found += _trades(venue, account, symbols, begin, end)
    if kind in ("", "Funding"):
        found += _fundings(venue, account, symbols, begin, end)
    link = parameters.get("orderLinkId")
    kept = [
        row
        for row in found
        if kind in ("", row["execType"])
        and link in (None, "", row["orderLinkId"])
        and parameters.get("orderId") in (None, "", row["orderId"])
    ]
    kept.sort(key=lambda row: (-int(row["execTime"]), row["execId"]))  # in a moment in no order that one may count on
    return _page(category, kept, parameters, 50, 100)


def _trades(venue: Bybit, account: str, symbols: set[str], begin: int, end: int) -> list[Answer]:
    """Describe trades, each with what its order had left then: what it has now, and what was traded since."""
    found, since = [], dict[tuple[str, int], Decimal]()
    fills = venue.ledger.fills(account, None, "at_ms >= ?", (begin,), ROWS_MAX, latest=True)
    for fill in sorted((one for one in fills if one.symbol in symbols), key=lambda one: -one.id):
        of = fill.symbol, fill.order_id
        if fill.at_ms <= end:
            order = venue.ledger.order(account, fill.symbol, order_id=fill.order_id, client_id=None)
            left = order.quantity - order.executed + since.get(of, Decimal(0)) if order else Decimal(0)
            found.append(rows.execution_row(venue.markets[fill.symbol].spec, fill, order, left))
        since[of] = since.get(of, Decimal(0)) + fill.quantity
    return found


def _fundings(venue: Bybit, account: str, symbols: set[str], begin: int, end: int) -> list[Answer]:
    where, values = "kind = 'FUNDING_FEE' AND at_ms BETWEEN ? AND ?", (begin, end)
    settled = {
        (each.symbol, each.at_ms): each for each in venue.ledger.fundings(venue.venue, None, begin, end, ROWS_MAX)
    }
    return [
        rows.funding_row(venue.markets[row.symbol].spec, row, settled.get((row.symbol, row.at_ms)))
        for row in venue.ledger.incomes(account, None, where, values, ROWS_MAX, latest=True)
        if row.symbol in symbols
    ]


def transaction_log(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """List what changed the wallets, latest first, of at most seven days."""
    begin, end = _window(venue, parameters)
    wanted = parameters.get("type", "")
    found = []
    for row in venue.ledger.incomes(account, None, "at_ms BETWEEN ? AND ?", (begin, end), ROWS_MAX, latest=True):
        of = category_of(venue.markets[row.symbol].spec) if row.symbol else ""
        told = rows.log_row(of, row)
        is_asked = parameters.get("category") in (None, "", of)
        if is_asked and wanted in ("", told["type"]) and parameters.get("currency") in (None, "", row.asset):
            found.append(told)
    return _page(None, found[::-1], parameters, 20, 50)


def fee_rate(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """Give the account's fees."""
    category = asked_category(parameters)
    listed = [
        {
            "symbol": market.spec.symbol,
            "baseCoin": market.spec.coin,
            "takerFeeRate": plain(market.spec.taker_fee),
            "makerFeeRate": plain(market.spec.maker_fee),
        }
        for market in _markets(venue, category, parameters.get("symbol"))
    ]
    return {"category": category, "list": listed}


def account_info(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """Tell how the account margins: all coins together."""
    return {
        "unifiedMarginStatus": UNIFIED_2,
        "marginMode": "REGULAR_MARGIN",
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
        "updatedTime": "0",
        "dcpStatus": "OFF",
        "timeWindow": 0,
        "smpGroup": 0,
    }


def collateral(venue: Bybit, parameters: Parameters) -> Answer:
    """Tell what coins count for as margin; here each has one ratio whatever its amount."""
    asked = parameters.get("currency")
    rows = [
        {"currency": coin, "collateralRatioList": [{"minQty": "0", "maxQty": "", "collateralRatio": plain(ratio)}]}
        for coin, ratio in venue.cross.ratios.items()
        if asked in (None, "", coin)
    ]
    return {"list": rows}


def query_api(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """Tell what the key may do."""
    return {
        "id": "1",
        "note": account,
        "readOnly": 0,
        "permissions": {"ContractTrade": ["Order", "Position"], "Derivatives": ["DerivativesTrade"], "Wallet": []},
        "ips": ["*"],
        "type": 1,
        "unified": 0,
        "uta": 1,
        "userID": 1,
        "isMaster": True,
    }


def coins(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """List the coins; none moves on a chain here."""
    listed = [{"name": each, "coin": each, "remainAmount": "0", "chains": []} for each in COINS]
    return {"rows": [each for each in listed if parameters.get("coin") in (None, "", each["coin"])]}


def interest_rates(venue: Bybit, account: str, parameters: Parameters) -> Answer:
    """List what a coin's loan cost each hour of a time of at most 30 days, latest first."""
    coin = parameters.get("currency", "")
    if coin not in HOURLY_RATES:
        raise ParameterRefused("params error: currency is invalid")
    end = whole(parameters, "endTime") or venue.now_ms()
    begin = whole(parameters, "startTime") or end - RATES_MS_MAX
    if not 0 <= end - begin <= RATES_MS_MAX:
        raise ParameterRefused("The time range between startTime and endTime cannot exceed 30 days")
    hours = range(-(-begin // HOUR_MS) * HOUR_MS, min(end, venue.now_ms()) + 1, HOUR_MS)
    told = {"currency": coin, "hourlyBorrowRate": plain(HOURLY_RATES[coin]), "vipLevel": "No VIP"}
    return {"list": [{"timestamp": at_ms} | told for at_ms in reversed(hours)]}


Read = Callable[[Bybit, str, Parameters], Answer]
READS: dict[str, Read] = {
    "account/wallet-balance": wallet_balance,
    "account/fee-rate": fee_rate,
    "account/info": account_info,
    "account/transaction-log": transaction_log,
    "position/list": position_list,
    "order/realtime": realtime,
    "order/history": history,
    "execution/list": executions,
    "user/query-api": query_api,
    "asset/coin/query-info": coins,
    "spot-margin-trade/interest-rate-history": interest_rates,
}


def _asked(venue: Bybit, parameters: Parameters) -> tuple[str, Market | None]:
    category, symbol = asked_category(parameters), parameters.get("symbol")
    return category, venue.market(category, symbol) if symbol else None


def _markets(venue: Bybit, category: str, symbol: str | None) -> list[Market]:
    return [venue.market(category, symbol)] if symbol else venue.of_category(category)


def _symbols(venue: Bybit, category: str, market: Market | None) -> set[str]:
    return {each.spec.symbol for each in ([market] if market else venue.of_category(category))}


def _named(parameters: Parameters) -> Callable[[Order], bool]:
    if not (parameters.get("orderId") or parameters.get("orderLinkId")):
        return lambda order: True
    number, link = find(parameters)
    return lambda order: order.id == number if number is not None else order.client_id == link


def _orders(venue: Bybit, account: str, parameters: Parameters, where: str, most: int) -> Answer:
    category, market = _asked(venue, parameters)
    named, symbols = _named(parameters), _symbols(venue, category, market)
    symbol = market.spec.symbol if market else None
    found = venue.ledger.orders(account, symbol, where, (), most, latest=True)
    kept = [each for each in found[::-1] if each.symbol in symbols and named(each)]
    listed = [rows.order_row(venue.markets[each.symbol].spec, each) for each in kept]
    return _page(category, listed, parameters, 20, 50)


def _window(venue: Bybit, parameters: Parameters) -> tuple[int, int]:
    """Read a window of at most seven days, the last seven unless told. Raise ParameterRefused."""
    begin, end = whole(parameters, "startTime"), whole(parameters, "endTime")
    if begin is None:
        end = venue.now_ms() if end is None else end
        begin = end - WINDOW_MS_MAX
    elif end is None:
        end = begin + WINDOW_MS_MAX
    if not 0 <= end - begin <= WINDOW_MS_MAX:
        raise ParameterRefused("The time range between startTime and endTime cannot exceed 7 days")
    return begin, end


def _page(category: str | None, listed: list[Answer], parameters: Parameters, default: int, most: int) -> Answer:
    """Give a page; the cursor is the number of rows before the next one."""
    told, count = parameters.get("cursor", ""), limit_of(parameters, default, most)
    if told and not told.isdecimal():
        raise ParameterRefused("params error: cursor is invalid")
    begin = int(told or 0)
    after = str(begin + count) if begin + count < len(listed) else ""
    page: Answer = {"list": listed[begin : begin + count], "nextPageCursor": after}
    return page if category is None else page | {"category": category}
