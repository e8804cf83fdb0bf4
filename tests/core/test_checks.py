"""Checks name what they refuse: the kind, what was expected, what was found."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.core import checks
from marketdata.core.checks import Bounds, Fault


def kind_of(fault: Fault | None) -> str | None:
    """Return the kind of a fault, None where there is none."""
    return fault.kind if fault else None


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1e-9, None), (0.0, "not_positive"), (-1.0, "not_positive"), (math.nan, "not_finite"), (math.inf, "not_finite")],
)
def test_a_price_is_finite_and_above_zero(value: float, kind: str | None) -> None:
    assert kind_of(checks.positive("ETH", value)) == kind


@pytest.mark.parametrize(
    ("price", "tick", "kind"),
    [
        (2681.62, 0.01, None),
        (2681.625, 0.01, "off_tick"),
        (100_000.05, 0.05, None),
        (100_000.06, 0.05, "off_tick"),
        (65_000.1, 0.1, None),
        (65_000.11, 0.1, "off_tick"),
        (999_999.999999, 0.000001, None),
    ],
)
def test_a_price_stands_on_a_tick(price: float, tick: float, kind: str | None) -> None:
    assert kind_of(checks.on_tick("ETH", price, tick)) == kind


@given(st.integers(1, 10**9), st.sampled_from(("0.01", "0.05", "0.1", "0.5", "1", "0.0001")))
def test_every_multiple_of_a_tick_stands_on_it(ticks: int, tick: str) -> None:
    assert checks.on_tick("ETH", round(ticks * float(tick), 4), float(tick)) is None


@pytest.mark.parametrize(
    ("bid", "ask", "kind"),
    [(1.0, 2.0, None), (2.0, 2.0, "crossed"), (3.0, 2.0, "crossed"), (None, 2.0, "empty"), (1.0, None, "empty")],
)
def test_a_bid_is_below_the_ask(bid: float | None, ask: float | None, kind: str | None) -> None:
    assert kind_of(checks.uncrossed("ETH", bid, ask)) == kind


@pytest.mark.parametrize(
    ("ahead_ms", "kind"), [(0, None), (1_270, None), (-900, None), (2_001, "clock"), (-1_001, "clock")]
)
def test_a_time_is_near_ours(ahead_ms: int, kind: str | None) -> None:
    bounds = Bounds(clock_ahead_ms_max=2_000, clock_behind_ms_max=1_000)
    assert kind_of(checks.in_time("ETH", 10_000 + ahead_ms, 10_000, bounds)) == kind


@pytest.mark.parametrize(("price", "kind"), [(110.0, None), (90.0, None), (110.1, "jump"), (89.9, "jump")])
def test_a_price_does_not_jump(price: float, kind: str | None) -> None:
    assert kind_of(checks.steady("ETH", price, 100.0, Bounds(jump_max=0.1))) == kind


def test_a_fault_is_a_sentence() -> None:
    fault = checks.uncrossed("binance-usdm:ETH-USDT-PERP", 2681.63, 2681.62)
    assert str(fault) == "binance-usdm:ETH-USDT-PERP: a bid below the ask expected, found bid 2681.63, ask 2681.62"


@pytest.mark.parametrize(
    ("rate", "kind"), [(0.0001, None), (-0.03, None), (0.031, "funding"), (-0.5, "funding"), (math.nan, "funding")]
)
def test_a_funding_rate_stays_within_what_a_venue_may_ask_for(rate: float, kind: str | None) -> None:
    assert kind_of(checks.capped("ETH", rate, Bounds())) == kind
