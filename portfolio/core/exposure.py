"""Exposure: how far the book is from flat.  Book x Marks -> Exposure

A vector over currencies. An inverse position of Q counts Q/mark of its coin (a short: −|Q|/mark), −Q of USD, and all of
its coin equity as coin: balance and unrealized PnL. A linear one of N counts N of its base and −N x settlement price of
its stablecoin. Staked units count by the protocol's rate x the policy factor. A delegated balance counts once, at its
custodian. The vector at its USD prices, the basis and the discount of staked units sum to the assets exactly.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from hedgeapp.core.amounts import ZERO
from marketdata.core.board import FeedHealth
from portfolio.core.book import Book
from portfolio.core.figures import Figure, derived, none_of, total
from portfolio.core.holdings import balance_rows, collateral_rows, own_part, times
from portfolio.core.pnl import ValuedPosition, in_usd, valued_positions
from portfolio.core.rows import (
    BalanceRow,
    BandState,
    CollateralRow,
    ConcentrationRow,
    ExposureLine,
    ExposureRow,
    Worth,
)
from portfolio.core.valuation import USD, Marks, Valuation
from portfolio.core.workings import Workings

NO_BAND: Final = "no limit of kind net_delta_band is set"


def exposure(
    book: Book, marks: Marks, at: datetime, feeds: Iterable[FeedHealth] = (), workings: Workings | None = None
) -> tuple[ExposureRow, ...]:
    """Return how far the book is from flat in each currency; `workings` are of the last time."""
    valuation = Valuation(book, marks, at, feeds, workings)
    lines = exposure_lines(valued_positions(valuation), balance_rows(valuation), collateral_rows(valuation), valuation)
    return exposure_rows(lines, valuation)


def exposure_lines(
    positions: Iterable[ValuedPosition],
    balances: Iterable[BalanceRow],
    collateral: Iterable[CollateralRow],
    valuation: Valuation,
) -> list[ExposureLine]:
    """Return every cause of exposure: collateral first, then balances, then positions."""
    currency = valuation.catalogue.currency
    lines = [
        ExposureLine(
            currency=row.currency,
            holder=row.holder,
            what=f"{row.asset} in {row.wallet}",
            kind="collateral",
            amount=row.by_protocol,
        )
        for row in collateral
    ]
    for balance in balances:
        own = own_part(balance)
        staked = currency(balance.asset) != balance.asset
        lines.append(
            ExposureLine(
                currency=currency(balance.asset),
                holder=balance.account,
                what=f"{balance.asset} balance",
                kind="balance",
                amount=derived(times, own, valuation.hedged(balance.asset)) if staked else own,
            )
        )
    for valued in positions:
        if valued.position.size:
            lines += _position_lines(valued, valuation)
    return lines


def delta(valued: ValuedPosition) -> Figure:
    """Return a position's exposure to its base: its size if linear, its worth in coin if inverse."""
    return valued.size if valued.position.kind == "linear" else valued.worth


def _position_lines(valued: ValuedPosition, valuation: Valuation) -> tuple[ExposureLine, ...]:
    instrument, position = valued.instrument, valued.position
    currencies = {
        of: valuation.catalogue.currency(of) for of in (instrument.base, instrument.quote, instrument.settlement)
    }
    name = "lines", position.account, position.instrument
    return valuation.workings.of(name, (valued, position.held, currencies), lambda: tuple(_lines(valued, currencies)))


def _lines(valued: ValuedPosition, currencies: Mapping[str, str]) -> Iterator[ExposureLine]:
    instrument, position = valued.instrument, valued.position

    def line(
        asset: str, what: str, kind: Literal["position", "counterpart", "unrealized"], amount: Figure
    ) -> ExposureLine:
        what = f"{instrument.symbol} {what}"
        return ExposureLine(currency=currencies[asset], holder=position.account, what=what, kind=kind, amount=amount)

    yield line(instrument.base, "position", "position", delta(valued))
    if position.kind == "linear":
        sold_for = derived(lambda _: -position.settlement_value, valued.size)
        yield line(instrument.settlement, "sold for", "counterpart", sold_for)
    else:
        yield line(instrument.quote, "sold for", "counterpart", derived(lambda size: -size, valued.size))
        yield line(instrument.settlement, "unrealized", "unrealized", valued.unrealized)


def exposure_rows(lines: Iterable[ExposureLine], valuation: Valuation) -> tuple[ExposureRow, ...]:
    """Return a row per currency: coins first, then stablecoins, then USD."""
    by_currency: dict[str, list[ExposureLine]] = {}
    for asset in valuation.catalogue.assets.values():
        by_currency.setdefault(asset.underlying, [])
    for line in lines:
        by_currency.setdefault(line.currency, []).append(line)
    linear_cash = {one.settlement for one in valuation.catalogue.contracts if one.kind == "linear"}
    assumed = {one.symbol for one in valuation.catalogue.assets.values() if one.assumed_usd is not None}

    def place(currency: str) -> tuple[bool, bool, str]:
        return currency == USD, currency in linear_cash | assumed, currency

    return tuple(_row(currency, by_currency[currency], valuation) for currency in sorted(by_currency, key=place))


def _row(currency: str, lines: list[ExposureLine], valuation: Valuation) -> ExposureRow:
    band, price = valuation.catalogue.band(currency), valuation.usd(currency)
    inputs = (*lines, band, price)
    return valuation.workings.of(("exposure", currency), inputs, lambda: _measured(currency, lines, band, price))


def _measured(currency: str, lines: list[ExposureLine], band: Decimal | None, price: Figure) -> ExposureRow:
    amounts = [line.amount for line in lines]
    net = total(amounts)
    state: BandState = "unbounded"
    share = none_of((), NO_BAND)
    if band is not None:
        share = derived(lambda amount: abs(amount) / band, net) if band else none_of((net,), "the band is zero")
        state = "unknown"
        if net.is_current and net.value is not None:
            state = "inside" if abs(net.value) <= band else "outside"
    return ExposureRow(
        currency=currency,
        long=derived(_long, *amounts),
        short=derived(_short, *amounts),
        net=net,
        # Nothing at all is worth nothing at any price, known or not.
        net_usd=derived(times, net, price) if lines else net,
        band=band,
        band_share=share,
        band_state=state,
        lines=tuple(lines),
    )


def _long(*amounts: Decimal) -> Decimal:
    return sum((one for one in amounts if one > ZERO), ZERO)


def _short(*amounts: Decimal) -> Decimal:
    return sum((one for one in amounts if one < ZERO), ZERO)


def concentration_rows(positions: Iterable[ValuedPosition], valuation: Valuation) -> tuple[ConcentrationRow, ...]:
    """Return net and gross of the positions per venue, then per instrument, in their base currency and in USD."""
    groups: dict[tuple[Literal["venue", "instrument"], str, str], list[Figure]] = {}
    for one in positions:
        if not one.position.size:
            continue
        currency = valuation.catalogue.currency(one.instrument.base)
        groups.setdefault(("venue", one.instrument.venue, currency), []).append(delta(one))
        groups.setdefault(("instrument", one.instrument.id, currency), []).append(delta(one))
    rows = []
    for scope, name, currency in sorted(groups, key=lambda key: (key[0] == "instrument", *key)):
        deltas = groups[scope, name, currency]
        net = total(deltas)
        gross = derived(lambda *values: sum(map(abs, values), ZERO), *deltas)
        rows.append(
            ConcentrationRow(
                scope=scope,
                name=name,
                currency=currency,
                net=net,
                gross=gross,
                net_usd=in_usd(net, currency, valuation),
                gross_usd=in_usd(gross, currency, valuation),
            )
        )
    return tuple(rows)


def worth(
    rows: Iterable[ExposureRow],
    positions: Iterable[ValuedPosition],
    balances: Iterable[BalanceRow],
    collateral: Iterable[CollateralRow],
    valuation: Valuation,
) -> Worth:
    """Return why the assets are worth what they are worth: the vector, the basis and the discount of staked units."""
    vector = total(row.net_usd for row in rows)
    basis = total(basis_usd(one, valuation) for one in positions if one.position.size)
    discounts = [_discount(row.units, row.asset, valuation) for row in collateral]
    discounts += [_discount(own_part(row), row.asset, valuation) for row in balances]
    discount = total(one for one in discounts if one is not None)
    return Worth(vector_usd=vector, basis_usd=basis, discount_usd=discount, assets_usd=total((vector, basis, discount)))


def basis_usd(valued: ValuedPosition, valuation: Valuation) -> Figure:
    """Return what a position's value owes to its mark being away from the USD prices of what it is made of.

    Linear: worth x stablecoin − size x coin; inverse: size x quote − worth x coin; both zero at one common price.
    """
    coin = valuation.usd(valuation.catalogue.currency(valued.instrument.base))
    if valued.position.kind == "linear":
        cash = valuation.usd(valuation.catalogue.currency(valued.instrument.settlement))
        return derived(lambda worth, u, size, s: worth * u - size * s, valued.worth, cash, valued.size, coin)
    quote = valuation.usd(valued.instrument.quote)
    return derived(lambda size, q, worth, s: size * q - worth * s, valued.size, quote, valued.worth, coin)


def _discount(units: Figure, asset: str, valuation: Valuation) -> Figure | None:
    """Return what staked units lose by the lower rate: units x (value of one − hedged units of one x price)."""
    currency = valuation.catalogue.currency(asset)
    if currency == asset:
        return None
    value, hedged, price = valuation.unit_usd(asset), valuation.hedged(asset), valuation.usd(currency)
    return derived(lambda u, v, h, p: u * (v - h * p), units, value, hedged, price)
