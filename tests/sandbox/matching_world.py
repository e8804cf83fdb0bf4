"""A venue's markets, accounts and engine without any server, for tests of the matching alone."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

from sandbox.accounts import Account, Accounts
from sandbox.book import Book
from sandbox.instruments import Spec, instruments
from sandbox.ledger import Ledger, Numbers
from sandbox.market import Market, Prices
from sandbox.matching.engine import Engine
from sandbox.matching.tickets import Ticket
from sandbox.rows import Order

PRICE = 100_000  # ticks: 1,000.00
ALICE, BOB = "alice", "bob"


class Counted:
    """Numbers in a row."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def take(self) -> int:
        return next(self._numbers)


class Bench:
    """One contract with a book of ten levels a side, and two rich accounts."""

    def __init__(self, spec: Spec | None = None, ledger: Path = Path(":memory:"), levels: int = 10) -> None:
        self.spec = spec or instruments()[0]
        self.news: list[tuple[str, str, str]] = []  # account, kind, text
        self.ledger = Ledger(ledger)
        self.market = self._market(levels)
        names = (ALICE, BOB)
        self.accounts = Accounts(
            [Account(name=each, venue=self.spec.venue, label=each, symbols=(self.spec.symbol,)) for each in names],
            {(self.spec.venue, self.spec.symbol): self.market},
            self.ledger,
            order_ids=Numbers(self.ledger, "orders", first=1, block=1000),
            income_ids=Numbers(self.ledger, "incomes", first=1, block=1000),
            tell=lambda venue, account, kind, text: self.news.append((account, kind, text)),
        )
        for name in names:
            if not self.accounts.wallet(name, self.spec.margin_asset):
                self.accounts.transfer(name, self.spec.margin_asset, Decimal(10_000_000), 1)
        self.engine = Engine(self.accounts, lambda: self.market.now_ms + 1)
        self.engine.restore()

    def _market(self, levels: int) -> Market:
        index = PRICE / 10**self.spec.price_decimals
        numbers = Numbers(self.ledger, "updates", first=1000, block=100_000)
        market = Market(
            self.spec,
            Book(numbers.next),
            Prices(index=index, basis=0.0, premium=0.0),
            trade_ids=Numbers(self.ledger, "trades", first=1, block=1000),
            aggregate_ids=Numbers(self.ledger, "aggregates", first=1, block=1000),
            funding_ms=28_800_000,
        )
        for distance in range(1, levels + 1):
            market.book.set_bid(PRICE - distance, 10)
            market.book.set_ask(PRICE + distance, 10)
        return market

    def place(
        self,
        account: str,
        side: str,
        steps: int,
        ticks: int | None = None,
        force: str = "GTC",
        *,
        reduce_only: bool = False,
        client_id: str | None = None,
    ) -> Order:
        """Place a limit order, or a market order without a price."""
        return self.engine.place(
            Ticket(
                account=account,
                symbol=self.spec.symbol,
                side=side,
                kind="MARKET" if ticks is None else "LIMIT",
                time_in_force=force,
                ticks=ticks,
                steps=steps,
                reduce_only=reduce_only,
                client_id=client_id,
            )
        )

    def order(self, order: Order) -> Order:
        """Read an order as the ledger has it now."""
        found = self.ledger.order(order.account, order.symbol, order_id=order.id, client_id=None)
        assert found is not None
        return found

    def steps(self, quantity: Decimal) -> int:
        """Give a quantity in whole steps."""
        return int(quantity.scaleb(self.spec.quantity_decimals))

    def position(self, account: str) -> int:
        """Give a position in whole steps."""
        return self.steps(self.accounts.position(account, self.spec.symbol).quantity)

    def open(self, account: str) -> list[Order]:
        """List an account's open orders."""
        return [each.order for each in self.engine.orders.of(account, self.spec.symbol)]
