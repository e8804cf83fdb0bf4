"""OKX's instruments: its public/instruments in our spelling.  rows -> Instruments

Source: OKX's API documentation, v5. Sizes are in contracts; one is worth ctVal x ctMult of ctValCcy, which is the coin
where a contract is linear and the quote where it is inverse. Position tiers are bounded in contracts, and the rate of
the one that a position is in holds for all of it.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import ContractKind, Expiry, Instrument, Tier
from marketdata.core.funding_terms import of_okx
from marketdata.core.reference import ReferenceContradicts, number, positive

Row = Mapping[str, Any]

EXPIRIES: Final[Mapping[str, Expiry]] = {"SWAP": "perpetual", "FUTURES": "dated"}
KINDS: Final[Mapping[str, ContractKind]] = {"linear": "linear", "inverse": "inverse"}

_DAY: Final = re.compile(r"-(\d{6})$")


def symbol_of(row: Row) -> str | None:
    """Return our spelling of a row of public/instruments, None for a kind that we do not trade.

    It is of the family, not of the index: ETH-USD-SWAP and ETH-USD_UM-SWAP share an index and are different contracts.
    """
    expiry, family = EXPIRIES.get(str(row.get("instType"))), str(row.get("instFamily"))
    if expiry == "perpetual":
        return f"{family}-PERP"
    day = _DAY.search(str(row.get("instId")))
    return f"{family}-20{day[1]}" if expiry == "dated" and day else None


def instruments(
    venue: str,
    rows: Iterable[Row],
    limits: Iterable[Row],
    fundings: Iterable[Row] = (),
    *,
    symbols: Collection[str],
    assets: Collection[str],
) -> list[Instrument]:
    """Return the instruments of `symbols` (our spelling); `limits` are the tiers of their families.

    `fundings` are answers of public/funding-rate, `assets` the known ones. Raise ReferenceContradicts with the first
    field that is missing or does not fit.
    """
    tiers_of: dict[str, list[Row]] = {}
    for limit in limits:
        tiers_of.setdefault(str(limit.get("instFamily")), []).append(limit)
    funding_of = {str(row.get("instId")): row for row in fundings}
    found: dict[str, Instrument] = {}
    for row in rows:
        symbol = symbol_of(row)
        if symbol is None or symbol not in symbols:
            continue
        if symbol in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "instFamily", "once", "twice in public/instruments")
        made = _instrument(venue, symbol, row, tiers_of.get(str(row.get("instFamily")), ()), assets)
        terms = of_okx(made.id, funding_of.get(made.venue_symbol))
        found[symbol] = replace(made, funding_terms=terms.told)
    for symbol in symbols:
        if symbol not in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "an instrument of the venue", "none")
    return [found[symbol] for symbol in symbols]


def tiers(subject: str, limits: Sequence[Row]) -> tuple[Tier, ...]:
    """Return the tiers of one family's contracts, refusing any that do not follow on each other."""
    if not limits:
        raise ReferenceContradicts(subject, "position-tiers", "at least one", "none")
    found: list[Tier] = []
    for row in sorted(limits, key=lambda row: number(subject, "maxSz", row.get("maxSz"))):
        name, floor = f"{subject} tier {len(found) + 1}", found[-1].cap if found else ZERO
        least = number(name, "minSz", row.get("minSz"))
        if not floor <= least <= floor + ONE:  # the venue begins a tier where the last one ends, or a contract later
            raise ReferenceContradicts(name, "minSz", floor, least)
        tier = Tier(
            floor=floor,
            cap=positive(name, "maxSz", row.get("maxSz")),
            maintenance_rate=positive(name, "mmr", row.get("mmr")),
            deduction=ZERO,
            leverage_max=positive(name, "maxLever", row.get("maxLever")),
            unit="contracts",
        )
        if tier.cap <= floor:
            raise ReferenceContradicts(name, "maxSz", f"above {floor}", tier.cap)
        before = found[-1].maintenance_rate if found else ZERO
        if not before < tier.maintenance_rate < ONE:
            raise ReferenceContradicts(name, "mmr", f"above {before} and below 1", tier.maintenance_rate)
        found.append(tier)
    return tuple(found)


def _instrument(venue: str, symbol: str, row: Row, limits: Sequence[Row], assets: Collection[str]) -> Instrument:
    id_, expiry = f"{venue}:{symbol}", EXPIRIES[str(row["instType"])]
    kind = KINDS.get(str(row.get("ctType")))
    if kind is None:
        raise ReferenceContradicts(id_, "ctType", " or ".join(KINDS), row.get("ctType"))
    base, _, quote = str(row["instFamily"]).partition("-")
    for field, expected in (
        ("instId", _instrument_id(row)),
        ("settleCcy", quote if kind == "linear" else base),
        ("ctValCcy", base if kind == "linear" else quote),
    ):
        if row.get(field) != expected:
            raise ReferenceContradicts(id_, field, expected, row.get(field))
    for asset in (base, quote):
        # The quote of an inverse contract is a currency of account: nobody holds it.
        if asset not in assets and not (kind == "inverse" and asset == quote == "USD"):
            raise ReferenceContradicts(id_, "instFamily", f"of {', '.join(sorted(assets))}", asset)
    size, step = _sizes(id_, row)
    return Instrument(
        id=id_,
        venue=venue,
        symbol=symbol,
        venue_symbol=str(row["instId"]),
        kind=kind,
        expiry=expiry,
        base=base,
        quote=quote,
        settlement=str(row["settleCcy"]),
        contract_size=size,
        tick_size=positive(id_, "tickSz", row.get("tickSz")),
        step_size=step,
        expires_at=_expiry(row) if expiry == "dated" else None,
        tiers=tiers(id_, limits),
        is_trading=row.get("state") == "live",
    )


def _instrument_id(row: Row) -> str:
    end = "SWAP" if row["instType"] == "SWAP" else f"{_expiry(row):%y%m%d}"
    return f"{row['instFamily']}-{end}"


def _sizes(subject: str, row: Row) -> tuple[Decimal, Decimal]:
    """Return what a contract is worth and by how many an order may grow; the least order is some such steps."""
    fields = ("ctVal", "ctMult", "lotSz", "minSz")
    worth, times, step, least = (positive(subject, field, row.get(field)) for field in fields)
    try:
        size, rest = worth * times, least % step
    except ArithmeticError:
        found = ", ".join(str(row[field])[:20] for field in fields)
        raise ReferenceContradicts(subject, ", ".join(fields), "numbers that fit together", found) from None
    if rest:
        raise ReferenceContradicts(subject, "minSz", f"a multiple of lotSz {step}", least)
    return size, step


def _expiry(row: Row) -> datetime:
    symbol, found = str(row.get("instId")), row.get("expTime")
    try:
        return datetime.fromtimestamp(float(number(symbol, "expTime", found) / 1000), UTC)
    except (OverflowError, ValueError, OSError):
        raise ReferenceContradicts(symbol, "expTime", "a time in ms", found) from None
