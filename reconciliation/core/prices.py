"""Prices: each price that we use against the same from elsewhere.  Mark prices x Valuation -> sides

Three sources of a price are compared: a venue's own word by another way than its stream, its mark against its index,
and its index against that of other venues for the same currency. Oracles are one more source of the last kind.
"""

from collections.abc import Iterable
from decimal import Decimal
from statistics import median
from typing import Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.instruments import Instrument, value
from hedgeapp.core.records import record
from portfolio.core.figures import Figure, derived, total, unknown
from portfolio.core.valuation import Valuation
from reconciliation.core.compare import Side, Values
from reconciliation.core.grades import Tolerances

Rows = dict[str, Values]

MARK: Final = "mark"
INDEX: Final = "index"
BASIS: Final = "mark by its index"
ELSEWHERE: Final = "index by other venues"
BP: Final = Decimal(10_000)


@record
class Priced:
    """What a venue answers for an instrument: its mark and its index, in the instrument's quote."""

    instrument: str
    mark: Decimal
    index: Decimal


def theirs(priced: Iterable[Priced]) -> Rows:
    """Return what a venue says, once for each of the prices of ours that it is compared with."""
    found: Rows = {}
    for one in priced:
        found[f"{one.instrument} {MARK}"] = found[f"{one.instrument} {BASIS}"] = (one.mark,)
        found[f"{one.instrument} {INDEX}"] = found[f"{one.instrument} {ELSEWHERE}"] = (one.index,)
    return found


def ours(stated: Side, valuation: Valuation) -> Rows:
    """Return the other side of what a venue says; a price that no other venue has is compared with itself."""
    found: Rows = {}
    for item, row in stated.items():
        name, _, what = item.partition(" ")
        other = stated[f"{name} {INDEX}"][0] if what == BASIS else _ours(name, what, valuation)
        if what == ELSEWHERE and other is None:
            other = row[0]
        if other is not None:
            found[item] = (other,)
    return found


def _ours(name: str, what: str, valuation: Valuation) -> Decimal | None:
    if what == MARK:
        return valuation.mark(name, "mark").value
    if what == INDEX:
        return valuation.mark(name, "index").value
    return _elsewhere(name, valuation)


def _elsewhere(name: str, valuation: Valuation) -> Decimal | None:
    """Return the median of other venues' index of an instrument's base, in the instrument's quote."""
    instrument = valuation.catalogue.instruments.get(name)
    if instrument is None:
        return None
    quote = valuation.usd(instrument.quote).value
    found = [
        price.value
        for one in valuation.catalogue.contracts
        if one.base == instrument.base and one.venue != instrument.venue
        for price in [derived(_product, valuation.mark(one.id, "index"), valuation.usd(one.quote))]
        if price.value is not None and price.is_current
    ]
    return median(found) / quote if found and quote else None


def tolerance(item: str, tolerances: Tolerances, valuation: Valuation) -> Decimal:
    """Return how far a price may be off, in the instrument's quote; nothing where we have no price of it."""
    name, _, what = item.partition(" ")
    price = valuation.mark(name, "mark" if what == MARK else "index").value
    bp = {BASIS: tolerances.basis_bp, ELSEWHERE: tolerances.elsewhere_bp}.get(what, tolerances.mark_bp)
    return (price or ZERO) * bp / BP


def unit(item: str, valuation: Valuation) -> str:
    """Return the quote of a price's instrument."""
    instrument = valuation.catalogue.instruments.get(item.partition(" ")[0])
    return instrument.quote if instrument else ""


def worth(item: str, amount: Decimal | None, valuation: Valuation) -> Figure:
    """Return what all positions in an instrument would be worth more or less if its price were off by so much."""
    name = item.partition(" ")[0]
    instrument = valuation.catalogue.instruments.get(name)
    if instrument is None or amount is None:
        return unknown(f"instrument {name} is not known: introduce it")
    mark = valuation.mark(name, "mark")
    held = (one for (_, of), one in valuation.book.positions.items() if of == name)
    sizes = total(_worth(instrument, abs(one.quantity), mark, valuation) for one in held)
    return derived(lambda usd, price: usd * abs(amount) / price, sizes, mark)


def _worth(instrument: Instrument, contracts: Decimal, mark: Figure, valuation: Valuation) -> Figure:
    size, kind = contracts * instrument.contract_size, instrument.kind
    return derived(lambda price, usd: abs(value(kind, size, price)) * usd, mark, valuation.usd(instrument.settlement))


def _product(one: Decimal, other: Decimal) -> Decimal:
    return one * other
