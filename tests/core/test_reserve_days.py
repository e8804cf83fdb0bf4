"""Reserve days: how long the reserve pays what funding takes, at the rates of now, at the floors, at a typed one."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.reference import ChainChanged
from hedgeapp.core.instruments import FundingTerms
from hedgeapp.core.reference import Wallet
from portfolio.core.figures import exact, unknown
from portfolio.core.frames import Frame, frame
from portfolio.core.reserve_days import Stress, days_left, reserve_days
from portfolio.core.rows.stress import Basis, ReserveDays
from tests.builders.books import (
    AT,
    INVERSE,
    LINEAR,
    D,
    book_of,
    collateral,
    common,
    instrument,
    mark,
    opening,
    reference,
)

EIGHT = 480
rates = st.decimals("-5", "5", places=6)


def framed(
    *,
    rate: str = "-0.0001",
    size: str = "-10",
    holds: str | None = "3000",
    terms: FundingTerms | None = None,
    staked: str = "0",
) -> Frame:
    """Return a frame of 10 ETH short at 2,000 USD, paid each eight hours, and of a reserve of 3,000 USDT."""
    known = replace(
        instrument(LINEAR), funding_terms=terms or FundingTerms(minutes=EIGHT, cap=D("0.02"), floor=D("-0.01"))
    )
    row = next(one for one in reference() if isinstance(one, ChainChanged))
    marked = (Wallet(address="w1", label="reserve fund", purpose="reserve"),)
    fund = [] if holds is None else [collateral("USDT", holds, holder="ethereum")]
    book = book_of(
        replace(row, chain=replace(row.chain, wallets=marked), version=2),
        *fund,
        collateral("stETH", staked),
        opening(size, "2000"),
        instruments=(known, instrument(INVERSE)),
    )
    marks = common("2000") | {(LINEAR, "funding_rate"): mark(LINEAR, "funding_rate", rate)}
    return frame(book, marks, (), number=1, at=AT)


def days(of: Frame, basis: Basis, stress: Stress | None = None) -> ReserveDays:
    return next(one for one in reserve_days(of, stress or Stress()) if one.basis == basis)


def test_at_the_rates_of_now_the_reserve_pays_what_a_day_takes() -> None:
    found = days(framed(), "present")  # 20,000 USD x 0.01 % x 3 = 6 USD a day
    assert (found.flow_usd.value, found.days.value) == (D(-6), D(500))


def test_at_the_floor_a_short_pays_the_most_that_its_venue_allows() -> None:
    found = days(framed(rate="0.0001"), "bound")  # 20,000 USD x 1 % x 3 = 600 USD a day
    assert (found.flow_usd.value, found.days.value) == (D(-600), D(5))


def test_a_long_pays_the_most_at_the_cap() -> None:
    assert days(framed(size="10"), "bound").flow_usd.value == D(-1_200)


def test_a_typed_rate_is_a_years_of_the_notional() -> None:
    found = days(framed(), "typed", Stress(funding=D("-0.73")))  # 20,000 USD x 73 % / 365 = 40 USD a day
    assert (found.flow_usd.value, found.days.value) == (D(-40), D(75))


def test_staking_at_a_typed_rate_pays_a_part() -> None:
    found = days(framed(staked="10"), "present", Stress(staking=D("0.073")))  # 20,000 USD x 7.3 % / 365 = 4 USD
    assert (found.staking_usd.value, found.flow_usd.value, found.days.value) == (D(4), D(-2), D(1_500))


@pytest.mark.parametrize("rate", ["0.0001", "0"])
def test_where_a_day_takes_nothing_the_reserve_does_not_fall(rate: str) -> None:
    found = days(framed(rate=rate), "present").days
    assert found.value is None
    assert found.state != "unknown"
    assert "does not fall" in found.because


def test_an_empty_reserve_lasts_no_day_and_one_that_nobody_read_is_not_known() -> None:
    assert days(framed(holds="0"), "present").days.value == 0
    unread = days(framed(holds=None), "present").days
    assert (unread.value, unread.state) == (None, "unknown")
    assert "has not stated yet" in unread.because


@pytest.mark.parametrize(("size", "which"), [("-10", "floor"), ("10", "cap")])
def test_a_bound_that_no_venue_has_told_leaves_the_days_unknown(size: str, which: str) -> None:
    found = days(framed(size=size, terms=FundingTerms(minutes=EIGHT)), "bound")
    assert found.days.state == found.flow_usd.state == "unknown"
    assert f"no {which} of the funding of {LINEAR}" in found.days.because


def test_without_a_typed_rate_its_line_says_so() -> None:
    assert days(framed(), "typed").days.because == "no rate a year was typed in"


@given(reserve=st.decimals("0", "1e9", places=2), flow=st.decimals("-1e7", "-0.01", places=2))
def test_days_times_what_a_day_takes_is_the_reserve(reserve: Decimal, flow: Decimal) -> None:
    found = days_left(exact(reserve), exact(flow)).value
    assert found is not None
    assert abs(found * -flow - reserve) <= D("1e-12")


@given(one=rates, other=rates)
def test_a_lower_rate_never_makes_the_reserve_of_a_short_book_last_longer(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    of = framed()
    soon, late = (days(of, "typed", Stress(funding=rate)) for rate in (low, high))
    assert (soon.flow_usd.value or D(0)) <= (late.flow_usd.value or D(0))
    if soon.days.value is not None and late.days.value is not None:
        assert soon.days.value <= late.days.value


def test_the_flow_at_the_rates_of_now_is_the_next_day_of_the_calendar() -> None:
    assert days_left(unknown("nobody knows"), exact(D(1))).state != "unknown"  # what does not fall needs no sum
    of = framed()
    (row,) = [one for one in of.positions[0].rows if one.instrument == LINEAR]
    assert days(of, "present").funding_usd.value == row.funding_24h.value
