"""Live: the book that a scenario of the present starts from.  Book x Marks -> ScenarioBook

What has no price or no mark is left out and said so; nothing is taken as zero in silence. Numbers that are stale are
taken and said.
"""

import math
from decimal import Decimal

from portfolio.core.figures import Figure
from portfolio.core.holdings import balance_rows, collateral_rows
from portfolio.core.pnl import PAYMENTS_A_DAY, ValuedPosition, payments_a_day, valued_positions
from portfolio.core.position_tiers import tiers_of
from portfolio.core.scenarios.book import USD, WHOLE, Bracket, Holding, Rate, ScenarioBook, ScenarioPosition
from portfolio.core.unified_margin import borrow_maintenance, is_unified
from portfolio.core.valuation import Valuation


def live_book(valuation: Valuation) -> ScenarioBook:
    """Return the book and its marks of one moment as a scenario book.

    Unified accounts have one margin, others one for each settlement asset, as in the margin rows of the frame.
    """
    missing: list[str] = []
    collateral, balances = collateral_rows(valuation), balance_rows(valuation)
    held = [one for one in valued_positions(valuation) if one.position.size]
    assets = {row.asset for row in collateral} | {row.asset for row in balances} | {one.settlement for one in held}
    assets |= {one.instrument.base for one in held} | {one.instrument.quote for one in held}
    currencies = {valuation.catalogue.currency(asset) for asset in assets}
    prices = {USD: 1.0} | _known({name: valuation.usd(name) for name in sorted(currencies)}, missing)
    rates = {name: rate for name in sorted(assets - currencies) if (rate := _rate(name, valuation, missing))}
    priced = {name for name in assets if name in prices or (name in rates and rates[name].currency in prices)}
    holdings = [
        Holding(holder=row.holder, venue="", asset=row.asset, own=_float(row.units.value))
        for row in collateral
        if row.asset in priced
    ]
    for balance in balances:
        whole, mirrored = _float(balance.total.value), float(balance.delegated)
        if balance.asset in priced:
            own = whole - mirrored
            holdings.append(
                Holding(
                    holder=balance.account,
                    venue=balance.venue,
                    asset=balance.asset,
                    own=own,
                    mirrored=mirrored,
                    collateral=_collateral(balance.account, balance.asset, valuation),
                )
            )
    contracts = valuation.catalogue.contracts
    assumed = {one.symbol for one in valuation.catalogue.assets.values() if one.assumed_usd is not None}
    supply = [one.total for one in valuation.book.supply.values()]
    return ScenarioBook(
        prices=prices,
        positions=tuple(found for one in held if (found := _position(one, valuation, prices, missing))),
        holdings=tuple(holdings),
        rates={name: rate for name, rate in rates.items() if name in priced},
        unified=frozenset(name for name in valuation.catalogue.accounts if is_unified(name, valuation)),
        stablecoins=frozenset(assumed | {one.settlement for one in contracts if one.kind == "linear"}),
        borrow_maintenance={
            name: share for name in sorted(priced) if (share := float(borrow_maintenance(name, valuation)))
        },
        supply=float(sum(supply)) if supply else None,
        missing=tuple(missing),
    )


def _known(figures: dict[str, Figure], missing: list[str]) -> dict[str, float]:
    for name, figure in figures.items():
        if figure.value is None:
            missing.append(f"What is held in {name} is left out: {figure.because}.")
        elif figure.state == "stale":
            missing.append(f"The price of {name} is stale: {figure.because}.")
    return {name: float(figure.value) for name, figure in figures.items() if figure.value is not None}


def _rate(asset: str, valuation: Valuation, missing: list[str]) -> Rate | None:
    protocol, market = valuation.rates(asset)
    hedged = valuation.hedged(asset)
    for figure in (protocol, market, hedged):
        if figure.value is None:
            missing.append(f"What is held in {asset} is left out: {figure.because}.")
            return None
    return Rate(
        currency=valuation.catalogue.currency(asset),
        protocol=_float(protocol.value),
        market=_float(market.value),
        hedged=_float(hedged.value),
    )


def _position(
    one: ValuedPosition, valuation: Valuation, prices: dict[str, float], missing: list[str]
) -> ScenarioPosition | None:
    instrument, mark = one.instrument, one.mark
    if mark.value is None or not {instrument.base, instrument.quote, one.settlement} <= prices.keys():
        missing.append(f"The position of {one.position.account} in {instrument.id} is left out: {mark.because}.")
        return None
    if mark.state == "stale":
        missing.append(f"The mark of {instrument.id} is stale: {mark.because}.")
    funding = valuation.mark(instrument.id, "funding_rate").value if instrument.expiry == "perpetual" else None
    return ScenarioPosition(
        account=one.position.account,
        venue=instrument.venue,
        instrument=instrument.id,
        kind=one.position.kind,
        base=instrument.base,
        quote=instrument.quote,
        settlement=one.settlement,
        size=float(one.position.size),
        entry_value=float(one.position.settlement_value),
        mark=float(mark.value),
        brackets=_brackets(one, valuation),
        funding_rate=_float(funding) * float(payments_a_day(instrument.funding.minutes)) / PAYMENTS_A_DAY,
    )


def _collateral(account: str, asset: str, valuation: Valuation) -> tuple[tuple[float, float], ...]:
    """Return what a unified account counts an asset for; what its venue does not name is no collateral."""
    stated = valuation.book.terms.collateral.get(account)
    if stated is None:
        return WHOLE
    tiers = next((one.tiers for one in stated.assets if one.asset == asset), ())
    return tuple((math.inf if tier.cap is None else float(tier.cap), float(tier.ratio)) for tier in tiers)


def _brackets(one: ValuedPosition, valuation: Valuation) -> tuple[Bracket, ...]:
    account, terms = one.position.account, valuation.book.terms
    if is_unified(account, valuation) and not terms.are_told(account):
        return ()  # what its assets count for is not known: neither is its margin
    tiers, leverage = tiers_of(one), terms.leverage(account, one.instrument.id)
    caps = [*(float(tier.cap) for tier in tiers[:-1]), math.inf]
    return tuple(
        Bracket(
            cap=cap,
            rate=float(tier.maintenance_rate),
            deduction=float(tier.deduction),
            initial_rate=1.0 / float(tier.leverage_max if leverage is None else min(leverage, tier.leverage_max)),
            growth=float(tier.growth),
        )
        for cap, tier in zip(caps, tiers, strict=bool(tiers))
    )


def _float(value: Decimal | None) -> float:
    return 0.0 if value is None else float(value)
