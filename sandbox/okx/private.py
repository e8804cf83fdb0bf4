"""OKX's signed reads of an account: settings, coins, positions, orders, fills, bills, fees and leverages."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.binance.wire import fixed, plain
from sandbox.market import Market
from sandbox.okx import rows
from sandbox.okx.contracts import SWAP
from sandbox.okx.discounts import DISCOUNTS
from sandbox.okx.errors import Refused, no_instrument, wrong
from sandbox.okx.exchange import Okx
from sandbox.okx.parameters import Data, Parameters, given, kind_of, market_of, page, text_of, whole
from sandbox.okx.whole import whole_row
from sandbox.rows import Order

DAY_MS = 86_400_000
RECENT_MS, HISTORY_MS = 7 * DAY_MS, 90 * DAY_MS
FILLS_MS = 3 * DAY_MS
ROWS_MAX = 10_000
CANCELED_KEPT_MS = 2 * 3_600_000  # so long an order that was canceled unfilled can still be asked for
COINS = ("USDT", "USDC", "ETH", "BTC")
ENDED = "status NOT IN ('NEW', 'PARTIALLY_FILLED')"
FUTURES_MODE, MULTI_CURRENCY, NET_MODE = "2", "3", "net_mode"


def config(venue: Okx, account: str, parameters: Parameters) -> Data:
    """Tell how the account margins and what its key may do: each coin for itself or all, positions one way."""
    return [
        {
            "uid": "1",
            "mainUid": "1",
            "acctLv": MULTI_CURRENCY if venue.cross.joint(account) else FUTURES_MODE,
            "posMode": NET_MODE,
            "autoLoan": False,
            "greeksType": "PA",
            "level": "Lv1",
            "label": account,
            "perm": "read_only,trade",
            "ctIsoMode": "automatic",
            "mgnIsoMode": "automatic",
            "acctStpMode": "cancel_maker",
            "ip": "",
            "type": "0",
        }
    ]


def balance(venue: Okx, account: str, parameters: Parameters) -> Data:
    """Give the coins of the account, those without anything left out."""
    wanted, now_ms = [each for each in text_of(parameters, "ccy").split(",") if each], venue.now_ms()
    pooled = [each for each in venue.pooled(account) if each.equity or each.asset in wanted]
    total = sum((each.equity * each.price for each in pooled), Decimal(0))
    coins = [rows.coin_row(each, now_ms) for each in pooled if not wanted or each.asset in wanted]
    whole = whole_row(venue.whole(account)) | {"totalEq": fixed(total), "isoEq": "0", "uTime": str(now_ms)}
    return [whole | {"details": coins}]


def positions(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List the open positions, or those of contracts that are named."""
    kind, names = text_of(parameters, "instType"), text_of(parameters, "instId")
    if kind not in ("", SWAP):
        return []
    wanted = [each for each in names.split(",") if each]
    if not set(wanted) <= set(venue.markets):
        raise no_instrument()
    return [row for row in venue.positions(account) if not wanted or row["instId"] in wanted]


def order(venue: Okx, account: str, parameters: Parameters) -> Data:
    """Give one order by the venue's id or the client's. Raise Refused."""
    market = market_of(venue.markets, parameters)
    number, link = whole(parameters, "ordId"), text_of(parameters, "clOrdId")
    if number is None and not link:
        raise Refused("51003", "Either client order ID or order ID is required.")
    found = venue.ledger.order(
        account, market.spec.symbol, order_id=number, client_id=None if number is not None else link
    )
    if found is None or _is_forgotten(found, venue.now_ms()):
        raise Refused("51603", "Order does not exist")
    return [_described(venue, found)]


def pending(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List the open orders, newest first."""
    if text_of(parameters, "instType") not in ("", SWAP):
        return []
    found = [
        resting.order
        for market in _chosen(venue, parameters)
        for resting in venue.engine.orders.of(account, market.spec.symbol)
    ]
    listed = [_described(venue, each) for each in sorted(found, key=lambda each: -each.id)]
    return page(listed, parameters, "ordId")


def ended(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List the orders that ended in the last seven days, newest first."""
    return _ended(venue, account, parameters, RECENT_MS)


def ended_before(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List the orders that ended in the last three months, newest first."""
    return _ended(venue, account, parameters, HISTORY_MS)


def fills(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List the fills of the last three days, newest first."""
    return _fills(venue, account, parameters, FILLS_MS)


def fills_before(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List the fills of the last three months, newest first."""
    kind_of(parameters)
    return _fills(venue, account, parameters, HISTORY_MS)


def bills(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List what changed the wallets in the last seven days, newest first."""
    return _bills(venue, account, parameters, RECENT_MS)


def bills_before(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List what changed the wallets in the last three months, newest first."""
    return _bills(venue, account, parameters, HISTORY_MS)


def trade_fee(venue: Okx, account: str, parameters: Parameters) -> Data:
    """Give the account's fees, which are below 0 as what is paid; those of dollar contracts are named by a U."""
    kind_of(parameters)
    spec = next(iter(venue.markets.values())).spec
    maker, taker = plain(-spec.maker_fee), plain(-spec.taker_fee)
    return [
        {
            "instType": SWAP,
            "level": "Lv1",
            "category": "1",
            "maker": maker,
            "taker": taker,
            "makerU": maker,
            "takerU": taker,
            "makerUSDC": maker,
            "takerUSDC": taker,
            "delivery": "",
            "exercise": "",
            "ruleType": "normal",
            "ts": str(venue.now_ms()),
        }
    ]


def leverage_info(venue: Okx, account: str, parameters: Parameters) -> Data:
    """Give the leverages of contracts."""
    if given(parameters, "mgnMode") != "cross":
        raise wrong("mgnMode")
    found = []
    for name in given(parameters, "instId").split(","):
        if name not in venue.markets:
            raise no_instrument()
        lever = str(venue.accounts.leverage(account, name))
        found.append({"instId": name, "ccy": "", "mgnMode": "cross", "posSide": "net", "lever": lever})
    return found


def collateral_assets(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List which coins the owner lets count as collateral: all of them."""
    wanted = [each for each in text_of(parameters, "ccy").split(",") if each]
    return [{"ccy": each, "collateralEnabled": True} for each in DISCOUNTS if not wanted or each in wanted]


def currencies(venue: Okx, account: str, parameters: Parameters) -> Data:
    """List the coins; none moves on a chain here."""
    row = {"canDep": False, "canWd": False, "canInternal": False, "mainNet": False, "minWd": "0", "wdTickSz": "8"}
    wanted = text_of(parameters, "ccy")
    listed = [row | {"ccy": each, "name": each, "chain": f"{each}-Sandbox", "fee": "0"} for each in COINS]
    return [each for each in listed if wanted in ("", each["ccy"])]


Read = Callable[[Okx, str, Parameters], Data]
READS: dict[str, Read] = {
    "account/config": config,
    "account/balance": balance,
    "account/positions": positions,
    "account/bills": bills,
    "account/bills-archive": bills_before,
    "account/trade-fee": trade_fee,
    "account/leverage-info": leverage_info,
    "account/collateral-assets": collateral_assets,
    "asset/currencies": currencies,
    "trade/order": order,
    "trade/orders-pending": pending,
    "trade/orders-history": ended,
    "trade/orders-history-archive": ended_before,
    "trade/fills": fills,
    "trade/fills-history": fills_before,
}


def _is_forgotten(found: Order, now_ms: int) -> bool:
    is_canceled = found.status not in (*rows.OPEN, "FILLED")
    return is_canceled and not found.executed and found.updated_ms < now_ms - CANCELED_KEPT_MS


def _described(venue: Okx, found: Order) -> dict[str, Any]:
    own = (
        venue.ledger.fills(found.account, found.symbol, "order_id = ?", (found.id,), ROWS_MAX) if found.executed else []
    )
    return rows.order_row(venue.markets[found.symbol].spec, found, own)


def _chosen(venue: Okx, parameters: Parameters) -> list[Market]:
    if text_of(parameters, "instId"):
        return [market_of(venue.markets, parameters)]
    return list(venue.markets.values())


def _symbol(venue: Okx, parameters: Parameters) -> str | None:
    return market_of(venue.markets, parameters).spec.symbol if text_of(parameters, "instId") else None


def _window(venue: Okx, parameters: Parameters, most_ms: int) -> tuple[int, int]:
    """Read a window; what is older than the list remembers is left out."""
    now_ms = venue.now_ms()
    begin, end = whole(parameters, "begin") or 0, whole(parameters, "end")
    return max(begin, now_ms - most_ms), now_ms if end is None else end


def _ended(venue: Okx, account: str, parameters: Parameters, most_ms: int) -> Data:
    if kind_of(parameters) != SWAP:
        return []
    state, where = text_of(parameters, "state"), f"{ENDED} AND updated_ms BETWEEN ? AND ?"
    if state not in ("", "canceled", "filled", "mmp_canceled"):
        raise wrong("state")
    window = _window(venue, parameters, most_ms)
    found = venue.ledger.orders(account, _symbol(venue, parameters), where, window, ROWS_MAX, latest=True)
    now_ms = venue.now_ms()
    kept = [each for each in found[::-1] if not _is_forgotten(each, now_ms)]
    listed = [_described(venue, each) for each in kept if state in ("", rows.STATES[each.status])]
    return page(listed, parameters, "ordId")


def _fills(venue: Okx, account: str, parameters: Parameters, most_ms: int) -> Data:
    if text_of(parameters, "instType") not in ("", SWAP):
        return []
    window, number = _window(venue, parameters, most_ms), whole(parameters, "ordId")
    found = venue.ledger.fills(
        account, _symbol(venue, parameters), "at_ms BETWEEN ? AND ?", window, ROWS_MAX, latest=True
    )
    kept = sorted((each for each in found if number in (None, each.order_id)), key=rows.bill_of, reverse=True)
    listed = []
    for fill in kept:
        of = venue.ledger.order(account, fill.symbol, order_id=fill.order_id, client_id=None)
        listed.append(rows.fill_row(venue.markets[fill.symbol].spec, fill, of))
    return page(listed, parameters, "billId")


def _bills(venue: Okx, account: str, parameters: Parameters, most_ms: int) -> Data:
    window = _window(venue, parameters, most_ms)
    kind, coin, name = (text_of(parameters, each) for each in ("type", "ccy", "instId"))
    found = venue.ledger.incomes(account, None, "at_ms BETWEEN ? AND ?", window, ROWS_MAX, latest=True)
    listed = [rows.bill_row(each) for each in found[::-1]]
    kept = [
        row for row in listed if kind in ("", row["type"]) and coin in ("", row["ccy"]) and name in ("", row["instId"])
    ]
    return page(sorted(kept, key=lambda row: int(row["billId"]), reverse=True), parameters, "billId")
