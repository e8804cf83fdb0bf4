"""PnL: what positions are worth at their marks, what they gained and what they were paid.  Book x Marks -> PnlRow

Unrealized profit counts from the last settlement, so that it, what is realized and unsettled, and what is settled are
three exclusive parts. The venues so far pay realized profit into the balance at once. Formulas: `docs/arithmetic.md`.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.instruments import Instrument, pnl, value
from hedgeapp.core.records import record
from portfolio.core.figures import Figure, derived, exact, folded, total
from portfolio.core.positions import Position
from portfolio.core.rows import FundingRow, PnlRow
from portfolio.core.valuation import Valuation

PAYMENTS_A_DAY: Final = 3  # where a venue tells no interval: funding is paid, or its rate said, for every 8 hours
MINUTES_A_DAY: Final = 24 * 60


@record
class ValuedPosition:
    """A position with what it is worth now; `worth` (signed) and `unrealized` are in its settlement asset."""

    position: Position
    instrument: Instrument
    size: Figure
    mark: Figure
    worth: Figure
    unrealized: Figure

    @property
    def settlement(self) -> str:
        """The asset that profit is paid in."""
        return self.instrument.settlement


def valued_positions(valuation: Valuation, account: str | None = None) -> tuple[ValuedPosition, ...]:
    """Return every position of the book, or of one account, at its mark, by account and instrument."""
    instruments = valuation.catalogue.instruments
    positions = valuation.book.positions
    keys = sorted(key for key in positions if account in (None, key[0]))
    return tuple(_valued(positions[key], instruments[key[1]], valuation) for key in keys)


def _valued(position: Position, instrument: Instrument, valuation: Valuation) -> ValuedPosition:
    what = f"position of {position.account} in {position.instrument}"
    size = valuation.stated(position.size, position.updated_at, f"account:{position.account}", "balance", what)
    mark = valuation.mark(position.instrument, "mark")

    def make() -> ValuedPosition:
        return _at(position, instrument, size, mark)

    inputs = (position.held, size, mark, instrument)
    return valuation.workings.of(("position", position.account, position.instrument), inputs, make)


def _at(position: Position, instrument: Instrument, size: Figure, mark: Figure) -> ValuedPosition:
    # A flat position is worth nothing at any mark, known or not.
    worth = derived(partial(value, position.kind), size, mark) if position.size else size
    unrealized = derived(partial(pnl, position.kind, position.settlement_value), worth)
    return ValuedPosition(
        position=position, instrument=instrument, size=size, mark=mark, worth=worth, unrealized=unrealized
    )


def payments_a_day(minutes: int | None) -> Decimal:
    """Return how often a day funding is paid at the rate of one payment, by the minutes between two."""
    return Decimal(MINUTES_A_DAY) / minutes if minutes else Decimal(PAYMENTS_A_DAY)


def funding_24h(valued: ValuedPosition, valuation: Valuation) -> Figure:
    """Return the funding expected in the next 24 hours at the rate of the next payment, in the settlement asset.

    A positive rate is paid by longs to shorts: each payment is −rate x worth (Bybit, "Funding Fee Calculation").
    """
    if not valued.position.size:
        return valued.size
    if valued.instrument.expiry == "dated":
        return exact(ZERO)
    rate, payments = (
        valuation.mark(valued.instrument.id, "funding_rate"),
        payments_a_day(valued.instrument.funding.minutes),
    )
    return derived(lambda one, worth: -one * worth * payments, rate, valued.worth)


def pnl_rows(positions: Iterable[ValuedPosition], valuation: Valuation) -> tuple[PnlRow, ...]:
    """Return profit per settlement asset; assets that only fees were paid in have rows too."""
    unrealized: dict[str, list[Figure]] = {}
    settled: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}
    funding: dict[str, Decimal] = {}
    for one in positions:
        asset = one.settlement
        unrealized.setdefault(asset, []).append(one.unrealized)
        settled[asset] = settled.get(asset, ZERO) + one.position.settled
        for fee_asset, paid in one.position.fees.items():
            fees[fee_asset] = fees.get(fee_asset, ZERO) - paid
    for by_asset in valuation.book.funding.values():
        for asset, paid in by_asset.items():
            funding[asset] = funding.get(asset, ZERO) + paid
    return tuple(
        _pnl_row(
            asset,
            total(unrealized.get(asset, ())),
            folded(settled.get(asset, ZERO)),
            folded(fees.get(asset, ZERO)),
            folded(funding.get(asset, ZERO)),
            valuation,
        )
        for asset in sorted({*unrealized, *settled, *fees, *funding})
    )


def _pnl_row(
    asset: str, unrealized: Figure, settled: Figure, fees: Figure, funding: Figure, valuation: Valuation
) -> PnlRow:
    whole = total((unrealized, settled, fees, funding))
    return PnlRow(
        asset=asset,
        unrealized=unrealized,
        realized_unsettled=folded(ZERO),
        settled=settled,
        fees=fees,
        funding=funding,
        total=whole,
        total_usd=in_usd(whole, asset, valuation),
    )


def funding_rows(expected: Iterable[tuple[str, Figure]], valuation: Valuation) -> tuple[FundingRow, ...]:
    """Return the funding expected in the next 24 hours per settlement asset."""
    by_asset: dict[str, list[Figure]] = {}
    for asset, figure in expected:
        by_asset.setdefault(asset, []).append(figure)
    return tuple(
        FundingRow(
            asset=asset,
            expected=(whole := total(by_asset[asset])),
            expected_usd=in_usd(whole, asset, valuation),
        )
        for asset in sorted(by_asset)
    )


def in_usd(figure: Figure, asset: str, valuation: Valuation) -> Figure:
    """Return an amount of an asset in USD."""
    return derived(lambda amount, price: amount * price, figure, valuation.usd(asset))
