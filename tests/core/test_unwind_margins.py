"""While collateral goes back, each account keeps the margin that its tiers ask for, and what it cannot give waits."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.scenarios.book import Bracket, Holding, Rate, ScenarioBook, ScenarioPosition
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.outcome import outcome
from portfolio.core.scenarios.shocks import shocks
from portfolio.core.scenarios.unwind import unwind
from portfolio.core.scenarios.unwind_asked import UnwindAsked
from portfolio.core.scenarios.unwind_book import Held, Level, Offers, Short, UnwindBook, Wait
from portfolio.core.scenarios.unwind_margins import UnwindMargins, name_of, settlement_in
from portfolio.screen.unwind import unwind_shown

PRICE = 2_000.0
TIERS = (
    Bracket(cap=500_000.0, rate=0.01, initial_rate=0.05),
    Bracket(cap=math.inf, rate=0.02, deduction=5_000.0, initial_rate=0.10),
)


def scenario(units: float, coin: float, entry: float = PRICE, cash: float = 0.0, **changed: Any) -> ScenarioBook:
    """Return a unified account that margins a short of so many ETH with mirrored stETH and cash."""
    book = ScenarioBook(
        prices={"USD": 1.0, "ETH": PRICE, "USDT": 1.0},
        positions=(
            ScenarioPosition(
                account="v:one", venue="v", instrument="v:ETH", kind="linear", base="ETH", quote="USDT",
                settlement="USDT", size=-coin, entry_value=-coin * entry, mark=PRICE, brackets=TIERS,
            ),
        ),
        holdings=(
            Holding(
                holder="v:one", venue="v", asset="stETH", own=0.0, mirrored=units,
                collateral=((math.inf, 0.9),),
            ),
            Holding(holder="v:one", venue="v", asset="USDT", own=cash),
        ),
        rates={"stETH": Rate(currency="ETH")},
        unified=frozenset({"v:one"}),
        stablecoins=frozenset({"USDT"}),
    )  # fmt: skip
    return replace(book, **changed)


def desk(units: float = 100.0, coin: float = 1_000.0, entry: float = PRICE, cash: float = 0.0) -> UnwindBook:
    """Return a book whose only collateral is mirrored; books sell all at the mark, without a fee."""
    return UnwindBook(
        supply=units * PRICE,
        held=(Held(source="delegated", holder="v:one", asset="stETH", currency="ETH", units=units, unit_usd=PRICE,
                   coin=1.0),),
        shorts=(Short(account="v:one", venue="v", instrument="v:ETH", currency="ETH", coin=coin, mark_usd=PRICE,
                      unrealized_usd=coin * (entry - PRICE)),),
        offers={"v:ETH": Offers(mid_usd=PRICE, levels=(Level(usd=PRICE, coin=1e6, fee=0.0),))},
        waits={"v:one": Wait(hours=4.0, cycle=8.0)},
        scenario=scenario(units, coin, entry, cash),
    )  # fmt: skip


def test_what_the_headroom_does_not_let_go_waits_and_nothing_comes_early() -> None:
    # 150 stETH count for 270,000 USD, the short of 1,000 ETH takes 200,000 first: 70,000 may go, 38.89 stETH of 150.
    found = unwind(desk(units=150.0), UnwindAsked(unwind=100, hours=1, transfer=1))
    back = found.returns[0]
    assert back.is_held_back
    assert (back.asked_usd, back.first) == (300_000.0, 4.0)
    assert back.at_first_usd == pytest.approx(70_000 / 0.9)
    first = next(hour for hour in found.hours if hour.number == 4)
    assert first.rooms["v:one"].headroom_usd == pytest.approx(0.0, abs=1e-3)
    assert first.kept_usd == pytest.approx(300_000 - 70_000 / 0.9)
    # What came in hour 6 was paid and its hedge closed, which frees 10 % of it: that goes at the next settlement.
    assert found.hours[5].arrived_usd == pytest.approx(70_000 / 0.9)
    second = next(hour for hour in found.hours if hour.number == 12)
    assert first.kept_usd - second.kept_usd == pytest.approx(70_000 / 0.9 * 0.10 / 0.9)


def test_closing_a_part_of_the_hedge_frees_what_the_tiers_say() -> None:
    margins = UnwindMargins(desk())
    now, quarter = margins.rooms({})["v:one"], margins.rooms({"v:ETH": 0.25})["v:one"]
    # 2,000,000 at 10 %, then 500,000, which is in the first tier: 5 %.
    assert quarter.headroom_usd - now.headroom_usd == pytest.approx(200_000 - 25_000)
    assert quarter.ratio == pytest.approx(0.01 * 500_000 / 180_000)
    assert margins.rooms({"v:ETH": 0.0})["v:one"].headroom_usd == pytest.approx(180_000)


def test_collateral_of_an_account_whose_margin_is_not_known_is_not_counted_on() -> None:
    book = desk(coin=10.0)
    for unknown in (
        replace(book, unmargined=frozenset({"v:one"})),
        replace(book, scenario=replace(book.scenario, positions=(replace(book.scenario.positions[0], brackets=()),))),
    ):
        found = unwind(unknown, UnwindAsked(unwind=100, hours=1))
        assert (found.redeemed_usd, found.returns[0].gone_usd, found.returns[0].is_known) == (0.0, 0.0, False)
        assert all(math.isnan(room.headroom_usd) for hour in found.hours for room in hour.rooms.values())


@pytest.mark.parametrize(("entry", "closed", "settled"), [(10.0, 231_000.0, 230_000.0), (-10.0, 229_000.0, 229_000.0)])
def test_profit_leaves_its_account_when_it_is_settled_and_a_loss_stays(
    entry: float, closed: float, settled: float
) -> None:
    book = replace(desk(coin=100.0, entry=PRICE + entry, cash=50_000.0), supply=1e6)
    hot = replace(book.held[0], source="hot", holder="ethereum", units=500.0)
    found = unwind(replace(book, held=(hot,)), UnwindAsked(unwind=100, hours=5))
    # 100 stETH at 90 % and 50,000 of cash; all is closed in the first hour and settled in the fourth.
    rooms = [hour.rooms["v:one"].headroom_usd for hour in found.hours]
    assert rooms == pytest.approx([closed, closed, closed, settled, settled])


@given(
    units=st.floats(0.0, 1e4),
    coin=st.floats(0.1, 1e4),
    entry=st.floats(1_500.0, 2_500.0),
    cash=st.floats(-1e6, 1e6),
    is_unified=st.booleans(),
)
def test_nothing_unwound_leaves_the_margins_of_the_scenario_at_0(
    units: float, coin: float, entry: float, cash: float, is_unified: bool
) -> None:
    book = desk(units, coin, entry, cash)
    if not is_unified:
        book = replace(book, scenario=replace(book.scenario, unified=frozenset()))
    found = UnwindMargins(book).rooms({})
    for one in outcome(Engine(book.scenario), shocks({})).margins:
        assert found[name_of(one)].headroom_usd == pytest.approx(float(one.headroom[0]), rel=1e-9, abs=1e-6)
        assert found[name_of(one)].ratio == pytest.approx(float(one.ratio[0]), rel=1e-9)
    assert unwind(book, UnwindAsked(unwind=0)).rooms == found


@given(units=st.floats(1.0, 1e4), coin=st.floats(0.1, 1e4), entry=st.floats(1_500.0, 2_500.0), cash=st.floats(0.0, 1e6))
def test_what_is_let_go_leaves_no_headroom_below_0_and_no_more_could_go(
    units: float, coin: float, entry: float, cash: float
) -> None:
    margins = UnwindMargins(desk(units, coin, entry, cash))
    before = margins.rooms({})["v:one"].headroom_usd
    share = margins.released("v:one", {"stETH": units}, {})
    assert 0.0 <= share <= 1.0
    margins.take("v:one", "stETH", units * share)
    after = margins.rooms({})["v:one"].headroom_usd
    whole = units * PRICE * 0.9
    assert after >= min(0.0, before) - 1e-6 * max(1.0, whole)
    if 0.0 < share < 1.0:
        assert after <= 1e-6 * max(1.0, whole)
    assert (share == 0.0) == (before < 0.0) or share > 0.0 or before <= 1e-6 * whole


@given(coin=st.floats(1.0, 1e5), first=st.floats(0.0, 1.0), second=st.floats(0.0, 1.0))
def test_closing_more_of_a_hedge_without_loss_takes_no_headroom(coin: float, first: float, second: float) -> None:
    margins = UnwindMargins(desk(coin=coin))
    rooms = [margins.rooms({"v:ETH": share})["v:one"].headroom_usd for share in sorted((first, second))]
    assert rooms[0] >= rooms[1] - 1e-6 * coin


@given(hours=st.floats(0.0, 48.0), cycle=st.floats(0.5, 48.0))
def test_settlements_come_a_cycle_apart_and_each_in_one_hour(hours: float, cycle: float) -> None:
    found = [settlement_in(Wait(hours=hours, cycle=cycle), hour) for hour in range(1, 97)]
    for hour, at in enumerate(found, 1):
        if at is not None:
            assert hour - 1 <= at <= hour + 1e-6
            assert math.isclose(round((at - hours) / cycle) * cycle + hours, at, abs_tol=1e-6)
    if cycle >= 1.0:
        seen = np.array([at for at in found if at is not None])
        assert np.all(np.diff(seen) > 0)
        assert len(seen) >= (96 - hours) // cycle


def test_the_page_marks_the_account_that_cannot_give_what_it_is_asked_for() -> None:
    book = desk(units=150.0)
    shown = unwind_shown(book, unwind(book, UnwindAsked(unwind=100, hours=1, transfer=1)))
    line = shown.rooms[0]
    assert (line.name, line.asked, line.is_bad) == ("v:one", "300,000", True)
    assert line.state == "more is asked back than its headroom lets go"
    assert line.first == "77,778 after 4.0 h"
    assert dict(shown.facts)["held back USD"] == "222,222"
    plenty = desk(units=150.0, coin=1.0)
    enough = unwind_shown(plenty, unwind(plenty, UnwindAsked(unwind=50, hours=1)))
    assert [(one.state, one.is_bad, one.last) for one in enough.rooms] == [("enough", False, "after 4.0 h")]
