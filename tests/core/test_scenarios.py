"""Scenarios give the numbers that can be reckoned by hand, at every step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.scenarios.book import Bracket, Holding, ScenarioBook, ScenarioPosition
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.liquidation import Lines, liquidations
from portfolio.core.scenarios.outcome import Outcome, outcome
from portfolio.core.scenarios.shocks import CALM, Conditions, ShockIsRefused, led, shocks
from portfolio.core.scenarios.swept import Sweep, swept
from portfolio.core.scenarios.table import Column
from portfolio.core.scenarios.typed import INVERSE, LINEAR, Typed, TypedIsRefused, typed_book
from portfolio.screen.scenario_export import as_text
from tests.builders.books import ETHUSDT, brackets
from tests.builders.scenarios import WITH_CASH, WITHOUT_CASH, hedge, margined, rows

CASES = [(0.0, row) for row in rows(WITHOUT_CASH)] + [(0.2, row) for row in rows(WITH_CASH)]
shares = st.floats(0.0, 1.0)
typed = st.builds(
    Typed,
    value=st.floats(1e3, 1e12),
    price=st.floats(1.0, 1e6),
    settlement_share=shares,
    coin_share=shares,
    inverse_share=shares,
)


def after(book: ScenarioBook, *moves: float, conditions: Conditions = CALM, **elsewhere: float) -> Outcome:
    return outcome(Engine(book), shocks(led(moves, {"ETH": 1.0}), **elsewhere), conditions)


def close(found: float | np.ndarray, expected: float | np.ndarray, scale: float = 1.0) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-9, atol=1e-9 * max(1.0, scale)))


@pytest.mark.parametrize(("share", "row"), CASES)
def test_the_linear_margined_table_is_that_of_the_facts(share: float, row: tuple[float, ...]) -> None:
    change, price, staked, unrealized, net, borrow, *_, staked_share, cash_share, _ = row
    found = after(typed_book(margined("linear", share)), change / 100)
    assert close(found.prices["ETH"], price)
    assert close(found.staked["stETH"], 500 * (1 - share))
    assert close(found.staked_usd, staked)
    assert close(found.unrealized["USDT"], unrealized, 1e6)
    assert close(found.net["USDT"], net, 1e6)
    assert close(found.borrow[LINEAR, "USDT"], borrow, 1e6)
    assert close(found.staked_share, staked_share / 100)
    assert close(found.share("USDT"), cash_share / 100)
    assert close(found.total_usd, 1_000_000)


@pytest.mark.parametrize(("share", "row"), CASES)
def test_the_inverse_margined_table_is_that_of_the_facts(share: float, row: tuple[float, ...]) -> None:
    change, price, staked, *_, coins, net, borrow, usd, staked_share, coin_share, reported = row
    found = after(typed_book(margined("inverse", share)), change / 100)
    assert np.allclose(found.unrealized["ETH"], coins, atol=5e-7)
    assert np.allclose(found.net["ETH"], net, atol=5e-7)
    assert np.allclose(found.borrow[INVERSE, "ETH"], borrow, atol=5e-7)
    assert close(found.unrealized_usd, usd, 1e6)
    assert close(found.staked_usd, staked)
    assert close(found.staked_share, staked_share / 100)
    assert close(found.share("ETH"), coin_share / 100)
    assert np.allclose(found.reported_delta["ETH"], reported, atol=5e-7)
    assert close(found.total_usd, 1_000_000)
    assert close(found.delta["ETH"], 0.0, 1e4)
    assert close(found.prices["ETH"], price)


def test_a_mint_at_2000_buys_ten_times_the_staked_ether_back_at_200() -> None:
    found = after(typed_book(Typed(value=20_000, price=2_000)), -0.9)
    assert close(found.staked_usd, 2_000)
    assert close(found.unrealized_usd, 18_000)
    assert close(found.unrealized_usd / found.prices["ETH"], 90)
    again = swept(typed_book(Typed(value=20_000, price=2_000)), found, lead="ETH", sweep="all")
    assert close(again.staked_usd / found.prices["ETH"], 100)


@pytest.mark.parametrize(
    ("size", "margin", "entry", "price", "gain", "equity"),
    [
        (-1.0, 1.0, 1.0, 0.1, 9.0, 10.0),
        (-1.0, 1.0, 1.0, 100.0, -0.99, 0.01),
        (50_000.0, 0.0, 10_000.0, 11_000.0, 0.4545454545, 0.4545454545),
        (50_000.0, 0.0, 10_000.0, 9_000.0, -0.5555555556, -0.5555555556),
    ],
)
def test_an_inverse_position_gains_in_coin(
    size: float, margin: float, entry: float, price: float, gain: float, equity: float
) -> None:
    position = ScenarioPosition(
        account="v:one",
        venue="v",
        instrument="v:X",
        kind="inverse",
        base="ETH",
        quote="USD",
        settlement="ETH",
        size=size,
        entry_value=size / entry,
        mark=entry,
    )
    cash = Holding(holder="v:one", venue="v", asset="ETH", own=margin)
    book = ScenarioBook(prices={"ETH": entry}, positions=(position,), holdings=(cash,))
    found = after(book, price / entry - 1)
    assert np.allclose(found.unrealized["ETH"], gain, atol=1e-9)
    assert np.allclose(found.net["ETH"], equity, atol=1e-9)


def test_each_currency_is_borrowed_where_it_is_owed() -> None:
    half = Typed(settlement_share=0.2, inverse_share=0.5)
    moves = np.array([0.0001, 0.4999, 0.5, 0.5001])
    found = after(typed_book(half), *moves)
    assert (found.borrow[INVERSE, "ETH"] > 0).all()
    assert close(found.borrow[LINEAR, "USDT"][:3], 0.0, 1e6)
    assert found.borrow[LINEAR, "USDT"][3] > 0
    assert close(found.borrowed("USDT"), found.borrow[LINEAR, "USDT"])


@pytest.mark.parametrize(
    ("move", "sweep", "stable", "staked"),
    [(-0.5, "coins", 0.24, 0.76), (-0.5, "all", 0.0, 1.0), (0.5, "coins", 0.0, 1.0), (0.5, "all", 0.0, 1.0)],
)
def test_swept_shares_are_those_that_the_documentation_assumes(
    move: float, sweep: Sweep, stable: float, staked: float
) -> None:
    book = typed_book(Typed(settlement_share=0.2, coin_share=0.6, inverse_share=0.6))
    found = swept(book, after(book, move), lead="ETH", sweep=sweep)
    assert close(found.stable_share, stable)
    assert close(found.staked_share, staked)


@given(typed, st.floats(-0.99, 4.0), st.sampled_from(("coins", "all")))
def test_a_sweep_keeps_the_whole_and_sells_what_is_staked(one: Typed, move: float, sweep: Sweep) -> None:
    book = typed_book(one)
    held = after(book, move)
    found = swept(book, held, lead="ETH", sweep=sweep)
    assert close(found.staked_usd + found.stable_usd, one.value, one.value)
    assert close(found.short["ETH"] * held.prices["ETH"], -found.staked_usd, one.value)


def test_the_price_of_the_stablecoin_is_the_linear_books_own_risk() -> None:
    def total(kind: str, move: float) -> float:
        moved = shocks({"USDT": [move]})
        return float(outcome(Engine(typed_book(margined(kind, 0.0))), moved).total_usd[0])

    assert math.isclose(total("linear", -0.03), 970_000)
    assert math.isclose(total("linear", -0.10), 900_000)
    assert math.isclose(total("inverse", -0.10), 1_000_000)


MULTIPLES = {
    0.85: ((6.4516, 6.6333), (6.25, 6.6), (5.8824, 6.5333)),
    0.90: ((9.5238, 9.95), (9.0909, 9.9), (8.3333, 9.8)),
    0.925: ((12.5, 13.2667), (11.7647, 13.2), (10.5263, 13.0667)),
    0.95: ((18.1818, 19.9), (16.6667, 19.8), (14.2857, 19.6)),
    1.0: ((200, None), (100, None), (50, None)),
}


def only(book: ScenarioBook) -> Lines:
    (line,) = liquidations(Engine(book), {"ETH": 1.0})
    return line


@pytest.mark.parametrize("kind", ["linear", "inverse"])
@pytest.mark.parametrize(("h", "m"), [(h, m) for h in MULTIPLES for m in (0.005, 0.01, 0.02)])
def test_a_hedge_is_liquidated_at_the_multiple_of_the_closed_form(kind: str, h: float, m: float) -> None:
    expected = MULTIPLES[h][(0.005, 0.01, 0.02).index(m)][kind == "inverse"]
    line = only(hedge(kind, h=h, m=m))
    assert line.below is None
    if expected is None:
        assert line.above is None
    else:
        assert line.above == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("size", "multiple"), [(500, 9.20), (12_418, 6.92), (100_000, 4.01)])
def test_real_brackets_bring_liquidation_nearer_the_larger_the_hedge(size: float, multiple: float) -> None:
    tiers = tuple(
        Bracket(cap=float(one.cap), rate=float(one.maintenance_rate), deduction=float(one.deduction))
        for one in brackets(ETHUSDT)
    )
    assert only(hedge("linear", h=0.9, m=0, brackets=tiers, size=size)).above == pytest.approx(multiple, abs=0.01)


@pytest.mark.parametrize(("m", "h", "r"), [(0.01, 0.95, 0.0105), (0.02, 0.9, 0.0222), (0.05, 0.85, 0.0588)])
def test_only_a_near_total_depeg_liquidates_at_the_entry(m: float, h: float, r: float) -> None:
    def ratio(market: float) -> float:
        return float(after(hedge("linear", h=h, m=m), 0.0, depeg=market - 1.0).margins[0].ratio[0])

    assert ratio(r * 1.01) < 1 < ratio(r * 0.99)


@pytest.mark.parametrize("kind", ["linear", "inverse"])
def test_after_a_rise_a_smaller_depeg_liquidates(kind: str) -> None:
    k, m, h = 3.0, 0.02, 0.9
    r = (k * (1 + m) - 1) / (h * k) if kind == "linear" else (1 - (1 - m) / k) / h
    found = after(hedge(kind, h=h, m=m), k - 1, depeg=r - 1).margins[0]
    assert found.ratio[0] == pytest.approx(1.0)


@given(typed)
def test_a_scenario_at_zero_is_the_present(one: Typed) -> None:
    found = after(typed_book(one), 0.0)
    assert close(found.total_usd, one.value, one.value)
    assert close(found.unrealized_usd, 0.0, one.value)
    assert close(found.delta["ETH"], 0.0, one.value / one.price)
    assert all(close(need, 0.0, one.value) for need in found.borrow.values())


@given(typed, st.lists(st.floats(-0.99, 4.0), min_size=1, max_size=8))
def test_a_hedged_book_is_worth_the_same_at_every_common_price(one: Typed, moves: list[float]) -> None:
    found = after(typed_book(one), *moves)
    assert close(found.total_usd, one.value, one.value * 100)
    assert close(found.delta["ETH"], 0.0, 100 * one.value / one.price)


@given(typed, st.lists(st.floats(-0.99, 4.0), min_size=2, max_size=8))
def test_a_price_path_alone_trades_no_collateral(one: Typed, moves: list[float]) -> None:
    book = typed_book(one)
    now, found = after(book, 0.0), after(book, *moves)
    assert found.staked == now.staked
    assert found.cash == now.cash


@given(typed, st.permutations(range(9)))
def test_the_order_of_the_steps_changes_no_step(one: Typed, order: list[int]) -> None:
    moves = np.linspace(-0.9, 4.0, 9)
    book = typed_book(one)
    straight, mixed = after(book, *moves), after(book, *moves[order])
    for a, b in zip(straight.margins, mixed.margins, strict=True):
        assert np.array_equal(a.maintenance[order], b.maintenance)
        assert np.array_equal(a.balance[order], b.balance)


@given(st.floats(-0.99, 4.0), st.floats(1.0, 1e6))
def test_maintenance_margin_follows_the_tiers(move: float, size: float) -> None:
    tiers = brackets(ETHUSDT)
    lines = tuple(
        Bracket(cap=float(one.cap), rate=float(one.maintenance_rate), deduction=float(one.deduction)) for one in tiers
    )
    found = after(hedge("linear", h=0.9, m=0, brackets=lines, size=size), move).margins[0].maintenance[0]
    value = size * 2_000.0 * (1.0 + move)
    tier = next((one for one in lines if value <= one.cap), lines[-1])
    assert found == pytest.approx(value * tier.rate - tier.deduction, rel=1e-9, abs=1e-6)


def test_a_basis_is_gained_or_lost_and_nothing_else_moves() -> None:
    half = typed_book(Typed(value=1_340_000, inverse_share=0.5))
    found = after(half, 0.0, basis=0.0003)
    # Linear: −N·P0·b; inverse: Q·(1/P − 1/P0) coins, each half of the value.
    assert float(found.total_usd[0]) == pytest.approx(1_340_000 - 670_000 * (0.0003 + 0.0003 / 1.0003))
    assert found.staked_usd[0] == pytest.approx(1_340_000)


def test_a_depeg_of_staked_ether_takes_the_market_rate_only_downward() -> None:
    book = typed_book(Typed())
    assert after(book, 0.0, depeg=-0.065).total_usd[0] == pytest.approx(935_000)
    assert after(book, 0.0, depeg=0.065).total_usd[0] == pytest.approx(1_000_000)


def test_a_haircut_that_grows_takes_margin_and_no_worth() -> None:
    book = typed_book(Typed())
    before, found = after(book, 0.0), after(book, 0.0, haircut=0.1)
    assert found.margins[-1].balance[0] == pytest.approx(before.margins[-1].balance[0] - 100_000)
    assert found.total_usd[0] == before.total_usd[0]


def test_a_venue_that_fails_costs_the_profit_it_owes_and_leaves_the_hedge_open() -> None:
    book = typed_book(Typed(settlement_share=0.2, coin_share=0.5, inverse_share=0.5))
    conditions = Conditions(failed=frozenset({"linear"}))
    found = after(book, -0.5, 0.5, conditions=conditions)
    # At half the price 200 short ETH gained 200,000 USDT beside the 100,000 there; at one and a half they owe 100,000.
    assert found.lost_usd == pytest.approx([300_000, 0.0])
    assert found.total_usd == pytest.approx([700_000, 1_000_000])
    assert found.delta["ETH"] == pytest.approx([200, 200])
    assert found.delta["USDT"] == pytest.approx([0.0, -100_000])
    assert [one.account for one in found.margins] == [INVERSE]


def test_a_frozen_custodian_holds_what_it_is_worth_and_it_cannot_move() -> None:
    found = after(typed_book(Typed()), -0.5, conditions=Conditions(frozen=frozenset({"custodian"})))
    assert found.frozen_usd[0] == pytest.approx(500_000)
    assert found.total_usd[0] == pytest.approx(1_000_000)


def test_carry_says_what_days_of_holding_bear_and_cost() -> None:
    conditions = Conditions(funding=(0.0001, -0.0003), borrow_rate=0.1, staking_rate=0.0365)
    found = after(typed_book(Typed(settlement_share=0.2)), -0.5, 1.0, conditions=conditions)
    # Shorts of 400 ETH are paid three times a day; 600,000 USDT are borrowed at twice the price.
    assert found.carry["funding"] == pytest.approx([-0.0002 * 3 * 400_000, -0.0002 * 3 * 1_600_000])
    assert found.carry["borrow"] == pytest.approx([0.0, -600_000 * 0.1 * 2 / 365])
    assert found.carry["staking"] == pytest.approx([400_000 * 0.0365 * 2 / 365, 1_600_000 * 0.0365 * 2 / 365])
    assert found.carry["lost_staking"] == pytest.approx([-600_000 * 0.0365 * 2 / 365, 0.0])


def test_currencies_follow_by_their_betas_unless_one_is_said_to_move_otherwise() -> None:
    moved = led([-0.5, 0.5], {"ETH": 1.0, "BTC": 0.6, "SOL": 2.5}, {"USDT": -0.01})
    assert moved["BTC"] == pytest.approx([-0.3, 0.3])
    assert moved["SOL"] == pytest.approx([-0.999, 1.25])
    assert moved["USDT"] == pytest.approx([-0.01, -0.01])


@pytest.mark.parametrize(
    ("moves", "elsewhere", "said"),
    [
        ({"ETH": [-1.0]}, {}, "a move of ETH expected above −100 %"),
        ({"ETH": [math.nan]}, {}, "a move of ETH expected"),
        ({"ETH": [0.0]}, {"depeg": -1.5}, "depeg"),
        ({"ETH": [0.0]}, {"haircut": 2.0}, "haircuts"),
        ({"ETH": [0.0, 1.0], "BTC": [0.0, 1.0, 2.0]}, {}, "once or for all 3 steps"),
        ({"ETH": [0.0] * 20_001}, {}, "at most 20,000 steps"),
    ],
)
def test_a_world_where_nothing_can_be_computed_is_refused(
    moves: dict[str, list[float]], elsewhere: dict[str, float], said: str
) -> None:
    with pytest.raises(ShockIsRefused, match=said):
        shocks(moves, **elsewhere)


@pytest.mark.parametrize("bad", [Typed(value=0), Typed(price=-1), Typed(inverse_share=1.1), Typed(value=math.nan)])
def test_a_portfolio_that_none_can_be_is_refused(bad: Typed) -> None:
    with pytest.raises(TypedIsRefused, match="expected"):
        typed_book(bad)


def test_a_terminal_is_told_of_no_minus_where_the_digits_are_zero() -> None:
    values = np.array([-1e-9, -1.5, math.nan, math.inf])
    delta = Column(name="d", title="net delta", unit="ETH", group="run", values=values)
    assert [line.strip() for line in as_text([delta]).splitlines()[-4:]] == ["0.000", "−1.500", "—", "∞"]
