"""Holdings: what accounts, custodians and chains hold for us, and what it is worth.  Book x Marks -> rows"""

from collections.abc import Callable
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from portfolio.core.figures import Figure, derived, folded
from portfolio.core.rows import BalanceRow, CollateralRow
from portfolio.core.valuation import Valuation

times: Callable[[Decimal, Decimal], Decimal] = Decimal.__mul__


def contribution(equity: Decimal, delegated: Decimal) -> Decimal:
    """Return what a venue adds to the book: a delegated balance counts once, at its custodian."""
    return equity - delegated


def own_part(row: BalanceRow) -> Figure:
    """Return the part of an account's balance that counts at the venue."""
    return derived(contribution, row.total, folded(row.delegated))


def balance_rows(valuation: Valuation) -> tuple[BalanceRow, ...]:
    """Return the accounts' balances, by account and asset; those that are and were nothing are left out."""
    rows = []
    for (account, asset), stated in sorted(valuation.book.balances.items()):
        delegated = valuation.book.delegated.get((account, asset), ZERO)
        if not stated.total and not delegated:
            continue
        what = f"balance of {account} in {asset}"
        whole = valuation.stated(stated.total, stated.at, f"account:{account}", "balance", what)
        price = valuation.unit_usd(asset)
        known = valuation.catalogue.accounts.get(account)
        rows.append(
            BalanceRow(
                account=account,
                venue=known.venue if known else account.partition(":")[0],
                asset=asset,
                total=whole,
                delegated=delegated,
                usd_price=price,
                usd=derived(lambda units, usd, mirrored=delegated: contribution(units, mirrored) * usd, whole, price),
            )
        )
    return tuple(rows)


def collateral_rows(valuation: Valuation) -> tuple[CollateralRow, ...]:
    """Return what custodians and chains hold, by holder, wallet and asset; empty wallets are left out.

    What the reserve fund holds is not among it: see `reserve_rows`.
    """
    return _held(valuation, of_reserve=False)


def reserve_rows(valuation: Valuation) -> tuple[CollateralRow, ...]:
    """Return what the reserve fund's wallets hold, likewise; it is in no sum of the book."""
    return _held(valuation, of_reserve=True)


def _held(valuation: Valuation, *, of_reserve: bool) -> tuple[CollateralRow, ...]:
    rows = []
    for (holder, wallet, asset), stated in sorted(valuation.book.collateral.items()):
        if not stated.total and not stated.locked:
            continue
        if valuation.catalogue.is_reserve(holder, wallet) != of_reserve:
            continue
        feed = f"{'chain' if holder in valuation.catalogue.chains else 'custodian'}:{holder}"
        what = f"{asset} of {holder} in {wallet}"
        units = valuation.stated(stated.total, stated.at, feed, "collateral", what)
        protocol_rate, market_rate = valuation.rates(asset)
        rows.append(
            CollateralRow(
                holder=holder,
                wallet=wallet,
                asset=asset,
                currency=valuation.catalogue.currency(asset),
                units=units,
                locked=valuation.stated(stated.locked, stated.at, feed, "collateral", what),
                protocol_rate=protocol_rate,
                market_rate=market_rate,
                by_protocol=derived(times, units, valuation.hedged(asset)),
                by_market=derived(times, units, market_rate),
                usd=derived(times, units, valuation.unit_usd(asset)),
            )
        )
    return tuple(rows)
