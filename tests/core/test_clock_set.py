"""Our clock is set while everything runs: nothing is believed for longer, and no fault waits for its time to come."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.skew import JUMP_S, Skew
from marketdata.core.asset_prices import objection
from marketdata.core.board import AHEAD_MAX, freshness
from portfolio.core.alert_watch import OPEN_AFTER, Reading
from portfolio.core.alert_watch import Watch as AlertWatch
from portfolio.core.alert_watch import decided as alerted
from portfolio.core.alerts import Alerts
from portfolio.core.frames import frame
from portfolio.core.minting import Minting
from portfolio.core.minting_watch import PAUSE_AFTER, Watch, decided
from portfolio.core.valuation import Valuation
from tests.builders.books import AT, LINEAR, book_of, common, health
from tests.core.test_asset_prices import quote
from tests.core.test_binance_market import NOW_MS, market
from tests.core.test_frames import FEEDS, MARKETS, hedged

BACK = timedelta(minutes=5)
BUDGET = timedelta(seconds=60)


@given(st.timedeltas(-timedelta(days=30), timedelta(days=30)))
def test_only_what_is_of_now_is_live(age: timedelta) -> None:
    if freshness(age, BUDGET) == "live":
        assert -AHEAD_MAX <= age <= BUDGET / 2


def test_a_mark_of_before_our_clock_was_set_back_is_not_live_for_all_that_time() -> None:
    after = Valuation(book_of(), common("2000", at=AT), AT - BACK).mark(LINEAR, "mark")
    assert after.state == "stale"
    assert after.because.endswith("is 300 s ahead of our clock: was that set back?")


def test_nothing_that_was_stated_or_heard_before_our_clock_was_set_back_is_current() -> None:
    feeds = [health(feed, AT) for feed in (*FEEDS, *MARKETS)]
    found = frame(hedged(), common("2000", at=AT), feeds, number=1, at=AT - BACK)
    assert {row.total.state for row in found.balances} == {"stale"}
    assert {row.condition for row in found.feeds} == {"stale"}
    assert all("ahead of our clock" in row.because for row in found.feeds)
    assert all(row.age_s.value is None or row.age_s.value >= 0 for row in found.feeds)


def test_an_oracles_quote_of_before_has_no_vote_until_it_speaks_again() -> None:
    assert objection(quote(), AT - BACK) == "pyth is 299 s ahead of our clock"
    assert objection(quote(), AT) == ""


def test_a_fault_pauses_in_its_time_though_our_clock_was_set_back() -> None:
    found, minting = {"feed": "feed:x is stale"}, Minting()
    _, watch = decided(minting, found, Watch(), AT)  # type: ignore[arg-type]
    events, watch = decided(minting, found, watch, AT - BACK)  # type: ignore[arg-type]
    assert events == ()
    events, _ = decided(minting, found, watch, AT - BACK + PAUSE_AFTER["feed"])  # type: ignore[arg-type]
    assert len(events) == 1


def test_an_alert_opens_in_its_time_though_our_clock_was_set_back() -> None:
    ill = Reading(rule="feed", subject="x", verdict="ill", severity="warning", said="silent", evidence="/data/")
    _, watch = alerted(Alerts(), [ill], AlertWatch(), AT)
    events, watch = alerted(Alerts(), [ill], watch, AT - BACK)
    events, _ = alerted(Alerts(), [ill], watch, AT - BACK + OPEN_AFTER["warning"])
    assert len(events) == 1


def test_a_price_of_before_our_clock_was_set_back_bounds_no_other() -> None:
    back_ms = round(BACK.total_seconds() * 1000)
    found = market()
    (line,) = found._lines.values()
    line.prices["mark"] = (2_000.0, NOW_MS)
    assert found._price_fault(line, "mark", 4_000.0, NOW_MS + 100) is not None
    assert found._price_fault(line, "mark", 4_000.0, NOW_MS - back_ms) is None


@pytest.mark.parametrize("jumped_s", [-300.0, -1.5, 1.5, 300.0])
def test_a_clock_that_was_set_is_noticed_once_with_by_how_much(jumped_s: float) -> None:
    skew = Skew(10.0, 1_000.0)
    assert skew.jump_s(10.5, 1_000.5) == 0
    assert skew.jump_s(11.0, 1_001.0 + jumped_s) == pytest.approx(jumped_s)
    assert skew.jump_s(11.5, 1_001.5 + jumped_s) == 0


@given(st.lists(st.floats(0, 0.9 * JUMP_S), max_size=50))
def test_a_clock_that_is_slewed_is_not_taken_for_one_that_was_set(steps: list[float]) -> None:
    skew, wall, steady = Skew(0.0, 0.0), 0.0, 0.0
    for step in steps:
        wall, steady = wall + 1 + step / 2, steady + 1
        assert skew.jump_s(steady, wall) == 0
