"""Reference: the one place where a venue's spelling and ours meet.  exchangeInfo x brackets -> Instruments

Numbers are taken from text: give it the venue's JSON with numbers as strings where they matter to the last digit.
Sources: Binance's exchangeInfo and leverageBracket; tiers are bounded in the settlement asset (COIN-M: coin), and
cum_n = floor_n · (rate_n − rate_{n−1}) + cum_{n−1}, so that the maintenance margin has no step between two tiers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import ContractKind, Expiry, Instrument, Tier
from marketdata.core.funding_terms import of_binance
from marketdata.core.venue_numbers import ReferenceContradicts, number, positive

__all__ = [
    "ReferenceContradicts",
    "Specified",
    "Spelling",
    "SymbolIsUnknown",
    "filter_of",
    "instruments",
    "number",
    "positive",
    "require_joins",
    "tiers",
]

# Venues round what they publish, and some print floats.
DEDUCTION_TOLERANCE: Final = Decimal("1e-6")

_DATED_ENDS: Final = ("QUARTER", "MONTH", "DELIVERING")


class SymbolIsUnknown(LookupError):
    """A symbol that no instrument of ours has."""

    def __init__(self, symbol: str, known: Iterable[str]) -> None:
        super().__init__(f"one of {', '.join(sorted(known)) or 'no symbols'} expected, found {symbol}")


class Specified(Protocol):
    """What a venue specified, ready to be read for the symbols that are wanted."""

    def __call__(self, *, symbols: Collection[str], assets: Collection[str]) -> list[Instrument]:
        """Return the instruments; raise ReferenceContradicts."""
        ...


class Spelling:
    """The two spellings of one venue's instruments."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments: dict[str, Instrument] = {}
        for instrument in instruments:
            other = self.instruments.setdefault(instrument.venue_symbol, instrument)
            if other.id != instrument.id:
                raise ReferenceContradicts(instrument.id, "venue_symbol", "one of its own", f"that of {other.id}")
        self._by_id = {instrument.id: instrument for instrument in self.instruments.values()}

    def ours(self, venue_symbol: str) -> Instrument:
        """Return the instrument that the venue calls so; raise SymbolIsUnknown."""
        try:
            return self.instruments[venue_symbol]
        except KeyError:
            raise SymbolIsUnknown(venue_symbol, self.instruments) from None

    def theirs(self, instrument_id: str) -> str:
        """Return what the venue calls the instrument; raise SymbolIsUnknown."""
        try:
            return self._by_id[instrument_id].venue_symbol
        except KeyError:
            raise SymbolIsUnknown(instrument_id, self._by_id) from None


def instruments(
    venue: str,
    kind: ContractKind,
    exchange_info: Mapping[str, Any],
    brackets: Sequence[Mapping[str, Any]],
    funding: Sequence[Mapping[str, Any]] = (),
    *,
    symbols: Collection[str],
    assets: Collection[str],
) -> list[Instrument]:
    """Return the instruments of `symbols` (our spelling) from Binance's exchangeInfo and leverageBracket answers.

    `funding` is its fundingInfo.

    `assets` are the known ones. Raise ReferenceContradicts with the first field that is missing or does not fit.
    """
    tiers_of = {str(row.get("symbol")): row.get("brackets", ()) for row in brackets}
    found: dict[str, Instrument] = {}
    for row in exchange_info.get("symbols", ()):
        symbol = _symbol(row)
        if symbol is None or symbol not in symbols:
            continue
        if symbol in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "once", "twice in exchangeInfo")
        made = _instrument(venue, symbol, kind, row, tiers_of.get(str(row.get("symbol")), ()), assets)
        if made.expiry == "perpetual":
            terms = of_binance(made.id, made.venue_symbol, funding)
            made = replace(made, funding_terms=terms.told)
        found[symbol] = made
    for symbol in symbols:
        if symbol not in found:
            raise ReferenceContradicts(f"{venue}:{symbol}", "symbol", "an instrument of the venue", "none")
    return [found[symbol] for symbol in symbols]


def _symbol(row: Mapping[str, Any]) -> str | None:
    """Return our spelling of an instrument, None for a kind that we do not trade."""
    kind = str(row.get("contractType", ""))
    stem = f"{row.get('baseAsset')}-{row.get('quoteAsset')}"
    if kind == "PERPETUAL":
        return f"{stem}-PERP"
    return f"{stem}-{_delivery(row):%Y%m%d}" if kind.endswith(_DATED_ENDS) else None


def _delivery(row: Mapping[str, Any]) -> datetime:
    symbol, found = str(row.get("symbol")), row.get("deliveryDate")
    try:
        return datetime.fromtimestamp(float(number(symbol, "deliveryDate", found) / 1000), UTC)
    except (OverflowError, ValueError, OSError):
        raise ReferenceContradicts(symbol, "deliveryDate", "a time in ms", found) from None


def _instrument(
    venue: str,
    symbol: str,
    kind: ContractKind,
    row: Mapping[str, Any],
    brackets: Sequence[Mapping[str, Any]],
    assets: Collection[str],
) -> Instrument:
    id_ = f"{venue}:{symbol}"
    base, quote, settlement = (str(row.get(field)) for field in ("baseAsset", "quoteAsset", "marginAsset"))
    if settlement != (expected := quote if kind == "linear" else base):
        raise ReferenceContradicts(id_, "marginAsset", expected, settlement)
    for field, asset in (("baseAsset", base), ("quoteAsset", quote)):
        # The quote of an inverse contract is a currency of account: nobody holds it.
        if asset not in assets and not (kind == "inverse" and field == "quoteAsset" and asset == "USD"):
            raise ReferenceContradicts(id_, field, f"one of {', '.join(sorted(assets))}", asset)
    is_perpetual = row["contractType"] == "PERPETUAL"
    expiry: Expiry = "perpetual" if is_perpetual else "dated"
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
        contract_size=ONE if kind == "linear" else positive(id_, "contractSize", row.get("contractSize")),
        tick_size=positive(id_, "tickSize", filter_of(id_, row, "PRICE_FILTER").get("tickSize")),
        step_size=positive(id_, "stepSize", filter_of(id_, row, "LOT_SIZE").get("stepSize")),
        expires_at=None if is_perpetual else _delivery(row),
        tiers=tiers(id_, kind, brackets),
        is_trading=row.get("status" if kind == "linear" else "contractStatus") == "TRADING",
    )


def tiers(subject: str, kind: ContractKind, brackets: Sequence[Mapping[str, Any]]) -> tuple[Tier, ...]:
    """Return the maintenance tiers of one instrument's brackets, refusing any that do not join on to each other."""
    if not brackets:
        raise ReferenceContradicts(subject, "brackets", "at least one", "none")
    floor_name, cap_name = ("notionalFloor", "notionalCap") if kind == "linear" else ("qtyFloor", "qtyCap")
    found: list[Tier] = []
    for row in sorted(brackets, key=lambda row: number(subject, floor_name, row.get(floor_name))):
        tier = Tier(
            floor=number(subject, floor_name, row.get(floor_name)),
            cap=positive(subject, cap_name, row.get(cap_name)),
            maintenance_rate=positive(subject, "maintMarginRatio", row.get("maintMarginRatio")),
            deduction=number(subject, "cum", row.get("cum")),
            leverage_max=positive(subject, "initialLeverage", row.get("initialLeverage")),
        )
        require_joins(
            f"{subject} tier {len(found) + 1}",
            (floor_name, cap_name, "maintMarginRatio", "cum"),
            found[-1] if found else None,
            tier,
        )
        found.append(tier)
    return tuple(found)


def require_joins(subject: str, names: tuple[str, str, str, str], before: Tier | None, tier: Tier) -> None:
    """Refuse a tier that does not join on to the one before; `names` are the venue's: floor, cap, rate, deduction."""
    floor_name, cap_name, rate_name, deduction_name = names
    floor = before.cap if before else ZERO
    if tier.floor != floor:
        raise ReferenceContradicts(subject, floor_name, floor, tier.floor)
    if tier.cap <= tier.floor:
        raise ReferenceContradicts(subject, cap_name, f"above {tier.floor}", tier.cap)
    if tier.maintenance_rate >= 1 or (before and tier.maintenance_rate <= before.maintenance_rate):
        expected = f"above {before.maintenance_rate if before else 0} and below 1"
        raise ReferenceContradicts(subject, rate_name, expected, tier.maintenance_rate)
    deduction = before.deduction + tier.floor * (tier.maintenance_rate - before.maintenance_rate) if before else ZERO
    if abs(tier.deduction - deduction) > DEDUCTION_TOLERANCE * max(ONE, deduction):
        raise ReferenceContradicts(subject, deduction_name, deduction, tier.deduction)


def filter_of(subject: str, row: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the rules of one of an instrument's filters; raise ReferenceContradicts."""
    told = row.get("filters")
    for each in told if isinstance(told, Sequence) else ():
        if isinstance(each, Mapping) and each.get("filterType") == kind:
            return each
    raise ReferenceContradicts(subject, "filters", kind, "none")
