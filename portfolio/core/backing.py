"""Backing: what stands behind the synthetic dollar, each asset once, against its supply.  Book x Marks -> Backing

Assets = what custodians and chains hold, delegated or not, staked units at the lower of their rates + per account its
balances less what is delegated to it, and the unrealized PnL. The synthetic dollar is owed at par.
"""

from collections.abc import Iterable
from decimal import Decimal

from hedgeapp.core.amounts import ZERO
from portfolio.core.figures import Figure, derived, folded, none_of, total, unknown
from portfolio.core.pnl import ValuedPosition, in_usd
from portfolio.core.rows import Backing, BackingRow, BalanceRow, CollateralRow
from portfolio.core.valuation import Valuation


def backing(
    positions: Iterable[ValuedPosition],
    balances: Iterable[BalanceRow],
    collateral: Iterable[CollateralRow],
    valuation: Valuation,
) -> Backing:
    """Return the assets by kind with their shares, and how they compare with the supply."""
    parts: dict[str, list[Figure]] = {}
    holdings = [(row.asset, row.usd) for row in collateral] + [(row.asset, row.usd) for row in balances]
    for asset, usd in holdings:
        parts.setdefault(_kind(asset, valuation), []).append(usd)
    for one in positions:
        if one.position.size:
            kind = _kind(one.settlement, valuation)
            parts.setdefault(kind, []).append(in_usd(one.unrealized, one.settlement, valuation))
    sums = {kind: total(figures) for kind, figures in parts.items()}
    assets = total(sums.values())
    supply = supply_figure(valuation)
    return Backing(
        rows=tuple(BackingRow(kind=kind, usd=sums[kind], share=share_of(sums[kind], assets)) for kind in sorted(sums)),
        assets_usd=assets,
        supply=supply,
        ratio=share_of(assets, supply),
        nav_usd=derived(lambda have, owed: have - owed, assets, supply),
        minted=folded(sum(valuation.book.minted.values(), ZERO)),
        redeemed=folded(sum(valuation.book.redeemed.values(), ZERO)),
    )


def _kind(asset: str, valuation: Valuation) -> str:
    currency = valuation.catalogue.currency(asset)
    return currency if currency == asset else f"staked {currency}"


def share_of(part: Figure, whole: Figure) -> Figure:
    """Return a part's share of a whole; there is none of a whole that is zero."""
    if whole.value == ZERO:
        return none_of((part, whole), "there is nothing to compare with: the whole is zero")
    return derived(_divided, part, whole)


def _divided(part: Decimal, whole: Decimal) -> Decimal:
    return part / whole


def supply_figure(valuation: Valuation) -> Figure:
    stated = valuation.book.supply
    if not stated:
        return unknown("no supply of the synthetic dollar is known: its chain has not stated one")
    return total(
        valuation.stated(one.total, one.at, f"chain:{chain}", "collateral", f"supply of {asset} on {chain}")
        for (chain, asset), one in sorted(stated.items())
    )
