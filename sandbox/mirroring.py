"""Mirrored collateral at the exchange: what a linked account may receive and give back, and what it has realized."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

from sandbox.accounts import Accounts
from sandbox.binance.wire import cut
from sandbox.collateral import CrossMargin
from sandbox.instruments import USDM
from sandbox.ledger import ROWS_MAX

EARNED = frozenset({"REALIZED_PNL", "COMMISSION", "FUNDING_FEE", "INSURANCE_CLEAR", "INTEREST"})
CENT = Decimal("0.01")
ZERO = Decimal(0)


class Mirroring:
    """The accounts of the exchanges as a custodian sees them."""

    def __init__(self, accounts: Accounts, cross: CrossMargin) -> None:
        self._accounts, self._cross = accounts, cross

    def coins(self, account: str) -> list[str]:
        """List the coins that count as margin in an account: those with a collateral ratio, or the contracts' own."""
        if self._accounts.accounts[account].venue == USDM:
            return list(self._cross.ratios)
        return self._accounts.assets(account)

    def withdrawable(self, account: str, coin: str) -> Decimal:
        """Give how much of a coin may leave an account: its wallet, as far as the margin allows."""
        if self._cross.ratios.get(coin) == 0:
            return cut(self._accounts.wallet(account, coin))  # it is no margin
        free = min(self._cross.available(account, coin), self._accounts.wallet(account, coin))
        return cut(max(ZERO, free))

    def credit(self, account: str, coin: str, amount: Decimal, at_ms: int, others: Sequence[Any]) -> None:
        """Move coins into an account, out of it when negative, in one transaction with rows of other tables."""
        self._accounts.transfer(account, coin, amount, at_ms, others)

    def realized(self, account: str, after_income: int) -> dict[str, Decimal]:
        """Sum an account's profit, fees, funding and interest by coin since an income."""
        found: dict[str, Decimal] = {}
        after, page = after_income, ROWS_MAX
        while page == ROWS_MAX:
            rows = self._accounts.ledger.incomes_after(account, after)
            page, after = len(rows), rows[-1].id if rows else after
            for row in rows:
                if row.kind in EARNED:
                    found[row.asset] = found.get(row.asset, ZERO) + row.income
        return found

    def last_income(self) -> int:
        """Give the number of the latest income."""
        return self._accounts.income_ids.next - 1

    def worth_usdt(self, account: str) -> Decimal:
        """Value what an account holds at the index prices, its open profit included."""
        pools = [self._cross.asset_pool(account, asset) for asset in self._cross.assets(account)]
        total = sum((each.balance * self._cross.price(each.unit) for each in pools), ZERO)
        return total.quantize(CENT, rounding=ROUND_DOWN)
