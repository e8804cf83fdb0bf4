"""What Deribit tells an account on its private channels: trades, orders, the portfolio."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.deribit import rows, wire
from sandbox.deribit.contracts import CURRENCIES
from sandbox.market import Market
from sandbox.rows import Fill, Order, Position

ORDERS, TRADES, PORTFOLIO = "user.orders", "user.trades", "user.portfolio"
KINDS = (TRADES, ORDERS, PORTFOLIO)
OF_FILL = (TRADES, PORTFOLIO, ORDERS)  # in this order
INTERVALS = ("raw", "100ms", "agg2")
OTHER_CURRENCIES = ("SOL", "USDC", "USDT")  # portfolios that may be subscribed to and never change here


def kind_of(channel: str) -> str | None:
    """Give the kind of a private channel, None when the venue has no such channel."""
    match channel.split("."):
        case ["user", "portfolio", code]:
            return PORTFOLIO if code.upper() in (*CURRENCIES, *OTHER_CURRENCIES, "ANY") else None
        case ["user", ("orders" | "trades") as what, ("any" | "future"), code, interval]:
            is_known = code in (*CURRENCIES, "any") and interval in INTERVALS
            return f"user.{what}" if is_known else None
        case ["user", ("orders" | "trades") as what, symbol, interval]:
            is_known = symbol.removesuffix(rows.PERPETUAL) in CURRENCIES and interval in INTERVALS
            return f"user.{what}" if is_known and symbol.endswith(rows.PERPETUAL) else None
    return None


def concerns(channel: str, kind: str, symbol: str) -> bool:
    """Tell whether news of a kind about a contract (or a currency) are for a channel."""
    if kind_of(channel) != kind:
        return False
    coin = symbol.partition("-")[0]
    named = channel.split(".")[2:]
    if kind == PORTFOLIO:
        return named[0].upper() in (coin, "ANY")
    return named[0] == symbol or (len(named) == 3 and named[1] in (coin, "any"))


def printed(channel: str, kind: str, data: Any) -> str:
    """Print news for a channel: raw orders come alone, all others in a list."""
    return wire.notice(channel, [data] if kind == ORDERS and not channel.endswith(".raw") else data)


class DeribitScribe:
    """Prints what Deribit tells an account; the portfolio is named alone, for it is told as it is when it is sent."""

    def order_changed(self, market: Market, order: Order, execution: str, at_ms: int) -> list[tuple[str, str]]:
        """Print an order."""
        return [(ORDERS, json.dumps(rows.order_row(market.spec, order)))]

    def filled(
        self, market: Market, order: Order, fill: Fill, position: Position, wallet: Decimal, execution: str, at_ms: int
    ) -> list[tuple[str, str]]:
        """Print a fill: the trade, the portfolio, the order."""
        return [
            (TRADES, json.dumps([rows.trade_row(market, fill, order)])),
            (PORTFOLIO, market.spec.margin_asset),
            *self.order_changed(market, order, execution, at_ms),
        ]

    def wallets_changed(
        self, reason: str, balances: Mapping[str, tuple[Decimal, Decimal]], at_ms: int
    ) -> list[tuple[str, str]]:
        """Name the portfolios that changed."""
        return [(PORTFOLIO, asset) for asset in balances]
