"""The last look at a quote waits the longer, the less the venues' clocks agree with ours."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from marketdata.core.look_back import LOOK_BACK_MS, LOOK_BACK_MS_MAX, look_back
from tests.core.test_market_health import health

DRIFTS = st.lists(st.integers(-60_000, 60_000), min_size=1, max_size=5)
VENUE = health(book=0.1)


def of(*drifts_ms: int | None) -> "tuple[int | None, str]":
    found = look_back(replace(VENUE, feed=f"feed:{n}", drift_ms=drift) for n, drift in enumerate(drifts_ms))
    return found.ms, found.because


@given(DRIFTS)
def test_the_venue_that_is_farthest_off_decides_whichever_way_it_is_off(drifts_ms: list[int]) -> None:
    farthest = max(map(abs, drifts_ms))
    expected = LOOK_BACK_MS + farthest
    assert of(*drifts_ms)[0] == (expected if expected <= LOOK_BACK_MS_MAX else None)
    assert of(*drifts_ms)[0] == of(*(-drift for drift in drifts_ms))[0]


def test_it_says_whose_clock_extends_it() -> None:
    assert of(3, -140, 20) == (LOOK_BACK_MS + 140, "250 ms, and 140 ms for the clock of feed:1")


def test_a_clock_too_far_off_leaves_no_look_back() -> None:
    assert of(10, 9_000) == (None, "at most 4750 ms of drift expected, found +9000 ms at feed:1")


def test_a_clock_that_is_not_measured_leaves_no_look_back() -> None:
    assert of(10, None) == (None, "the clock of feed:1 is not measured yet")


def test_only_feeds_of_public_data_that_are_connected_count() -> None:
    assert look_back([replace(VENUE, is_connected=False, drift_ms=1), health()]).because == "no venue is heard"
