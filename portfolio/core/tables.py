"""Tables: positions by venue, with subtotals that reconcile.  Book x Marks -> VenuePositions"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from hedgeapp.core.events.positions import PositionStated
from marketdata.core.funding_terms import ACCRUING
from portfolio.core.exposure import delta
from portfolio.core.figures import Figure, derived, folded, none_of, total, unknown
from portfolio.core.pnl import ValuedPosition, funding_24h, in_usd
from portfolio.core.position_liquidations import Liquidates, liquidation
from portfolio.core.rows import Agreement, AssetFigure, MarginRow, PositionRow, PositionSubtotal, VenuePositions
from portfolio.core.valuation import Valuation

BASIS_POINTS: Final = Decimal(10_000)


def venue_positions(
    positions: Iterable[ValuedPosition], margins: Sequence[MarginRow], valuation: Valuation
) -> tuple[VenuePositions, ...]:
    """Return the positions at each venue; those that are flat here and at the venue are left out."""
    by_venue: dict[str, list[PositionRow]] = {}
    for one in positions:
        row = _row(one, margins, valuation)
        if one.position.size or one.position.quantity or row.stated_quantity.value:
            by_venue.setdefault(row.venue, []).append(row)
    return tuple(
        valuation.workings.of(("venue", venue), tuple(rows), partial(_venue, venue, rows))
        for venue, rows in sorted(by_venue.items())
    )


def expected_funding(venues: Iterable[VenuePositions]) -> Iterable[tuple[str, Figure]]:
    """Return each position's settlement asset with the funding it expects in the next 24 hours."""
    return ((row.settlement, row.funding_24h) for venue in venues for row in venue.rows)


def _row(one: ValuedPosition, margins: Sequence[MarginRow], valuation: Valuation) -> PositionRow:
    """Return a position's row, the last one while everything that is written into it is as it was."""
    position, id_ = one.position, one.instrument.id
    key = position.account, position.instrument
    liquidates = liquidation(one, margins, valuation)
    inputs = (
        one,
        position.held,
        tuple(position.fees.items()),
        position.updated_at,
        liquidates,
        valuation.mark(id_, "index"),
        valuation.mark(id_, "funding_rate"),
        valuation.time_of(id_, "funding_at"),
        valuation.usd(one.settlement),
        tuple(valuation.book.funding.get(key, {}).items()),
        valuation.book.stated.get(key),
        _stated(one, valuation),
        _accrues(one.instrument.venue, valuation),
    )
    return valuation.workings.of(("row", *key), inputs, lambda: _made(one, liquidates, valuation))


def _made(one: ValuedPosition, liquidates: Liquidates, valuation: Valuation) -> PositionRow:
    position, instrument, size = one.position, one.instrument, one.size
    mark, index = one.mark, valuation.mark(instrument.id, "index")
    notional = derived(abs, one.worth)
    return PositionRow(
        account=position.account,
        venue=instrument.venue,
        instrument=instrument.id,
        symbol=instrument.symbol,
        kind=position.kind,
        expiry=instrument.expiry,
        expires_at=instrument.expires_at,
        base=instrument.base,
        quote=instrument.quote,
        settlement=instrument.settlement,
        contract_size=instrument.contract_size,
        size_unit=instrument.base if position.kind == "linear" else instrument.quote,
        quantity=derived(lambda _: position.quantity, size),
        size=size,
        entry_price=_price(position.entry_price, size),
        settlement_price=_price(position.settlement_price, size),
        mark=mark,
        liquidation_price=liquidates.price,
        liquidation_away=liquidates.away,
        liquidation_hours=liquidates.hours,
        index=index,
        basis_bp=derived(lambda at, spot: (at / spot - 1) * BASIS_POINTS, mark, index),
        notional=notional,
        notional_usd=in_usd(notional, instrument.settlement, valuation),
        delta=delta(one),
        unrealized=one.unrealized,
        unrealized_usd=in_usd(one.unrealized, instrument.settlement, valuation),
        realized=folded(position.realized),
        fees=_by_asset({asset: -paid for asset, paid in position.fees.items()}),
        funding=_by_asset(valuation.book.funding.get((position.account, position.instrument), {})),
        funding_rate=valuation.mark(instrument.id, "funding_rate"),
        funding_at=valuation.time_of(instrument.id, "funding_at"),
        funding_24h=funding_24h(one, valuation),
        stated_quantity=_stated(one, valuation),
        agreement=_agreement(one, valuation.book.stated.get((position.account, position.instrument))),
        opened_at=position.opened_at,
        updated_at=position.updated_at,
        funding_minutes=instrument.funding.minutes,
        funding_cap=instrument.funding.cap,
        funding_floor=instrument.funding.floor,
        funding_accrues=_accrues(instrument.venue, valuation),
    )


def _accrues(venue: str, valuation: Valuation) -> bool:
    known = valuation.catalogue.venues.get(venue)
    return known is not None and known.protocol in ACCRUING


def _price(price: Decimal | None, size: Figure) -> Figure:
    if price is None:
        return none_of((size,), "the position is flat")
    return derived(lambda _: price, size)


def _by_asset(amounts: dict[str, Decimal]) -> tuple[AssetFigure, ...]:
    return tuple(AssetFigure(asset=asset, figure=folded(amounts[asset])) for asset in sorted(amounts))


def _stated(one: ValuedPosition, valuation: Valuation) -> Figure:
    account, instrument = one.position.account, one.position.instrument
    stated = valuation.book.stated.get((account, instrument))
    if stated is None:
        return unknown(f"{one.instrument.venue} has not stated its position of {account} in {instrument}")
    what = f"stated position of {account} in {instrument}"
    return valuation.stated(stated.quantity, stated.at, f"account:{account}", "balance", what)


def _agreement(one: ValuedPosition, stated: PositionStated | None) -> Agreement:
    if stated is None:
        return "unknown"
    position = one.position
    # The size differs from the quantity's when the contract size changed while the position was open.
    if stated.quantity == position.quantity and position.quantity * one.instrument.contract_size == position.size:
        return "agrees"
    # A statement from before the last fill says nothing about it.
    return "differs" if stated.at >= position.updated_at else "unknown"


def _venue(venue: str, rows: Sequence[PositionRow]) -> VenuePositions:
    return VenuePositions(
        venue=venue,
        rows=tuple(rows),
        subtotals=tuple(
            _subtotal(asset, [row for row in rows if row.settlement == asset])
            for asset in sorted({row.settlement for row in rows})
        ),
        notional_usd=total(row.notional_usd for row in rows),
        unrealized_usd=total(row.unrealized_usd for row in rows),
    )


def _subtotal(asset: str, rows: Sequence[PositionRow]) -> PositionSubtotal:
    return PositionSubtotal(
        settlement=asset,
        positions=len(rows),
        notional=total(row.notional for row in rows),
        notional_usd=total(row.notional_usd for row in rows),
        unrealized=total(row.unrealized for row in rows),
        unrealized_usd=total(row.unrealized_usd for row in rows),
        realized=total(row.realized for row in rows),
        funding_24h=total(row.funding_24h for row in rows),
    )
