"""Sizes: what a mismatch is worth in USD at the marks in use.  Mismatch x Valuation -> Difference"""

from decimal import Decimal

from hedgeapp.core.differences import Difference, DifferenceKind
from portfolio.core.figures import Figure, derived, exact, unknown
from portfolio.core.valuation import Valuation
from reconciliation.core import prices
from reconciliation.core.compare import Mismatch, Values, stated
from reconciliation.core.grades import Tolerances


def sized(subject: str, venue: str, kind: DifferenceKind, found: Mismatch, valuation: Valuation) -> Difference:
    """Return a mismatch as a difference, sized when its mark is known."""
    unit = prices.unit(found.item, valuation) if kind == "mark" else unit_of(kind, found)
    figure = worth(kind, found, unit, valuation)
    return Difference(
        subject=subject,
        venue=venue,
        kind=kind,
        item=found.item,
        ours=stated(kind, found.ours),
        theirs=stated(kind, found.theirs),
        amount=found.amount,
        unit=unit,
        usd=None if figure.value is None else abs(figure.value),
        because=figure.because if figure.value is None or not figure.is_current else "",
    )


def unit_of(kind: DifferenceKind, found: Mismatch) -> str:
    """Return the unit of what is counted, empty where nothing is."""
    match kind:
        case "balance" | "supply":
            return found.item
        case "collateral" | "holding" | "delegation":
            return found.item.rpartition(":")[2]
        case "position":
            return "contracts"
        case _:
            return ""


def worth(kind: DifferenceKind, found: Mismatch, unit: str, valuation: Valuation) -> Figure:
    """Return what a mismatch is worth, signed like its amount where it has one."""
    match kind:
        case "balance" | "collateral" | "holding" | "delegation":
            return _of_asset(found.amount, unit, valuation)
        case "supply":
            return exact(found.amount or Decimal(0))  # the synthetic dollar is owed at par
        case "position":
            return _of_contracts(found.amount, found.item, valuation)
        case "fill" | "open_order":
            return _of_contracts(_traded(kind, found), found.item.rpartition(":")[0], valuation)
        case "funding" | "transfer":
            row = found.theirs or found.ours or ()
            return _of_asset(_paid(found.theirs) - _paid(found.ours), str(row[1]), valuation)
        case "mark":
            return prices.worth(found.item, found.amount, valuation)
        case "instrument" | "mode" | "memory":
            return unknown(f"{'an' if kind == 'instrument' else 'a'} {kind} is no sum of money")


def tolerance(kind: DifferenceKind, item: str, tolerances: Tolerances, valuation: Valuation) -> Decimal:
    """Return what may differ of an item that is counted, in its unit."""
    if kind == "position":
        return Decimal(0)
    if kind == "mark":
        return prices.tolerance(item, tolerances, valuation)
    unit = item if kind in ("balance", "supply") else item.rpartition(":")[2]
    price = valuation.unit_usd(unit).value if kind != "supply" else Decimal(1)
    return tolerances.usd / price if price else tolerances.units


def _of_asset(amount: Decimal | None, asset: str, valuation: Valuation) -> Figure:
    if amount is None:
        return unknown("nothing is counted")
    return derived(lambda units, price: units * price, exact(amount), valuation.unit_usd(asset))


def _of_contracts(contracts: Decimal | None, name: str, valuation: Valuation) -> Figure:
    instrument = valuation.catalogue.instruments.get(name)
    if instrument is None or contracts is None:
        return unknown(f"instrument {name} is not known: introduce it")
    size = exact(contracts * instrument.contract_size)
    if instrument.kind == "inverse":
        return derived(lambda quote, usd: quote * usd, size, valuation.usd(instrument.quote))
    mark, usd = valuation.mark(name, "mark"), valuation.usd(instrument.settlement)
    return derived(lambda base, price, rate: base * price * rate, size, mark, usd)


def _traded(kind: DifferenceKind, found: Mismatch) -> Decimal:
    """Return the contracts that are on one side only; of an open order those that are not filled."""

    def contracts(row: Values | None) -> Decimal:
        if row is None:
            return Decimal(0)
        quantity: Decimal = row[1] if kind == "fill" else row[2] - row[3]
        return quantity if row[0] == "buy" else -quantity

    return contracts(found.theirs) - contracts(found.ours)


def _paid(row: Values | None) -> Decimal:
    return row[0] if row else Decimal(0)
