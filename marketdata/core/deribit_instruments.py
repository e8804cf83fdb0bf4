"""Deribit's instruments: its get_instruments in our spelling.  rows -> Instruments

Source: Deribit's API documentation, public/get_instruments. Only contracts that are settled in their coin are read. The
venue counts amounts in USD, of which a contract is `contract_size`: we keep contracts, as everywhere. Its margin grows
with each USD of a position instead of by tiers, and what is published needs no tiers: instruments have none.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.amounts import ZERO
from hedgeapp.core.instruments import Expiry, Instrument
from marketdata.core.reference import ReferenceContradicts, number

Row = Mapping[str, Any]

INVERSE: Final = "reversed"  # what the venue calls a contract that is settled in its coin
QUOTE: Final = "USD"
OPEN: Final = "open"
SMALLEST: Final = Decimal("1e-12")  # what a size, an amount or a price of a contract can be
LARGEST: Final = Decimal("1e12")


def symbol_of(row: Row) -> str | None:
    """Return our spelling of a row of get_instruments, None for a kind that we do not trade."""
    base, quote = row.get("base_currency"), row.get("quote_currency")
    if row.get("kind") != "future" or quote != QUOTE or row.get("settlement_currency") == quote:
        return None
    return f"{base}-{quote}-PERP" if _expiry(row) == "perpetual" else f"{base}-{quote}-{_delivery(row):%Y%m%d}"


def instruments(
    venue: str, rows: Iterable[Row], *, symbols: Collection[str], assets: Collection[str]
) -> list[Instrument]:
    """Return the instruments of `symbols` (our spelling); `assets` are the known ones.

    Raise ReferenceContradicts with the first field that is missing or does not fit.
    """
    found: dict[str, Instrument] = {}
    for row in rows:
        symbol = symbol_of(row)
        if symbol is None or symbol not in symbols:
            continue
        if symbol in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "once", "twice in get_instruments")
        found[symbol] = _instrument(venue, symbol, row, assets)
    for symbol in symbols:
        if symbol not in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "an inverse contract of the venue", "none")
    return [found[symbol] for symbol in symbols]


def _instrument(venue: str, symbol: str, row: Row, assets: Collection[str]) -> Instrument:
    id_, base, expiry = f"{venue}:{symbol}", str(row.get("base_currency")), _expiry(row)
    for field, expected in (("settlement_currency", base), ("counter_currency", QUOTE)):
        if row.get(field) != expected:
            raise ReferenceContradicts(id_, field, expected, row.get(field))
    # The older name of the field is still sent beside the newer one, or alone.
    for field in ("instrument_type", "future_type"):
        if row.get(field, INVERSE) != INVERSE:
            raise ReferenceContradicts(id_, field, INVERSE, row[field])
    if base not in assets:
        raise ReferenceContradicts(id_, "base_currency", f"one of {', '.join(sorted(assets))}", base)
    name = str(row.get("instrument_name"))
    if not name.startswith(f"{base}-") or name.endswith("-PERPETUAL") != (expiry == "perpetual"):
        raise ReferenceContradicts(id_, "instrument_name", f"a name of a {expiry} contract of {base}", name)
    if not isinstance(row.get("is_active"), bool):
        raise ReferenceContradicts(id_, "is_active", "true or false", row.get("is_active"))
    contract_size = _sound(id_, "contract_size", row.get("contract_size"))
    return Instrument(
        id=id_,
        venue=venue,
        symbol=symbol,
        venue_symbol=name,
        kind="inverse",
        expiry=expiry,
        base=base,
        quote=QUOTE,
        settlement=base,
        contract_size=contract_size,
        tick_size=_tick(id_, row),
        step_size=_step(id_, row, contract_size),
        expires_at=_delivery(row) if expiry == "dated" else None,
        is_trading=row["is_active"] and row.get("state", OPEN) == OPEN,
    )


def _sound(subject: str, field: str, found: object) -> Decimal:
    value = number(subject, field, found)
    if not SMALLEST <= value <= LARGEST:
        raise ReferenceContradicts(subject, field, f"from {SMALLEST} to {LARGEST}", found)
    return value


def _expiry(row: Row) -> Expiry:
    return "perpetual" if row.get("settlement_period") == "perpetual" else "dated"


def _tick(subject: str, row: Row) -> Decimal:
    """Return the finest step of prices; refuse coarser ones of higher prices that it is no part of."""
    tick, steps, above = _sound(subject, "tick_size", row.get("tick_size")), row.get("tick_size_steps", []), ZERO
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        raise ReferenceContradicts(subject, "tick_size_steps", "a list of steps", steps)
    for step in steps:
        coarser = _sound(subject, "tick_size_steps", step.get("tick_size"))
        if coarser % tick:
            raise ReferenceContradicts(subject, "tick_size_steps", f"a multiple of {tick}", coarser)
        price = _sound(subject, "above_price", step.get("above_price"))
        if price <= above:
            raise ReferenceContradicts(subject, "above_price", f"above {above}", price)
        above = price
    return tick


def _step(subject: str, row: Row, contract_size: Decimal) -> Decimal:
    """Return the step of quantities in contracts, from the smallest amount in USD."""
    amount = _sound(subject, "min_trade_amount", row.get("min_trade_amount"))
    if amount % contract_size:
        raise ReferenceContradicts(subject, "min_trade_amount", f"a multiple of {contract_size}", amount)
    return amount / contract_size


def _delivery(row: Row) -> datetime:
    name, found = str(row.get("instrument_name")), row.get("expiration_timestamp")
    try:
        return datetime.fromtimestamp(float(number(name, "expiration_timestamp", found) / 1000), UTC)
    except (OverflowError, ValueError, OSError):
        raise ReferenceContradicts(name, "expiration_timestamp", "a time in ms", found) from None
