"""Settlements: what exchanges owe us until their next one.  cells x Book -> Owed

A custodian that settles pays what an account gained since the settlement before, so own cash and unrealized profit are
what would be lost if the exchange failed now. Assets are not netted: what we owe of one stays owed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgeapp.core.amounts import ZERO
from portfolio.core.figures import Figure, derived, total
from portfolio.core.rows import Owed, SheetCell
from portfolio.core.valuation import Valuation

CYCLE: Final = "settlement_cycle"


def owed_by(cells: Iterable[SheetCell], valuation: Valuation) -> tuple[Owed, ...]:
    """Return a row for each account that has cash or open positions."""
    accounts: dict[str, list[SheetCell]] = {}
    for cell in cells:
        if cell.place in ("exchange", "unrealized"):
            accounts.setdefault(cell.holder, []).append(cell)
    return tuple(_owed(account, accounts[account], valuation) for account in sorted(accounts))


def _owed(account: str, cells: list[SheetCell], valuation: Valuation) -> Owed:
    by_asset: dict[str, list[Figure]] = {}
    for cell in cells:
        by_asset.setdefault(cell.asset, []).append(cell.usd)
    sums = [total(by_asset[asset]) for asset in sorted(by_asset)]
    settled_at, due_at, because = due(account, valuation)
    return Owed(
        account=account,
        cash_usd=total(one.usd for one in cells if one.place == "exchange"),
        unrealized_usd=total(one.usd for one in cells if one.place == "unrealized"),
        net_usd=total(sums),
        at_risk_usd=total(derived(_positive, one) for one in sums),
        settled_at=settled_at,
        due_at=due_at,
        because=because,
    )


def _positive(value: Decimal) -> Decimal:
    return max(ZERO, value)


def cycle_of(account: str, valuation: Valuation) -> timedelta | None:
    """Return the time from one settlement of an account to the next; None where no limit says it."""
    limits = valuation.catalogue.limits_by_subject
    cycle = limits.get((CYCLE, account)) or limits.get((CYCLE, "account"))
    return timedelta(seconds=float(cycle.value)) if cycle else None


def due(account: str, valuation: Valuation) -> tuple[datetime | None, datetime | None, str]:
    """Return when an account was settled last and will be next, or why that is not known."""
    seen = valuation.book.settled.get(account)
    cycle = cycle_of(account, valuation)
    if seen is None:
        return None, None, "no custodian has told of a settlement of this account yet"
    if cycle is None:
        return seen.at, None, f"no limit of kind {CYCLE} for {account}"
    return seen.at, seen.at + cycle, ""
