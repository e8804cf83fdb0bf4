"""A run of redemptions: what is paid, fetched and bought back, hour by hour, and never more than there is."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.scenarios.asked import ScenarioIsRefused
from portfolio.core.scenarios.unwind import unwind
from portfolio.core.scenarios.unwind_asked import UnwindAsked, unwind_asked
from portfolio.core.scenarios.unwind_book import Held, Level, Offers, Short, Source, UnwindBook, Wait
from portfolio.core.scenarios.unwind_outcome import Unwind
from portfolio.core.scenarios.unwind_sources import settled_after

PRICE = 2_000.0
SOURCES: tuple[Source, ...] = ("hot", "custodian", "delegated")


def close_to(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-6)


def held(source: Source, units: float, asset: str = "stETH", holder: str = "") -> Held:
    is_coin = asset != "USDC"
    return Held(
        source=source,
        holder=holder or {"hot": "ethereum", "custodian": "ceffu", "delegated": "v:one"}[source],
        asset=asset,
        currency="ETH" if is_coin else "USDC",
        units=units,
        unit_usd=PRICE if is_coin else 1.0,
        coin=1.0,
    )


def short(coin: float, instrument: str = "v:ETH", account: str = "v:one", gain: float = 0.0) -> Short:
    return Short(
        account=account,
        venue=instrument.partition(":")[0],
        instrument=instrument,
        currency="ETH",
        coin=coin,
        mark_usd=PRICE,
        unrealized_usd=gain,
    )


def offers(size: float = 100.0, away: float = 1.0, count: int = 20, fee: float = 0.0005) -> Offers:
    levels = [
        Level(usd=PRICE + away * (1 + place), coin=size, fee=fee * (PRICE + away * (1 + place)))
        for place in range(count)
    ]
    return Offers(mid_usd=PRICE, levels=tuple(levels))


def desk(**changed: Any) -> UnwindBook:
    """Return 1,000 stETH hedged at one venue: 100 in the contract, 300 at the custodian, 600 mirrored."""
    book = UnwindBook(
        supply=2_000_000.0,
        held=(held("hot", 100.0), held("custodian", 300.0), held("delegated", 600.0)),
        shorts=(short(1_000.0),),
        offers={"v:ETH": offers()},
        waits={"v:one": Wait(hours=5.5, cycle=8.0)},
        block_usd=100_000.0,
    )
    return replace(book, **changed)


def test_half_the_supply_takes_what_the_contract_has_then_the_custodian_then_the_next_settlement() -> None:
    found = unwind(desk(), UnwindAsked(unwind=50, hours=24, transfer=1))
    assert {one.held.source: (one.units, one.wait) for one in found.fetched} == {
        "custodian": (300.0, 1.0),
        "delegated": (pytest.approx(100.0), 6.5),
    }
    by_hour = {hour.number: hour.arrived_usd for hour in found.hours if hour.arrived_usd}
    assert by_hour == {2: 600_000.0, 8: pytest.approx(200_000.0)}
    assert (found.dry_at, found.paid_at, found.flat_at) == (None, 24, 24)
    assert found.paid == {"stETH": pytest.approx(500.0)}


def test_a_contract_that_runs_dry_says_when_and_pays_the_rest_as_it_comes() -> None:
    book = desk(held=(held("hot", 10.0), held("delegated", 990.0)))
    found = unwind(book, UnwindAsked(unwind=25, hours=10, transfer=1))
    assert found.dry_at == 1
    assert [hour.redeemed_usd for hour in found.hours[:7]] == [20_000.0, 0, 0, 0, 0, 0, 0]
    assert found.hours[6].waiting_usd == pytest.approx(330_000.0)
    assert found.hours[7].redeemed_usd == pytest.approx(380_000.0)
    assert found.paid_at == 10


def test_what_a_block_takes_bounds_an_hour() -> None:
    found = unwind(desk(block_usd=100.0), UnwindAsked(unwind=10, hours=1, block=12))
    assert [hour.redeemed_usd for hour in found.hours[:3]] == [30_000.0, 30_000.0, 30_000.0]
    assert found.paid_at == 7
    assert found.dry_at is None


def test_a_book_that_sells_little_leaves_the_hedge_behind_and_says_when_it_is_flat() -> None:
    book = desk(offers={"v:ETH": offers(size=10.0, count=1)}, held=(held("hot", 1_000.0),))
    found = unwind(book, UnwindAsked(unwind=10, hours=1, taken=100, refills=2))
    assert [hour.closed["v:ETH"].coin for hour in found.hours] == [20.0] * 5
    assert [hour.delta["ETH"] for hour in found.hours] == [-80.0, -60.0, -40.0, -20.0, 0.0]
    assert (found.paid_at, found.flat_at) == (1, 5)


def test_slippage_is_what_is_paid_above_the_mid_of_the_books_own_levels() -> None:
    book = desk(held=(held("hot", 1_000.0),), offers={"v:ETH": offers(size=100.0, away=1.0)})
    found = unwind(book, UnwindAsked(unwind=15, hours=1, taken=100, refills=1))
    assert found.closed.coin == pytest.approx(150.0)
    assert found.closed.slippage_usd == pytest.approx(100 * 1 + 50 * 2)
    assert found.closed.slippage_bp == pytest.approx(200 / 300_000 * 1e4)
    assert found.closed.fees_usd == pytest.approx((100 * 2_001 + 50 * 2_002) * 0.0005)


def test_the_cheaper_book_is_bought_first_and_only_for_what_is_short_there() -> None:
    book = desk(
        held=(held("hot", 1_000.0),),
        shorts=(short(30.0, "a:ETH", "a:one"), short(900.0, "b:ETH", "b:one")),
        offers={"a:ETH": offers(away=0.1), "b:ETH": offers(away=1.0)},
    )
    found = unwind(book, UnwindAsked(unwind=10, hours=1, taken=100, refills=1))
    assert {one.instrument: one.closed.coin for one in found.lines} == {
        "a:ETH": pytest.approx(30.0),
        "b:ETH": pytest.approx(70.0),
    }


def test_a_short_whose_book_is_not_known_stays_and_nothing_is_flat() -> None:
    found = unwind(desk(offers={}), UnwindAsked(unwind=10))
    assert found.paid_at == 24
    assert found.flat_at is None
    assert found.hours[-1].delta["ETH"] == pytest.approx(-100.0)


def test_profit_is_settled_at_its_cycle_and_pays_only_what_collateral_cannot() -> None:
    book = desk(held=(held("hot", 100.0),), shorts=(short(1_000.0, gain=900_000.0),), supply=1_000_000.0)
    plenty = unwind(book, UnwindAsked(unwind=20, hours=4))
    assert "profit" not in plenty.paid
    short_of = unwind(book, UnwindAsked(unwind=25, hours=4, transfer=1))
    (gained,) = short_of.profits
    # 100 coins were bought back by the end of the fourth hour: a tenth of the profit, less what lay above the mark.
    assert gained.realized_usd < 90_000
    assert gained.settled_by == 5.5
    assert short_of.paid["profit"] == pytest.approx(50_000)
    assert short_of.paid_at == 8  # settled after 5.5 hours, an hour on its way, paid in the one that begins after it


def test_what_settles_nobody_knows_when_is_not_counted_on() -> None:
    unknown = Wait(hours=None, cycle=None, because="no limit says when")
    found = unwind(desk(held=(held("hot", 100.0), held("delegated", 900.0)), waits={"v:one": unknown}), UnwindAsked())
    assert [(one.units, one.because) for one in found.fetched] == [(0.0, "no limit says when")]
    assert found.redeemed_usd == pytest.approx(200_000)
    assert found.paid_at is None
    assert found.flat_at is None


def test_a_share_of_the_open_interest_is_said_where_it_is_known() -> None:
    book = desk(shorts=(replace(short(500.0), open_interest=10_000.0), short(500.0, "w:ETH", "w:one")))
    shares = {one.instrument: one.share_of_interest for one in unwind(book, UnwindAsked(unwind=10)).lines}
    assert shares == {"v:ETH": pytest.approx(100.0 / 10_000), "w:ETH": None}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"unwind": "101"}, "unwind expected a number from 0 to 100"),
        ({"hours": "0"}, "hours expected a number from 1 to 168"),
        ({"taken": "nan"}, "taken expected a number"),
    ],
)
def test_what_no_run_can_be_is_refused_in_a_sentence(query: dict[str, str], said: str) -> None:
    with pytest.raises(ScenarioIsRefused, match=said):
        unwind_asked(query)


def test_a_link_says_what_was_asked_for() -> None:
    wanted = UnwindAsked(unwind=50, refills=60)
    assert wanted.query() == {"unwind": "50", "hours": "24", "refills": "60"}
    assert unwind_asked(wanted.query()) == wanted


amounts = st.floats(0.0, 5_000.0)
waits = st.one_of(
    st.builds(Wait, hours=st.floats(0, 30), cycle=st.floats(0.5, 30)),
    st.just(Wait(hours=None, cycle=None, because="not known")),
)


@st.composite
def books(draw: st.DrawFn) -> UnwindBook:
    """Draw a book over two venues, with stablecoins, of which any part may be nothing or not known."""
    names = ("a:ETH", "b:ETH")
    shorts = tuple(
        short(draw(st.floats(0.001, 5_000)), name, f"{name[0]}:one", draw(st.floats(-1e6, 1e6))) for name in names
    )
    here = tuple(
        held(
            source, draw(amounts) * (1 if asset == "stETH" else PRICE), asset, "a:one" if source == "delegated" else ""
        )
        for source in SOURCES
        for asset in ("stETH", "USDC")
    )
    known = draw(st.sets(st.sampled_from(names)))
    return UnwindBook(
        supply=draw(st.floats(0.0, 2e7)),
        held=here,
        shorts=shorts,
        offers={name: offers(draw(st.floats(0.1, 500)), draw(st.floats(0.01, 5)), 4) for name in sorted(known)},
        waits={f"{name[0]}:one": draw(waits) for name in names},
        block_usd=draw(st.one_of(st.none(), st.floats(10, 1e6))),
    )


runs = st.builds(
    UnwindAsked,
    unwind=st.floats(0, 100),
    hours=st.integers(1, 48).map(float),
    taken=st.floats(1, 100),
    refills=st.floats(0.1, 60),
    transfer=st.floats(0, 10),
)


@given(books(), runs)
def test_nothing_is_paid_fetched_or_bought_that_is_not_there(book: UnwindBook, asked: UnwindAsked) -> None:
    found = unwind(book, asked)
    _paid_is_worth_what_is_redeemed(book, found)
    _hot_goes_from_what_it_was_by_what_came_and_went(found)
    for line in found.lines:
        assert line.closed.coin <= line.coin * (1 + 1e-9)
        assert close_to(line.closed.coin + line.left, line.coin)
        assert line.closed.slippage_usd >= -1e-6
    for one in found.fetched:
        assert -1e-9 <= one.units <= one.held.units * (1 + 1e-9)
        assert one.wait is None or one.wait >= 0
    for hour in found.hours:
        assert hour.waiting_usd >= 0
        assert hour.hot_usd >= -1e-6
        assert all(one <= 1e-6 for one in hour.delta.values())
        if book.block_usd is not None:
            assert hour.redeemed_usd <= book.block_usd * 3_600 / asked.block * (1 + 1e-9)
    assert found.redeemed_usd <= found.target_usd * (1 + 1e-9)
    if found.flat_at is not None:
        assert close_to(found.redeemed_usd, found.target_usd)


def _paid_is_worth_what_is_redeemed(book: UnwindBook, found: Unwind) -> None:
    prices = {one.asset: one.unit_usd for one in book.held} | {"profit": 1.0}
    assert close_to(sum(units * prices[asset] for asset, units in found.paid.items()), found.redeemed_usd)


def _hot_goes_from_what_it_was_by_what_came_and_went(found: Unwind) -> None:
    before = found.hot_usd
    for hour in found.hours:
        assert close_to(hour.hot_usd, before + hour.arrived_usd - hour.redeemed_usd)
        before = hour.hot_usd


@given(books())
def test_nothing_redeemed_does_nothing(book: UnwindBook) -> None:
    found = unwind(book, UnwindAsked(unwind=0))
    assert found.hours == ()
    assert not found.paid
    assert not any(one.units for one in found.fetched)
    assert found.closed.coin == 0


@given(books(), runs, st.floats(0, 1))
def test_a_larger_share_fetches_and_redeems_no_less(book: UnwindBook, asked: UnwindAsked, less: float) -> None:
    one, other = unwind(book, replace(asked, unwind=asked.unwind * less)), unwind(book, asked)
    assert one.redeemed_usd <= other.redeemed_usd * (1 + 1e-9) + 1e-6
    for before, after in zip(one.fetched, other.fetched, strict=True):
        assert before.units <= after.units * (1 + 1e-9) + 1e-9


@given(
    st.floats(0.5, 100), st.floats(0, 1), st.integers(1, 48), st.floats(1, 500), st.floats(0.01, 5), st.floats(0, 10)
)
def test_a_larger_share_of_coins_costs_no_less(
    share: float, less: float, hours: int, size: float, away: float, transfer: float
) -> None:
    book = desk(offers={"v:ETH": offers(size, away)})
    asked = UnwindAsked(unwind=share, hours=float(hours), transfer=transfer)
    one, other = unwind(book, replace(asked, unwind=share * less)), unwind(book, asked)
    assert one.closed.coin <= other.closed.coin * (1 + 1e-9) + 1e-6
    assert one.closed.slippage_usd <= other.closed.slippage_usd * (1 + 1e-9) + 1e-3


@given(st.floats(0, 100), st.floats(0.1, 50), st.integers(1, 300))
def test_a_settlement_is_never_before_what_it_settles(first: float, cycle: float, hour: int) -> None:
    at = settled_after(Wait(hours=first, cycle=cycle), hour)
    assert at is not None
    assert at >= hour - 1e-6
    assert at - hour <= max(first, cycle) + 1e-6
