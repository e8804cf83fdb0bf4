"""Holdings on the screen: balances, collateral, what they back, and why the assets are worth it."""

from typing import Final

from hedgeapp.core.amounts import ZERO
from portfolio.core.rows import Backing, BackingRow, BalanceRow, CollateralRow, Worth
from portfolio.screen import numbers
from portfolio.screen.exposure import HUNDRED
from portfolio.screen.leaves import bar, figure, name
from portfolio.screen.page import Row, Section, row

RATE_DECIMALS: Final = 6


def balances(shown: tuple[BalanceRow, ...]) -> Section:
    """Return a row per account and asset."""
    return tuple(_balance(one) for one in shown)


def _balance(one: BalanceRow) -> Row:
    here = name("balance", one.account, one.asset)
    return row(
        f"{one.account}:{one.asset}",
        {
            "account": one.account,
            "asset": one.asset,
            "delegated": numbers.plain(one.delegated, numbers.decimals_of(one.asset)) if one.delegated else None,
        },
        {
            "total": figure(f"{here}-total", one.total, one.asset),
            "price": figure(f"{here}-price", one.usd_price, "USD", decimals=4),
            "usd": figure(f"{here}-usd", one.usd, "USD"),
        },
    )


def collateral(shown: tuple[CollateralRow, ...]) -> Section:
    """Return a row per holder, wallet and asset, with both rates of a staked one."""
    return tuple(_held(one) for one in shown)


def _held(one: CollateralRow) -> Row:
    here = name("collateral", one.holder, one.wallet, one.asset)
    leaves = {
        "units": figure(f"{here}-units", one.units, one.asset),
        "by_protocol": figure(f"{here}-by_protocol", one.by_protocol, one.currency),
        "usd": figure(f"{here}-usd", one.usd, "USD"),
    }
    if one.asset != one.currency:  # only a staked unit has rates
        leaves |= {
            "protocol_rate": figure(f"{here}-protocol_rate", one.protocol_rate, one.currency, decimals=RATE_DECIMALS),
            "market_rate": figure(f"{here}-market_rate", one.market_rate, one.currency, decimals=RATE_DECIMALS),
            "by_market": figure(f"{here}-by_market", one.by_market, one.currency),
        }
    if one.locked.value != ZERO:
        leaves["locked"] = figure(f"{here}-locked", one.locked, one.asset)
    return row(
        f"{one.holder}:{one.wallet}:{one.asset}",
        {"holder": one.holder, "wallet": one.wallet, "asset": one.asset, "currency": one.currency},
        leaves,
    )


def backing(shown: Backing) -> Section:
    """Return one row with the totals; under it a row per kind of asset."""
    kinds = tuple(_kind(one) for one in shown.rows)
    leaves = {
        "ratio": figure("backing-ratio", shown.ratio, "%", decimals=2, scale=HUNDRED, suffix=" %"),
        "assets": figure("backing-assets", shown.assets_usd, "USD"),
        "supply": figure("backing-supply", shown.supply, "USD"),
        "nav": figure("backing-nav", shown.nav_usd, "USD", sign=True),
        "minted": figure("backing-minted", shown.minted, "USD"),
        "redeemed": figure("backing-redeemed", shown.redeemed, "USD"),
    }
    return (row("backing", {}, leaves, kinds),)


def _kind(one: BackingRow) -> Row:
    here = name("backing", one.kind)
    return row(
        one.kind,
        {"kind": one.kind},
        {
            "share": figure(f"{here}-share", one.share, "%", decimals=1, scale=HUNDRED, suffix=" %"),
            "usd": figure(f"{here}-usd", one.usd, "USD"),
            "bar": bar(f"{here}-bar", one.share.value, "good"),
        },
    )


def worth(shown: Worth) -> Section:
    """Return the lines that sum to what the assets are worth."""
    lines = {"vector": shown.vector_usd, "basis": shown.basis_usd, "discount": shown.discount_usd}
    leaves = {key: figure(f"worth-{key}", one, "USD", sign=True) for key, one in lines.items()}
    return (row("worth", {}, {**leaves, "assets": figure("worth-assets", shown.assets_usd, "USD")}),)
