"""The texts of Bybit's private topics: execution, position, wallet, order."""

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.binance.wire import plain
from sandbox.booking import holding_of
from sandbox.bybit import rows, wire
from sandbox.market import Market
from sandbox.rows import Fill, Order, Position

EXECUTION, POSITION, WALLET, ORDER = "execution", "position", "wallet", "order"
TOPICS = (ORDER, EXECUTION, POSITION, WALLET)
OF_FILL = (EXECUTION, POSITION, WALLET, ORDER)  # in this order


def message(topic: str, data: list[dict[str, Any]], at_ms: int) -> str:
    """Print a message of a private topic."""
    return wire.text({"id": str(uuid.uuid4()), "topic": topic, "creationTime": at_ms + 1, "data": data})


def wallet(balances: Mapping[str, Decimal], at_ms: int) -> str:
    """Print what coins of the unified account have in their wallets."""
    coins = [{"coin": asset, "walletBalance": plain(total), "locked": "0"} for asset, total in balances.items()]
    return message(WALLET, [{"accountType": "UNIFIED", "accountIMRate": "", "coin": coins}], at_ms)


class BybitScribe:
    """Prints what Bybit tells an account."""

    def order_changed(self, market: Market, order: Order, execution: str, at_ms: int) -> list[tuple[str, str]]:
        """Print an order."""
        row = rows.order_row(market.spec, order) | rows.category(market.spec)
        return [(ORDER, message(ORDER, [row], at_ms))]

    def filled(
        self, market: Market, order: Order, fill: Fill, position: Position, wallet_: Decimal, execution: str, at_ms: int
    ) -> list[tuple[str, str]]:
        """Print a fill: the execution, the position and the wallet after it, the order."""
        spec = market.spec
        of = rows.category(spec)
        row = rows.position_row(spec, position, holding_of(market, position, spec.leverage), None)
        row = row | {"entryPrice": row_entry(position)}
        executed = rows.execution_row(spec, fill, order, order.quantity - order.executed)
        return [
            (EXECUTION, message(EXECUTION, [executed | of], at_ms)),
            (POSITION, message(POSITION, [row | of], at_ms)),
            (WALLET, wallet({spec.margin_asset: wallet_}, at_ms)),
            *self.order_changed(market, order, execution, at_ms),
        ]

    def wallets_changed(
        self, reason: str, balances: Mapping[str, tuple[Decimal, Decimal]], at_ms: int
    ) -> list[tuple[str, str]]:
        """Print wallets that changed."""
        return [(WALLET, wallet({asset: total for asset, (total, _) in balances.items()}, at_ms))]


def symbol_of(text: str) -> str:
    """Read the contract of an execution's message."""
    return str(json.loads(text)["data"][0]["symbol"])


def row_entry(position: Position) -> str:
    """Print the entry price, which this topic calls otherwise than REST."""
    return plain(position.entry_price) if position.quantity else "0"
