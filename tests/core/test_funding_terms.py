"""How often funding is paid and within which rates, in each venue's words; what fits nothing is refused."""

from dataclasses import replace
from typing import Any

import pytest

from hedgeapp.core.instruments import FundingTerms, Instrument
from hedgeapp.eventlog.codec import decode, encode
from marketdata.core.funding_terms import of_binance, of_bybit, of_okx
from marketdata.core.reference import ReferenceContradicts
from marketdata.core.specifications import completed
from marketdata.core.wellformed import NumberIsOutOfRange, require_funding
from tests.builders.books import D, instrument, introduced

BYBIT = {"fundingInterval": 480, "upperFundingRate": "0.00750000", "lowerFundingRate": "-0.00750000"}
BINANCE = {
    "symbol": "ETHUSDT",
    "adjustedFundingRateCap": "0.02",
    "adjustedFundingRateFloor": "-0.02",
    "fundingIntervalHours": 4,
}
OKX = {
    "fundingTime": "1763798400000",
    "nextFundingTime": "1763827200000",
    "maxFundingRate": "0.00375",
    "minFundingRate": "-0.00375",
}


def terms(minutes: int | None, cap: str | None = None, floor: str | None = None) -> FundingTerms:
    return FundingTerms(minutes=minutes, cap=D(cap) if cap else None, floor=D(floor) if floor else None)


def test_each_venues_words_become_minutes_and_rates() -> None:
    assert of_bybit("x", BYBIT) == terms(480, "0.0075", "-0.0075")
    assert of_binance("x", "ETHUSDT", [BINANCE]) == terms(240, "0.02", "-0.02")
    assert of_okx("x", OKX) == terms(480, "0.00375", "-0.00375")


def test_what_binance_does_not_list_has_its_default_of_eight_hours_and_no_known_bounds() -> None:
    assert of_binance("x", "BTCUSDT", [BINANCE]) == terms(480)


@pytest.mark.parametrize("told", [{}, {"fundingInterval": 0}, {"fundingInterval": "", "upperFundingRate": ""}])
def test_what_is_not_told_is_unknown_and_no_zero(told: dict[str, Any]) -> None:
    assert of_bybit("x", told) == terms(None)
    assert of_okx("x", None) == terms(None)
    assert of_okx("x", OKX | {"nextFundingTime": "1763798401000"}).minutes is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fundingInterval": "often"}, "fundingInterval: a number expected, found often"),
        ({"fundingInterval": -480}, "fundingInterval: 1 to 1440 whole minutes"),
        ({"fundingInterval": "0.5"}, "fundingInterval: 1 to 1440 whole minutes"),
        ({"fundingInterval": 100_000}, "fundingInterval: 1 to 1440 whole minutes"),
        ({"upperFundingRate": "-0.01"}, "upperFundingRate: above lowerFundingRate of -0.0075"),
        ({"lowerFundingRate": "NaN"}, "lowerFundingRate: a finite number expected"),
    ],
)
def test_terms_that_fit_nothing_are_refused_by_their_field(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ReferenceContradicts, match=said):
        of_bybit("x", BYBIT | change)


def test_terms_that_a_venue_does_not_tell_again_are_kept() -> None:
    known = replace(instrument(), funding_terms=FundingTerms(minutes=480, cap=D("0.01"), floor=D("-0.01")))
    assert completed(instrument(), known) == known
    told = replace(instrument(), funding_terms=FundingTerms(minutes=240, cap=D(0)))
    assert completed(told, known) == replace(known, funding_terms=FundingTerms(minutes=240, cap=D(0), floor=D("-0.01")))


@pytest.mark.parametrize(
    "odd",
    [
        {"minutes": 0},
        {"minutes": 1441},
        {"cap": D(2)},
        {"cap": D("0.01"), "floor": D("0.01")},
    ],
)
def test_reference_data_refuses_terms_that_no_venue_has(odd: dict[str, Any]) -> None:
    sound: Instrument = replace(instrument(), funding_terms=FundingTerms(minutes=1, cap=D(1), floor=D(-1)))
    require_funding(sound)
    with pytest.raises(NumberIsOutOfRange):
        require_funding(replace(sound, funding_terms=FundingTerms(**odd)))


def test_terms_that_nobody_told_leave_no_trace_in_the_stored_form() -> None:
    _, body = encode(introduced(instrument()))
    assert b"funding" not in body
    told = introduced(replace(instrument(), funding_terms=FundingTerms(minutes=480)))
    kind, body = encode(told)
    assert b'"funding_terms":{"minutes":480}' in body
    assert decode(kind, body) == told
