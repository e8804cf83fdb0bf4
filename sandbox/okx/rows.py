"""OKX's rows of an account, alike over REST and on its private channels: orders, fills, positions, coins, bills."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.binance.wire import fixed
from sandbox.binance.wire import plain as number_text
from sandbox.booking import DELEVERAGED, LIQUIDATED, LIQUIDATION, forced_by
from sandbox.instruments import Spec
from sandbox.margin import Holding
from sandbox.matching.tickets import FOK, GTX, IOC, MARKET
from sandbox.okx.contracts import SWAP
from sandbox.okx.wire import plain
from sandbox.rows import Fill, Income, Order, Position

OPEN = ("NEW", "PARTIALLY_FILLED")
SIDES = {"BUY": "buy", "SELL": "sell"}
STATES = {
    "NEW": "live",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "EXPIRED": "canceled",
    "EXPIRED_IN_MATCH": "canceled",
}
KINDS = {GTX: "post_only", IOC: "ioc", FOK: "fok"}
TRANSFER, TRADE, FORCED, FUNDING, REFUND = "1", "2", "5", "8", "251"
BILLS = {
    "TRANSFER": (TRANSFER, ("11", "12")),
    "REALIZED_PNL": (TRADE, ("1", "2")),
    "COMMISSION": (TRADE, ("1", "2")),
    "INSURANCE_CLEAR": (FORCED, ("106", "107")),
    "FUNDING_FEE": (FUNDING, ("174", "173")),
}
CATEGORIES = {"": "normal", LIQUIDATED: "full_liquidation", DELEVERAGED: "adl"}
SUB_TYPES = {"": ("1", "2"), LIQUIDATED: ("106", "107"), DELEVERAGED: ("127", "128")}
POST_ONLY_WOULD_TAKE, CANCELED_BY_USER, WITHOUT_COUNTERPARTY = "31", "1", "14"
TRADES_MAX = 10**7  # of one moment
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What a coin of the account holds and margins; `ratio` is None where nothing is to be margined.

    `counted` is what it counts for as collateral. Where coins margin together, none has margins by itself.
    """

    asset: str
    price: Decimal
    wallet: Decimal
    equity: Decimal
    unrealized: Decimal
    available: Decimal
    order_margin: Decimal
    initial: Decimal
    maintenance: Decimal
    ratio: Decimal | None
    counted: Decimal
    is_joint: bool


def order_row(spec: Spec, row: Order, fills: Sequence[Fill]) -> dict[str, Any]:
    """Describe an order; `fills` are all of its own, oldest first."""
    last = fills[-1] if fills else None
    fee = sum((fill.commission for fill in fills), ZERO)
    is_ours = not row.client_id.startswith(("api_", "web_"))
    empty = dict.fromkeys(
        ("ccy", "tag", "algoId", "algoClOrdId", "slTriggerPx", "slOrdPx", "tpTriggerPx", "tpOrdPx", "source", "pxUsd"),
        "",
    )
    return empty | {
        "instType": SWAP,
        "instId": spec.symbol,
        "ordId": str(row.id),
        "clOrdId": row.client_id if is_ours else "",
        "px": plain(row.price) if row.kind == "LIMIT" else "",
        "sz": size(spec, row.quantity),
        "ordType": "market" if row.kind in (MARKET, LIQUIDATION) else KINDS.get(row.time_in_force, "limit"),
        "side": SIDES[row.side],
        "posSide": "net",
        "tdMode": "cross",
        "accFillSz": size(spec, row.executed),
        "fillPx": plain(last.price) if last else "",
        "tradeId": str(last.id) if last else "",
        "fillSz": size(spec, last.quantity) if last else "0",
        "fillTime": str(last.at_ms) if last else "",
        "avgPx": number_text(row.average_price) if row.executed else "",
        "state": STATES[row.status],
        "lever": str(spec.leverage),
        "feeCcy": spec.margin_asset,
        "fee": number_text(-fee),
        "rebateCcy": spec.margin_asset,
        "rebate": "0",
        "pnl": number_text(sum((fill.realized for fill in fills), ZERO)),
        "category": CATEGORIES[forced_by(row)],
        "reduceOnly": "true" if row.reduce_only else "false",
        "cancelSource": _why(row),
        "stpMode": "cancel_maker",
        "cTime": str(row.created_ms),
        "uTime": str(row.updated_ms),
    }


def told_row(spec: Spec, row: Order, fills: Sequence[Fill], filled: Fill | None) -> dict[str, Any]:
    """Describe an order as its channel does: with the fill that the message is about, or without any."""
    about: dict[str, Any] = {"fillPx": "", "tradeId": "", "fillSz": "0", "fillTime": "", "execType": ""}
    about |= {"fillFee": "0", "fillFeeCcy": "", "fillPnl": "0", "amendResult": "", "reqId": "", "code": "0", "msg": ""}
    if filled is not None:
        told = fill_row(spec, filled, row)
        about |= {name: told[name] for name in ("fillPx", "tradeId", "fillSz", "fillTime", "execType", "fillPnl")}
        about |= {"fillFee": told["fee"], "fillFeeCcy": told["feeCcy"]}
    if row.kind == LIQUIDATION:
        about["tradeId"] = "0" if filled else ""  # only the list of fills names it
    return order_row(spec, row, fills) | about


def _why(row: Order) -> str:
    """Number why an order ended unfilled, as the venue does."""
    if row.status in (*OPEN, "FILLED"):
        return ""
    if row.time_in_force == GTX and row.created_ms == row.updated_ms:
        return POST_ONLY_WOULD_TAKE
    return CANCELED_BY_USER if row.status == "CANCELED" else WITHOUT_COUNTERPARTY


def fill_row(spec: Spec, row: Fill, order: Order | None) -> dict[str, Any]:
    """Describe a trade of an account, with its order where that is known; a fee that was paid is below 0."""
    is_forced = order is not None and order.kind == LIQUIDATION
    is_named = order is not None and not order.client_id.startswith(("api_", "web_"))
    return {
        "instType": SWAP,
        "instId": spec.symbol,
        "tradeId": str(-row.id if is_forced else row.id),
        "ordId": str(row.order_id),
        "clOrdId": order.client_id if order is not None and is_named else "",
        "billId": str(bill_of(row)),
        "subType": SUB_TYPES[forced_by(order)][row.side != "BUY"],
        "tag": "",
        "fillPx": plain(row.price),
        "fillSz": size(spec, row.quantity),
        "fillPnl": number_text(row.realized),
        "side": SIDES[row.side],
        "posSide": "net",
        "execType": "" if is_forced else "M" if row.maker else "T",
        "feeCcy": row.commission_asset,
        "fee": number_text(-row.commission),
        "fillTime": str(row.at_ms),
        "ts": str(row.at_ms + 1),
    }


def bill_of(row: Fill) -> int:
    """Number the bill of a fill; later ones are larger."""
    return row.at_ms * TRADES_MAX + row.id % TRADES_MAX


def position_row(spec: Spec, position: Position, held: Holding, liquidation: Decimal | None) -> dict[str, Any]:
    """Describe a position: signed contracts, its margin in the settlement asset."""
    count, gain = position.quantity, margin.unrealized(held)
    worth = abs(margin.notional(count, held.mark, spec.contract_size, inverse=spec.inverse))
    entry_worth = (
        abs(margin.notional(count, position.entry_price, spec.contract_size, inverse=spec.inverse)) if count else ZERO
    )
    usd = worth * held.mark if spec.inverse else worth
    kept = margin.maintenance_margin(held)
    return {
        "instType": SWAP,
        "instId": spec.symbol,
        "mgnMode": "cross",
        "posId": f"{spec.symbol}:{position.account}",
        "posSide": "net",
        "pos": size(spec, count),
        "posCcy": "",
        "availPos": size(spec, abs(count)),
        "avgPx": number_text(position.entry_price) if count else "",
        "markPx": plain(fixed(held.mark, spec.price_places)),
        "upl": fixed(gain),
        "uplRatio": fixed(gain * held.leverage / entry_worth) if entry_worth else "",
        "lever": str(held.leverage),
        "liqPx": "" if liquidation is None else plain(fixed(liquidation, spec.price_places)),
        "imr": fixed(margin.initial_margin(held)),
        "mmr": fixed(kept),
        "margin": "",
        "mgnRatio": "",
        "notionalUsd": fixed(usd),
        "ccy": spec.margin_asset,
        "realizedPnl": number_text(position.realized),
        "adl": "0",
        "interest": "",
        "last": plain(fixed(held.mark, spec.price_places)),
        "tradeId": "",
        "cTime": str(position.updated_ms),
        "uTime": str(position.updated_ms),
    }


def coin_row(of: Pooled, at_ms: int) -> dict[str, Any]:
    """Describe a coin of the account: `cashBal` is its wallet, `eq` counts unrealized profit."""
    return {
        "ccy": of.asset,
        "eq": number_text(of.equity),
        "cashBal": number_text(of.wallet),
        "upl": number_text(of.unrealized),
        "availEq": number_text(of.available),
        "availBal": number_text(of.available),
        "frozenBal": number_text(of.initial),
        "ordFrozen": number_text(of.order_margin),
        "imr": "" if of.is_joint else number_text(of.initial),
        "mmr": "" if of.is_joint else number_text(of.maintenance),
        "mgnRatio": "" if of.ratio is None or of.is_joint else number_text(of.ratio),
        "eqUsd": fixed(of.equity * of.price),
        "disEq": fixed(of.counted * of.price),
        "isoEq": "0",
        "liab": "0",
        "interest": "0",
        "uTime": str(at_ms),
    }


def bill_row(row: Income) -> dict[str, Any]:
    """Describe a line of the bills: `balChg` is what it did to the wallet, whatever the line is of."""
    kind, (received, paid) = BILLS.get(row.kind, (REFUND, ("", "")))
    is_of_contract = bool(row.symbol)
    return {
        "billId": str(row.id),
        "instType": SWAP if is_of_contract else "",
        "instId": row.symbol,
        "type": kind,
        "subType": received if row.income > 0 else paid,
        "ccy": row.asset,
        "bal": "",
        "balChg": number_text(row.income),
        "posBal": "",
        "posBalChg": "0",
        "sz": number_text(abs(row.income)),
        "px": "",
        "pnl": number_text(row.income) if kind in (FUNDING,) or row.kind == "REALIZED_PNL" else "0",
        "fee": number_text(row.income) if row.kind == "COMMISSION" else "0",
        "mgnMode": "cross" if is_of_contract else "",
        "execType": "",
        "ordId": "",
        "clOrdId": "",
        "tradeId": row.trade_id,
        "from": "6" if kind == TRANSFER and row.income > 0 else "18" if kind == TRANSFER else "",
        "to": "18" if kind == TRANSFER and row.income > 0 else "6" if kind == TRANSFER else "",
        "notes": "",
        "interest": "0",
        "tag": "",
        "ts": str(row.at_ms),
    }


def size(spec: Spec, contracts: Decimal) -> str:
    """Print a number of contracts."""
    return plain(f"{contracts:.{spec.quantity_decimals}f}")
