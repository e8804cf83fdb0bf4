"""Ladders: what all books of a currency give for a hedge, the best first.  Depth x fees x USD -> Ladder

A rung is a level of a book in coin and USD, with the fee that it costs. Those of all venues stand in one order, by what
is left after the fee, so that the average of a larger hedge is never better than that of a smaller one. A book that is
not current, of a venue that is halted, or whose fee or quote nobody knows, is left out: that never betters a price.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import isfinite
from typing import Final

from hedgeapp.core.amounts import ZERO, quantized
from hedgeapp.core.events.trading import Side
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.core.board import Depth
from portfolio.core.catalogue import Catalogue
from portfolio.core.fees import PaidRate, taker_fee
from portfolio.core.figures import Figure
from portfolio.core.rehearsals import mid_figure
from portfolio.core.suspensions import WHY
from portfolio.core.tickets import places
from portfolio.core.valuation import Valuation

LEVELS_MAX: Final = 100  # of one book; what lies beyond is as if it were not there


@record
class Rung:
    """A level of a book: `coin` units of the currency at `usd` each, `fee` USD per unit."""

    instrument: str
    usd: Decimal
    fee: Decimal
    coin: Decimal


@record
class Basis:
    """What a book's rungs rest on: the book, the USD price of its quote, the taker's fee."""

    book: Figure
    quote: Figure
    fee: Figure


@record
class Leg:
    """The part of a hedge that one instrument takes: `coin` units at `usd` each on average, without the fee."""

    instrument: str
    coin: Decimal
    usd: Decimal


@record
class Execution:
    """A hedge that the books would fill whole: what it is worth and costs in USD, and where it goes.

    `touch` is the best price of all books, in USD.
    """

    coin: Decimal
    gross: Decimal
    fees: Decimal
    touch: Decimal
    legs: tuple[Leg, ...]


@record
class Ladder:
    """The rungs of one side, the best first; `left_out` says of each book that is not among them why.

    `touch` is the best price of all, in USD, before fees, zero without a rung; `fee_max` the dearest share of value
    that a taker pays on any of the books.
    """

    side: Side
    rungs: tuple[Rung, ...]
    touch: Decimal
    fee_max: Decimal
    bases: Mapping[str, Basis]
    left_out: tuple[str, ...]

    @property
    def coin(self) -> Decimal:
        """All that the books show."""
        return sum((rung.coin for rung in self.rungs), ZERO)

    def execution(self, coin: Decimal) -> Execution | None:
        """Return what a hedge of `coin` (> 0) units comes to; None where the books do not take it whole."""
        left, gross, fees = coin, ZERO, ZERO
        taken: dict[str, tuple[Decimal, Decimal]] = {}
        for rung in self.rungs:
            part = min(left, rung.coin)
            worth = part * rung.usd
            gross, fees, left = gross + worth, fees + part * rung.fee, left - part
            had, had_worth = taken.get(rung.instrument, (ZERO, ZERO))
            taken[rung.instrument] = had + part, had_worth + worth
            if not left:
                break
        if left or not self.rungs:
            return None
        legs = tuple(
            Leg(instrument=name, coin=quantized(part), usd=quantized(worth / part))
            for name, (part, worth) in taken.items()
        )
        return Execution(coin=coin, gross=gross, fees=fees, touch=self.touch, legs=legs)


def ladder(
    currency: str, side: Side, valuation: Valuation, depths: Mapping[str, Depth], paid: Mapping[str, PaidRate]
) -> Ladder:
    """Return what the books of all venues that we trade a currency on would give for selling or buying it."""
    rungs: list[Rung] = []
    bases: dict[str, Basis] = {}
    left_out: list[str] = []
    for instrument in hedges(currency, valuation.catalogue):
        depth = depths.get(instrument.id)
        basis = Basis(
            book=mid_figure(depth, instrument.id, valuation.catalogue, valuation.at),
            quote=valuation.usd(instrument.quote),
            fee=taker_fee(instrument, paid, valuation.catalogue),
        )
        if said := _missing(instrument, basis, valuation):
            left_out.append(f"without {instrument.id}: {said}")
        elif depth is not None:
            bases[instrument.id] = basis
            rungs += _rungs(instrument, depth, side, basis)
    prices = [rung.usd for rung in rungs]
    if side == "sell":
        rungs.sort(key=lambda rung: rung.fee - rung.usd)
        touch = max(prices, default=ZERO)
    else:
        rungs.sort(key=lambda rung: rung.usd + rung.fee)
        touch = min(prices, default=ZERO)
    fee_max = max((one.fee.value for one in bases.values() if one.fee.value is not None), default=ZERO)
    return Ladder(side=side, rungs=tuple(rungs), touch=touch, fee_max=fee_max, bases=bases, left_out=tuple(left_out))


def hedges(currency: str, catalogue: Catalogue) -> tuple[Instrument, ...]:
    """Return the contracts that a currency is hedged with, each once."""
    found = {place.instrument.id: place.instrument for place in places(currency, catalogue)}
    return tuple(found[name] for name in sorted(found))


def _missing(instrument: Instrument, basis: Basis, valuation: Valuation) -> str:
    """Return why a book cannot be hedged in; empty when it can."""
    halt = valuation.book.halts.of(instrument.venue)
    venue = valuation.catalogue.venues.get(instrument.venue)
    if halt is not None:
        return f"{instrument.venue} is halted: {halt.declared.reason}"
    if venue is None or not venue.is_enabled or not instrument.is_trading:
        return "it does not trade"
    if suspended := valuation.book.suspensions.of(instrument.id):
        return f"it is suspended {WHY[suspended[0].cause]}: {suspended[0].reason}"
    for figure in (basis.book, basis.quote, basis.fee):
        if not figure.is_current:
            return figure.because
    return ""


def _rungs(instrument: Instrument, depth: Depth, side: Side, basis: Basis) -> Iterator[Rung]:
    quote, rate = basis.quote.value, basis.fee.value
    assert quote is not None  # or the book was left out
    assert rate is not None
    for price, contracts in (depth.bids if side == "sell" else depth.asks)[:LEVELS_MAX]:
        if not (isfinite(price) and isfinite(contracts)) or price <= 0 or contracts <= 0:
            continue
        in_quote, size = Decimal(repr(price)), Decimal(repr(contracts)) * instrument.contract_size
        usd = in_quote * quote
        coin = size if instrument.kind == "linear" else size / in_quote
        yield Rung(instrument=instrument.id, usd=usd, fee=usd * rate, coin=coin)
