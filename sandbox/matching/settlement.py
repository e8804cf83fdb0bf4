"""Settlement: what one event does to orders, positions and wallets, written down at once and only then told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from sandbox.booking import LIQUIDATION, Part, after_part, fill_of, incomes_of
from sandbox.market import Market
from sandbox.rows import Fill, Income, Order, Position
from sandbox.scribes import scribe_of

if TYPE_CHECKING:
    from sandbox.accounts import Accounts


class Settlement:
    """The facts and the news of one event in one market; nothing is true before `record`."""

    def __init__(self, accounts: Accounts, market: Market, at_ms: int) -> None:
        self.market = market
        self.at_ms = at_ms
        self.orders: dict[int, Order] = {}
        self.positions: dict[str, Position] = {}
        self._accounts = accounts
        self._scribe = scribe_of(market.spec.venue)
        self._fills: list[Fill] = []
        self._incomes: list[Income] = []
        self._wallets: dict[str, Decimal] = {}
        self._news: list[tuple[str, str, str]] = []  # account, kind, text

    def position(self, account: str) -> Position:
        """Give an account's position as this event leaves it so far."""
        return self.positions.get(account) or self._accounts.position(account, self.market.spec.symbol)

    def opened(self, order: Order) -> Order:
        """Take in a new order."""
        return self._changed(order, "NEW")

    def amended(self, order: Order) -> Order:
        """Take in an order's new price or quantity."""
        return self._changed(replace(order, updated_ms=self.at_ms), "AMENDMENT")

    def ended(self, order: Order, status: str, execution: str) -> Order:
        """End an order that is not filled."""
        return self._changed(replace(order, status=status, updated_ms=self.at_ms), execution)

    def _changed(self, order: Order, execution: str) -> Order:
        self.orders[order.id] = order
        news = self._scribe.order_changed(self.market, order, execution, self.at_ms)
        self._news += [(order.account, *each) for each in news]
        return order

    def filled(self, order: Order, part: Part, *, maker: bool) -> Order:
        """Fill a part of an order."""
        spec, account = self.market.spec, order.account
        order = after_part(spec, order, part, self.at_ms)
        fill, position = fill_of(spec, order, part, self.position(account), maker=maker)
        self.orders[order.id] = order
        self.positions[account] = position
        self._fills.append(fill)
        self._incomes += incomes_of(spec, order, fill, self._accounts.income_ids.take)
        asset = spec.margin_asset
        wallet = self._wallets.get(account, self._accounts.wallet(account, asset)) + fill.realized - fill.commission
        self._wallets[account] = wallet
        execution = "CALCULATED" if order.kind == LIQUIDATION else "TRADE"
        news = self._scribe.filled(self.market, order, fill, position, wallet, execution, self.at_ms)
        self._news += [(account, *each) for each in news]
        return order

    def record(self) -> None:
        """Write everything in one transaction."""
        self._accounts.ledger.record(
            orders=list(self.orders.values()),
            fills=self._fills,
            incomes=self._incomes,
            positions=list(self.positions.values()),
        )

    def tell(self) -> None:
        """Send the news to the accounts' streams."""
        for account, kind, text in self._news:
            self._accounts.tell(self.market.spec.venue, account, kind, text)
