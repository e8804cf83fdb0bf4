"""Buffers: what accounts have to pay losses with, and what a rise would make them borrow.  Book x Marks -> BufferRow

A loss is paid in the settlement asset. Where that runs out, a venue that lends lends by itself |min(0, equity)| of it;
at any other venue so much has to be brought. The target is a limit of kind `settlement_buffer` on the account's asset.
"""

from collections.abc import Iterable
from datetime import UTC
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import pnl
from portfolio.core.debts import Debt
from portfolio.core.figures import Figure, derived, exact, folded, none_of, total, unknown
from portfolio.core.pnl import ValuedPosition
from portfolio.core.rows import BorrowNeed, BufferRow
from portfolio.core.unified import Contract, borrowed
from portfolio.core.unified_margin import contract_of, wallet_of
from portfolio.core.valuation import Valuation

RISES: Final = (ZERO, Decimal("0.05"), Decimal("0.10"), Decimal("0.20"))  # of every price that contracts are on


def buffer_rows(positions: Iterable[ValuedPosition], valuation: Valuation) -> tuple[BufferRow, ...]:
    """Return a row for each account and asset that open positions settle in, that is owed, or that has a target."""
    groups: dict[tuple[str, str], list[ValuedPosition]] = {}
    for one in positions:
        if one.position.size:
            groups.setdefault((one.position.account, one.settlement), []).append(one)
    for (account, asset), stated in valuation.book.balances.items():
        if stated.total < 0:
            groups.setdefault((account, asset), [])
    for kind, subject in valuation.catalogue.limits_by_subject:
        account, _, asset = subject.partition(" ")
        if kind == "settlement_buffer" and account in valuation.catalogue.accounts:
            groups.setdefault((account, asset), [])
    return tuple(_row(account, asset, groups[account, asset], valuation) for account, asset in sorted(groups))


def _row(account: str, asset: str, positions: list[ValuedPosition], valuation: Valuation) -> BufferRow:
    wallet = wallet_of(account, asset, valuation)
    equity = total((wallet, *(one.unrealized for one in positions)))
    limit = valuation.catalogue.limits_by_subject.get(("settlement_buffer", f"{account} {asset}"))
    target = exact(limit.value) if limit else none_of((), f"no limit of kind settlement_buffer for {account} {asset}")
    contracts = [contract_of(one, valuation) for one in positions]
    debt = valuation.book.debts.of(account, asset)
    return BufferRow(
        account=account,
        asset=asset,
        equity=equity,
        target=target,
        missing=derived(lambda have, want: max(ZERO, want - have), equity, target) if limit else target,
        needs=tuple(BorrowNeed(rise=rise, amount=_need(wallet, positions, contracts, rise)) for rise in RISES),
        hourly_rate=_hourly_rate(debt, valuation),
        interest_today=_interest(debt, valuation),
    )


def _hourly_rate(debt: Debt, valuation: Valuation) -> Figure:
    if debt.rate is None:
        return unknown(f"no borrow rate of {debt.asset} in {debt.account} is known: its feed has not stated one")
    what = f"borrow rate of {debt.asset} in {debt.account}"
    return valuation.stated(debt.rate.hourly_rate, debt.rate.at, f"account:{debt.account}", "balance", what)


def _interest(debt: Debt, valuation: Valuation) -> Figure:
    if debt.rate is None and debt.day is None:
        return unknown(f"no interest of {debt.asset} in {debt.account} is known: its feed has told of none")
    return folded(debt.on(valuation.at.astimezone(UTC).date()))


def _need(wallet: Figure, positions: list[ValuedPosition], contracts: list[Contract], rise: Decimal) -> Figure:
    """Return what is borrowed after every price rose by a share."""
    gained = sum((pnl(one.kind, one.basis, one.worth_at(ONE + rise)) for one in contracts), ZERO)
    return derived(lambda have, *_: borrowed(have + gained), wallet, *(one.worth for one in positions))
