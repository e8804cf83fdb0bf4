"""The texts of Binance's private stream events and the listen keys that open these streams."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.binance.wire import fixed, plain
from sandbox.booking import holding_of
from sandbox.instruments import Spec
from sandbox.market import Market
from sandbox.rows import Fill, Order, Position

LISTEN_KEY_LIFE_MS = 3_600_000
LISTEN_KEY_CHARACTERS = 64
ORDER_CONSTANTS = {
    "b": "0",
    "a": "0",
    "wt": "CONTRACT_PRICE",
    "ps": "BOTH",
    "cp": False,
    "pP": False,
    "si": 0,
    "ss": 0,
    "V": "EXPIRE_MAKER",
    "pm": "NONE",
    "gtd": 0,
}


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))


def order_update(spec: Spec, order: Order, fill: Fill | None, *, execution: str, at_ms: int) -> str:
    """Print an ORDER_TRADE_UPDATE: an order as it is after an execution, which may be a fill."""
    body: dict[str, Any] = {
        "s": spec.symbol,
        "c": order.client_id,
        "S": order.side,
        "o": order.kind,
        "f": order.time_in_force,
        "q": plain(order.quantity),
        "p": order.price,
        "ap": plain(order.average_price),
        "sp": "0",
        "x": execution,
        "X": order.status,
        "i": order.id,
        "l": "0" if fill is None else plain(fill.quantity),
        "z": plain(order.executed),
        "L": "0" if fill is None else fill.price,
    }
    if fill is not None:
        body |= {"n": plain(fill.commission), "N": fill.commission_asset}
    body |= {
        "T": at_ms,
        "t": 0 if fill is None else fill.id,
        "m": fill is not None and fill.maker,
        "R": order.reduce_only,
        "ot": order.kind,
        "rp": "0" if fill is None else fixed(fill.realized),
        **ORDER_CONSTANTS,
    }
    if spec.inverse:
        body["ma"] = spec.margin_asset
    head: dict[str, Any] = {"e": "ORDER_TRADE_UPDATE", "T": at_ms, "E": at_ms + 1}
    if spec.inverse:
        head["i"] = "SfsR"
    return _text(head | {"o": body})


def trade_lite(spec: Spec, order: Order, fill: Fill) -> str:
    """Print a TRADE_LITE, the faster and thinner news of a fill."""
    return _text(
        {
            "e": "TRADE_LITE",
            "E": fill.at_ms + 1,
            "T": fill.at_ms,
            "s": spec.symbol,
            "q": plain(order.quantity),
            "p": order.price,
            "m": fill.maker,
            "c": order.client_id,
            "S": order.side,
            "L": fill.price,
            "l": plain(fill.quantity),
            "t": fill.id,
            "i": order.id,
        }
    )


def account_update(
    *,
    reason: str,
    balances: Mapping[str, tuple[Decimal, Decimal]],
    positions: list[tuple[Spec, Position, Decimal]],
    at: int,
) -> str:
    """Print an ACCOUNT_UPDATE: wallet and change per asset, and (contract, position, unrealized profit)."""
    return _text(
        {
            "e": "ACCOUNT_UPDATE",
            "T": at,
            "E": at + 1,
            "a": {
                "B": [
                    {"a": asset, "wb": fixed(wallet), "cw": fixed(wallet), "bc": plain(change)}
                    for asset, (wallet, change) in balances.items()
                ],
                "P": [
                    {
                        "s": spec.symbol,
                        "pa": plain(position.quantity),
                        "ep": plain(position.entry_price),
                        "cr": plain(position.realized),
                        "up": fixed(profit),
                        "mt": "cross",
                        "iw": "0",
                        "ps": "BOTH",
                        "ma": spec.margin_asset,
                        "bep": plain(position.entry_price),
                    }
                    for spec, position, profit in positions
                ],
                "m": reason,
            },
        }
    )


def listen_key_expired(key: str, at_ms: int) -> str:
    """Print the news that a listen key's life ended."""
    return _text({"e": "listenKeyExpired", "E": at_ms, "listenKey": key})


class BinanceScribe:
    """Prints what Binance tells an account."""

    def order_changed(self, market: Market, order: Order, execution: str, at_ms: int) -> list[tuple[str, str]]:
        """Print an order without a fill."""
        return [("ORDER_TRADE_UPDATE", order_update(market.spec, order, None, execution=execution, at_ms=at_ms))]

    def filled(
        self, market: Market, order: Order, fill: Fill, position: Position, wallet: Decimal, execution: str, at_ms: int
    ) -> list[tuple[str, str]]:
        """Print a fill: the trade in short, the account, the trade."""
        spec = market.spec
        short = [] if spec.inverse else [("TRADE_LITE", trade_lite(spec, order, fill))]
        profit = margin.unrealized(holding_of(market, position, spec.leverage))
        balances = {spec.margin_asset: (wallet, Decimal(0))}
        account = account_update(reason="ORDER", balances=balances, positions=[(spec, position, profit)], at=at_ms)
        trade = order_update(spec, order, fill, execution=execution, at_ms=at_ms)
        return [*short, ("ACCOUNT_UPDATE", account), ("ORDER_TRADE_UPDATE", trade)]

    def wallets_changed(
        self, reason: str, balances: Mapping[str, tuple[Decimal, Decimal]], at_ms: int
    ) -> list[tuple[str, str]]:
        """Print wallets that changed."""
        return [("ACCOUNT_UPDATE", account_update(reason=reason, balances=balances, positions=[], at=at_ms))]


@dataclass(slots=True, kw_only=True)
class ListenKey:
    """One account's key to its private stream."""

    key: str
    account: str
    expires_ms: int


class ListenKeys:
    """The valid listen keys of one venue; they live an hour unless renewed, and not past a restart."""

    def __init__(self, *, life_ms: int = LISTEN_KEY_LIFE_MS) -> None:
        self.life_ms = life_ms
        self._by_account: dict[str, ListenKey] = {}

    def open(self, account: str, now_ms: int) -> str:
        """Give the account's key, a new one when there is none, and renew its life."""
        held = self._by_account.get(account)
        if held is None:
            key = secrets.token_urlsafe(LISTEN_KEY_CHARACTERS)[:LISTEN_KEY_CHARACTERS]
            held = self._by_account[account] = ListenKey(key=key, account=account, expires_ms=0)
        held.expires_ms = now_ms + self.life_ms
        return held.key

    def renew(self, account: str, now_ms: int) -> str | None:
        """Renew the account's key; None when it has none."""
        return self.open(account, now_ms) if account in self._by_account else None

    def close(self, account: str) -> None:
        """Forget the account's key."""
        self._by_account.pop(account, None)

    def expire(self, account: str) -> bool:
        """End the life of the account's key; tell whether it had one."""
        held = self._by_account.get(account)
        if held is not None:
            held.expires_ms = 0
        return held is not None

    def account_of(self, key: str) -> str | None:
        """Find whose key it is."""
        return next((each.account for each in self._by_account.values() if each.key == key), None)

    def expired(self, now_ms: int) -> list[ListenKey]:
        """Take out the keys whose life has ended."""
        gone = [each for each in self._by_account.values() if each.expires_ms <= now_ms]
        for each in gone:
            del self._by_account[each.account]
        return gone
