"""Funding terms: how often a perpetual pays funding, and within which rates.  venue's fields -> FundingTerms

Venues tell them in minutes (Bybit), hours (Binance) or as the distance of two payments (OKX). What a venue does not
tell stays unknown; where funding accrues all the time (Deribit) there is no interval to tell.
Sources: Bybit v5 instruments-info (`fundingInterval`, `upperFundingRate`, `lowerFundingRate`), Binance fundingInfo
(`fundingIntervalHours`, `adjustedFundingRateCap`, `adjustedFundingRateFloor`; a contract that is not listed there has
the default of 8 hours), OKX funding-rate (`fundingTime`, `nextFundingTime`, `maxFundingRate`, `minFundingRate`).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from hedgeapp.core.instruments import FundingTerms
from marketdata.core.venue_numbers import ReferenceContradicts, number

Row = Mapping[str, Any]

MINUTES_MAX: Final = 24 * 60
MINUTES_OF_HOUR: Final = 60
MS_OF_MINUTE: Final = 60_000
ACCRUING: Final = frozenset({"deribit"})  # protocols of venues whose funding has no times (docs/decisions/0107)
BINANCE_DEFAULT: Final = 8 * MINUTES_OF_HOUR


def of_bybit(subject: str, row: Row) -> FundingTerms:
    """Return the terms in a row of instruments-info; a dated contract has none."""
    told = _optional(subject, row, "fundingInterval")
    minutes = None if not told else _minutes(subject, "fundingInterval", told)
    return _terms(subject, minutes, row, "upperFundingRate", "lowerFundingRate")


def of_binance(subject: str, symbol: str, rows: Iterable[Row]) -> FundingTerms:
    """Return the terms of a symbol in fundingInfo, which lists only contracts that differ from the default."""
    row = next((one for one in rows if one.get("symbol") == symbol), None)
    if row is None:
        return FundingTerms(minutes=BINANCE_DEFAULT)
    hours = number(subject, "fundingIntervalHours", row.get("fundingIntervalHours"))
    minutes = _minutes(subject, "fundingIntervalHours", hours * MINUTES_OF_HOUR)
    return _terms(subject, minutes, row, "adjustedFundingRateCap", "adjustedFundingRateFloor")


def of_okx(subject: str, row: Row | None) -> FundingTerms:
    """Return the terms in an answer of funding-rate; payments less than a minute apart have no interval."""
    if row is None:
        return FundingTerms()
    due, after = (_optional(subject, row, field) for field in ("fundingTime", "nextFundingTime"))
    minutes = None
    if due and after and after - due >= MS_OF_MINUTE:
        minutes = _minutes(subject, "nextFundingTime", (after - due) / MS_OF_MINUTE)
    return _terms(subject, minutes, row, "maxFundingRate", "minFundingRate")


def _minutes(subject: str, field: str, minutes: Decimal) -> int:
    if minutes != int(minutes) or not 1 <= minutes <= MINUTES_MAX:
        raise ReferenceContradicts(subject, field, f"1 to {MINUTES_MAX} whole minutes between payments", minutes)
    return int(minutes)


def _terms(subject: str, minutes: int | None, row: Row, cap: str, floor: str) -> FundingTerms:
    most, least = _optional(subject, row, cap), _optional(subject, row, floor)
    if most is not None and least is not None and most <= least:
        raise ReferenceContradicts(subject, cap, f"above {floor} of {least}", most)
    return FundingTerms(minutes=minutes, cap=most, floor=least)


def _optional(subject: str, row: Row, field: str) -> Decimal | None:
    found = row.get(field)
    return None if found is None or found == "" else number(subject, field, found)
