"""The rows of OKX's private channels: orders, positions, account, and what changed of both; each as a JSON list."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.binance.wire import plain
from sandbox.booking import holding_of
from sandbox.market import Market
from sandbox.okx import rows
from sandbox.rows import Fill, Order, Position

ORDERS, POSITIONS, ACCOUNT, BOTH = "orders", "positions", "account", "balance_and_position"
CHANNELS = (ORDERS, POSITIONS, ACCOUNT, BOTH)
OF_FILL = (ORDERS, POSITIONS, ACCOUNT, BOTH)  # in this order

News = tuple[str, str]  # channel, rows


class OkxScribe:
    """Writes what OKX tells an account."""

    def __init__(self) -> None:
        self._fills: dict[tuple[str, int], list[Fill]] = {}  # of each order that is under way, by account and number

    def order_changed(self, market: Market, order: Order, execution: str, at_ms: int) -> list[News]:
        """Write an order."""
        return [(ORDERS, _text([self._order(market, order, None)]))]

    def filled(
        self, market: Market, order: Order, fill: Fill, position: Position, wallet: Decimal, execution: str, at_ms: int
    ) -> list[News]:
        """Write a fill: the order with it, the position and the wallet after it."""
        spec = market.spec
        row = rows.position_row(spec, position, holding_of(market, position, spec.leverage), None)
        coin = _coin(spec.margin_asset, wallet, at_ms)
        both = {
            "pTime": str(at_ms),
            "eventType": "filled",
            "balData": [{name: coin[name] for name in ("ccy", "cashBal", "uTime")}],
            "posData": [{name: row[name] for name in ("instId", "instType", "mgnMode", "posSide", "pos", "avgPx")}],
            "trades": [{"instId": spec.symbol, "tradeId": str(fill.id)}],
        }
        return [
            (ORDERS, _text([self._order(market, order, fill)])),
            (POSITIONS, _text([row | {"pTime": str(at_ms)}])),
            (ACCOUNT, _text([account({spec.margin_asset: wallet}, at_ms)])),
            (BOTH, _text([both])),
        ]

    def wallets_changed(self, reason: str, balances: Mapping[str, tuple[Decimal, Decimal]], at_ms: int) -> list[News]:
        """Write wallets that changed."""
        return [(ACCOUNT, _text([account({asset: total for asset, (total, _) in balances.items()}, at_ms)]))]

    def _order(self, market: Market, order: Order, fill: Fill | None) -> dict[str, Any]:
        key = (order.account, order.id)
        if fill is not None:
            self._fills.setdefault(key, []).append(fill)
        own = self._fills.get(key, [])
        if order.status not in rows.OPEN:
            self._fills.pop(key, None)
        return rows.told_row(market.spec, order, own, fill)


def account(balances: Mapping[str, Decimal], at_ms: int) -> dict[str, Any]:
    """Describe what coins have in their wallets."""
    return {"uTime": str(at_ms), "details": [_coin(asset, total, at_ms) for asset, total in balances.items()]}


def _coin(asset: str, wallet: Decimal, at_ms: int) -> dict[str, str]:
    return {"ccy": asset, "cashBal": plain(wallet), "uTime": str(at_ms)}


def _text(listed: list[dict[str, Any]]) -> str:
    return json.dumps(listed, separators=(",", ":"))
