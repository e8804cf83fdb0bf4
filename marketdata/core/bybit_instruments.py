"""Bybit's instruments: its instruments-info and risk-limit in our spelling.  rows x tiers -> Instruments

Sources: Bybit's API documentation, v5. A contract is 1 coin (linear) or 1 USD (inverse); tiers are bounded in the
settlement asset, and `mmDeduction` makes the maintenance margin join from one to the next.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import ContractKind, Expiry, Instrument, Tier
from marketdata.core.funding_terms import of_bybit
from marketdata.core.reference import ReferenceContradicts, number, positive, require_joins

Row = Mapping[str, Any]

KINDS: Final[Mapping[str, tuple[ContractKind, Expiry]]] = {
    "LinearPerpetual": ("linear", "perpetual"),
    "LinearFutures": ("linear", "dated"),
    "InversePerpetual": ("inverse", "perpetual"),
    "InverseFutures": ("inverse", "dated"),
}
# What tiers call their floor, cap, rate and deduction; a tier's floor is the limit of the one before.
TIER_FIELDS: Final = ("riskLimitValue", "riskLimitValue", "maintenanceMargin", "mmDeduction")


def symbol_of(row: Row) -> str | None:
    """Return our spelling of a row of instruments-info, None for a kind that we do not trade."""
    _, expiry = KINDS.get(str(row.get("contractType")), (None, None))
    stem = f"{row.get('baseCoin')}-{row.get('quoteCoin')}"
    if expiry == "perpetual":
        return f"{stem}-PERP"
    return f"{stem}-{_delivery(row):%Y%m%d}" if expiry == "dated" else None


def instruments(
    venue: str, rows: Iterable[Row], limits: Iterable[Row], *, symbols: Collection[str], assets: Collection[str]
) -> list[Instrument]:
    """Return the instruments of `symbols` (our spelling); `assets` are the known ones.

    Raise ReferenceContradicts with the first field that is missing or does not fit.
    """
    tiers_of: dict[str, list[Row]] = {}
    for limit in limits:
        tiers_of.setdefault(str(limit.get("symbol")), []).append(limit)
    found: dict[str, Instrument] = {}
    for row in rows:
        symbol = symbol_of(row)
        if symbol is None or symbol not in symbols:
            continue
        if symbol in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "once", "twice in instruments-info")
        found[symbol] = _instrument(venue, symbol, row, tiers_of.get(str(row.get("symbol")), ()), assets)
    for symbol in symbols:
        if symbol not in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "an instrument of the venue", "none")
    return [found[symbol] for symbol in symbols]


def tiers(subject: str, limits: Sequence[Row]) -> tuple[Tier, ...]:
    """Return the maintenance tiers of one instrument's risk limits, refusing any that do not join on to each other."""
    if not limits:
        raise ReferenceContradicts(subject, "risk-limit", "at least one", "none")
    found: list[Tier] = []
    for row in sorted(limits, key=lambda row: number(subject, "riskLimitValue", row.get("riskLimitValue"))):
        tier = Tier(
            floor=found[-1].cap if found else ZERO,
            cap=positive(subject, "riskLimitValue", row.get("riskLimitValue")),
            maintenance_rate=positive(subject, "maintenanceMargin", row.get("maintenanceMargin")),
            deduction=number(subject, "mmDeduction", row.get("mmDeduction") or 0),
            leverage_max=positive(subject, "maxLeverage", row.get("maxLeverage")),
        )
        require_joins(f"{subject} tier {len(found) + 1}", TIER_FIELDS, found[-1] if found else None, tier)
        found.append(tier)
    return tuple(found)


def _instrument(venue: str, symbol: str, row: Row, limits: Sequence[Row], assets: Collection[str]) -> Instrument:
    id_, (kind, expiry) = f"{venue}:{symbol}", KINDS[str(row["contractType"])]
    base, quote, settlement = (str(row.get(field)) for field in ("baseCoin", "quoteCoin", "settleCoin"))
    if settlement != (expected := quote if kind == "linear" else base):
        raise ReferenceContradicts(id_, "settleCoin", expected, settlement)
    for field, asset in (("baseCoin", base), ("quoteCoin", quote)):
        # The quote of an inverse contract is a currency of account: nobody holds it.
        if asset not in assets and not (kind == "inverse" and field == "quoteCoin" and asset == "USD"):
            raise ReferenceContradicts(id_, field, f"one of {', '.join(sorted(assets))}", asset)
    return Instrument(
        id=id_,
        venue=venue,
        symbol=symbol,
        venue_symbol=str(row.get("symbol")),
        kind=kind,
        expiry=expiry,
        base=base,
        quote=quote,
        settlement=settlement,
        contract_size=ONE,
        tick_size=_of(id_, row, "priceFilter", "tickSize"),
        step_size=_of(id_, row, "lotSizeFilter", "qtyStep"),
        expires_at=_delivery(row) if expiry == "dated" else None,
        tiers=tiers(id_, limits),
        is_trading=row.get("status") == "Trading",
        funding_terms=of_bybit(id_, row).told,
    )


def _of(subject: str, row: Row, part: str, field: str) -> Decimal:
    rules = row.get(part)
    return positive(subject, field, rules.get(field) if isinstance(rules, Mapping) else None)


def _delivery(row: Row) -> datetime:
    symbol, found = str(row.get("symbol")), row.get("deliveryTime")
    try:
        return datetime.fromtimestamp(float(number(symbol, "deliveryTime", found) / 1000), UTC)
    except (OverflowError, ValueError, OSError):
        raise ReferenceContradicts(symbol, "deliveryTime", "a time in ms", found) from None
