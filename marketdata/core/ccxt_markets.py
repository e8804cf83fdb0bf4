"""ccxt's markets: what load_markets says of any exchange, in our spelling.  rows -> Instruments

Source: ccxt's manual, market structure: precision is a step (TICK_SIZE) of prices and of contracts, contractSize is one
contract in the base (linear) or in the quote (inverse), and a symbol is base/quote:settle, with -YYMMDD where it ends.
What is named twice there, in flags and in names, is compared. No maintenance tiers are among it: instruments have none.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.instruments import ContractKind, Instrument
from marketdata.core.reference import ReferenceContradicts, number

Row = Mapping[str, Any]

TYPES: Final = ("swap", "future")  # perpetual and dated
SMALLEST: Final = Decimal("1e-12")  # what a size or a step of a contract can be
LARGEST: Final = Decimal("1e12")


def symbol_of(row: Row) -> str | None:
    """Return our spelling of a market; None for what is no contract settled in its base or its quote."""
    base, quote, settlement = row.get("base"), row.get("quote"), row.get("settle")
    if row.get("type") not in TYPES or not base or not quote or settlement not in (base, quote):
        return None
    end = "PERP" if row["type"] == "swap" else f"{_expiry(row):%Y%m%d}"
    return f"{base}-{quote}-{end}"


def name_of(instrument: Instrument) -> str:
    """Return what ccxt calls an instrument, whatever its exchange does."""
    end = f"-{instrument.expires_at:%y%m%d}" if instrument.expires_at else ""
    return f"{instrument.base}/{instrument.quote}:{instrument.settlement}{end}"


def instruments(
    venue: str, rows: Iterable[Row], *, symbols: Collection[str], assets: Collection[str]
) -> list[Instrument]:
    """Return the instruments of `symbols` (our spelling); `assets` are the known ones.

    Raise ReferenceContradicts with the first field that is missing or does not fit.
    """
    found: dict[str, Instrument] = {}
    for row in rows:
        symbol = _wanted(row, symbols)
        if symbol is None:
            continue
        if symbol in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "one contract", f"another one, {row.get('id')}")
        found[symbol] = _instrument(venue, symbol, row, assets)
    for symbol in symbols:
        if symbol not in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "a linear or inverse contract", "none")
    return [found[symbol] for symbol in symbols]


def _wanted(row: Row, symbols: Collection[str]) -> str | None:
    """Return our symbol of a row that somebody wants; a row that nobody wants cannot contradict."""
    try:
        symbol = symbol_of(row)
    except ReferenceContradicts:
        return None
    return symbol if symbol in symbols else None


def _instrument(venue: str, symbol: str, row: Row, assets: Collection[str]) -> Instrument:
    id_, base, quote, settlement = f"{venue}:{symbol}", str(row["base"]), str(row["quote"]), str(row["settle"])
    for field in ("base", "settle"):
        if str(row[field]) not in assets:
            raise ReferenceContradicts(id_, field, f"one of {', '.join(sorted(assets))}", row[field])
    kind: ContractKind = "linear" if settlement == quote else "inverse"
    is_dated = row["type"] == "future"
    flags = {"contract": True, "swap": not is_dated, "future": is_dated, "linear": kind == "linear"}
    for field, expected in {**flags, "inverse": kind == "inverse"}.items():
        if row.get(field) is not expected:
            raise ReferenceContradicts(id_, field, expected, row.get(field))
    if not isinstance(row.get("active"), bool):
        raise ReferenceContradicts(id_, "active", "true or false", row.get("active"))
    precision = row.get("precision")
    steps: Row = precision if isinstance(precision, Mapping) else {}
    instrument = Instrument(
        id=id_,
        venue=venue,
        symbol=symbol,
        venue_symbol=str(row.get("id")),
        kind=kind,
        expiry="dated" if is_dated else "perpetual",
        base=base,
        quote=quote,
        settlement=settlement,
        contract_size=_sound(id_, "contractSize", row.get("contractSize")),
        tick_size=_sound(id_, "precision.price", steps.get("price")),
        step_size=_sound(id_, "precision.amount", steps.get("amount")),
        expires_at=_expiry(row) if is_dated else None,
        is_trading=row["active"],
    )
    if row.get("symbol") != name_of(instrument):
        raise ReferenceContradicts(id_, "symbol", name_of(instrument), row.get("symbol"))
    _require_smallest(instrument, row)
    return instrument


def _require_smallest(instrument: Instrument, row: Row) -> None:
    """Refuse a smallest order that is no multiple of the step: one of the two is in other units."""
    limits = row.get("limits")
    amount = limits.get("amount") if isinstance(limits, Mapping) else None
    smallest = amount.get("min") if isinstance(amount, Mapping) else None
    if smallest is None:
        return
    least = number(instrument.id, "limits.amount.min", smallest)
    if not ZERO <= least <= LARGEST or least % instrument.step_size:
        raise ReferenceContradicts(
            instrument.id, "limits.amount.min", f"a multiple of {instrument.step_size}", smallest
        )


def _sound(subject: str, field: str, found: object) -> Decimal:
    value = number(subject, field, found)
    if not SMALLEST <= value <= LARGEST:
        raise ReferenceContradicts(subject, field, f"from {SMALLEST} to {LARGEST}", found)
    return value


def _expiry(row: Row) -> datetime:
    name, found = str(row.get("id")), row.get("expiry")
    try:
        return datetime.fromtimestamp(float(number(name, "expiry", found) / 1000), UTC)
    except (OverflowError, ValueError, OSError):
        raise ReferenceContradicts(name, "expiry", "a time in ms", found) from None
