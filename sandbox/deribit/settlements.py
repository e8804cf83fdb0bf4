"""Settlements of Deribit: the profit of a session goes into the balance, and the next one is reckoned from the mark.

Source: Deribit's account summary and transaction log: equity = balance + session_rpl + session_upl, at each settlement
the profit and the funding of the session become balance. Here a settlement is made whenever a funding was paid.
"""

import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from sandbox import margin
from sandbox.accounts import Accounts
from sandbox.collateral import CrossMargin
from sandbox.ledger import ROWS_MAX
from sandbox.rows import Income

ZERO = Decimal(0)
REMEMBERED = 500  # settlements whose profit is listed
IN_PROFIT = ("REALIZED_PNL", "FUNDING_FEE")  # what reaches the balance at a settlement alone


@dataclass(slots=True, kw_only=True)
class Session:
    """An account's running session: what was in the balance when it began, and what positions were worth a unit."""

    began_ms: int
    income_id: int  # the last one that is in the balance
    balances: dict[str, str] = field(default_factory=dict)
    quantities: dict[str, str] = field(default_factory=dict)
    prices: dict[str, str] = field(default_factory=dict)
    profits: dict[str, str] = field(default_factory=dict)  # asset and time -> what a settlement brought


class Settlements:
    """The sessions of every account of the venue."""

    def __init__(self, accounts: Accounts, cross: CrossMargin, venue: str) -> None:
        self._accounts, self._cross = accounts, cross
        self._names = [each.name for each in accounts.accounts.values() if each.venue == venue]
        self._venue = venue
        self._sessions: dict[str, Session] = {}

    def session(self, account: str) -> Session:
        """Give the running session of an account; its first one begins with what there is."""
        if account not in self._sessions:
            told = self._accounts.ledger.get(f"session {account}")
            self._sessions[account] = Session(**json.loads(told)) if told else self._first(account)
        return self._sessions[account]

    def settle_due(self) -> list[str]:
        """Settle every account for which a funding was paid since its session began, and name them."""
        settled = []
        for account in self._names:
            symbols = self._accounts.accounts[account].symbols
            last_ms = max(self._accounts.ledger.last_funding_ms(self._venue, symbol) or 0 for symbol in symbols)
            if last_ms > self.session(account).began_ms:
                self._settle(account, last_ms)
                settled.append(account)
        return settled

    def balance(self, account: str, asset: str) -> Decimal:
        """Give the balance: what the session began with, and what was paid or moved since."""
        session = self.session(account)
        since = self._incomes_after(account, session.income_id)
        moved = (each.income for each in since if each.asset == asset and each.kind not in IN_PROFIT)
        return Decimal(session.balances.get(asset, "0")) + sum(moved, ZERO)

    def floating(self, account: str, asset: str) -> Decimal:
        """Give the unrealized profit of the session."""
        return sum(
            (
                margin.profit(
                    held.quantity, self.basis(account, symbol), held.mark, held.contract_size, inverse=held.inverse
                )
                for symbol, held in self._accounts.holdings(account, asset).items()
            ),
            ZERO,
        )

    def basis(self, account: str, symbol: str) -> Decimal:
        """Give the average of the price at which a position was settled and of its trades since."""
        session, spec = self.session(account), self._accounts.market(account, symbol).spec
        quantity, price = Decimal(session.quantities.get(symbol, "0")), Decimal(session.prices.get(symbol, "0"))
        where = ("at_ms > ?", (session.began_ms,))
        for fill in self._accounts.ledger.fills(account, symbol, *where, ROWS_MAX):
            signed = fill.quantity if fill.side == "BUY" else -fill.quantity
            quantity, price, _ = margin.after_fill(
                quantity, price, signed, Decimal(fill.price), spec.contract_size, inverse=spec.inverse
            )
        return price

    def profit_at(self, account: str, asset: str, at_ms: int) -> Decimal:
        """Give the profit that a settlement brought, zero when it is not remembered."""
        return Decimal(self.session(account).profits.get(f"{asset} {at_ms}", "0"))

    def _first(self, account: str) -> Session:
        last = self._accounts.ledger.incomes(account, None, "1 = 1", (), 1, latest=True)
        session = Session(began_ms=max((each.at_ms for each in last), default=0), income_id=0)
        session.income_id = max((each.id for each in self._incomes_after(account, 0)), default=0)
        for asset in self._accounts.assets(account):
            session.balances[asset] = f"{self._accounts.wallet(account, asset):f}"
        for symbol in self._accounts.accounts[account].symbols:
            position = self._accounts.position(account, symbol)
            session.quantities[symbol], session.prices[symbol] = f"{position.quantity:f}", f"{position.entry_price:f}"
        return self._kept(account, session)

    def _settle(self, account: str, at_ms: int) -> None:
        before = self.session(account)
        known = self._incomes_after(account, before.income_id)
        session = Session(began_ms=at_ms, income_id=max((each.id for each in known), default=before.income_id))
        session.profits = dict(list(before.profits.items())[-REMEMBERED:])
        for asset in self._accounts.assets(account):
            pool, balance = self._cross.asset_pool(account, asset), self.balance(account, asset)
            funding = sum((each.income for each in known if each.asset == asset and each.kind == IN_PROFIT[1]), ZERO)
            session.balances[asset] = f"{pool.balance:f}"
            session.profits[f"{asset} {at_ms}"] = f"{pool.balance - balance - funding:f}"
            for symbol, held in pool.holdings.items():
                session.quantities[symbol], session.prices[symbol] = f"{held.quantity:f}", f"{held.mark:f}"
        self._sessions[account] = self._kept(account, session)

    def _incomes_after(self, account: str, income_id: int) -> list[Income]:
        found: list[Income] = []
        while page := self._accounts.ledger.incomes_after(account, found[-1].id if found else income_id):
            found += page
        return found

    def _kept(self, account: str, session: Session) -> Session:
        row: dict[str, Any] = asdict(session)
        self._accounts.ledger.put({f"session {account}": json.dumps(row)})
        return session
