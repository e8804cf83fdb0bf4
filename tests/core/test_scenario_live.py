"""A scenario of the live book starts from what the frame shows, and says what it leaves out."""

import math
from decimal import Decimal

import numpy as np
import pytest

from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.frames import frame
from portfolio.core.scenarios.asked import Asked, ScenarioIsRefused, asked, require_known
from portfolio.core.scenarios.book import ScenarioBook
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.live import live_book
from portfolio.core.scenarios.moved import moves_of
from portfolio.core.scenarios.outcome import Outcome, outcome
from portfolio.core.scenarios.presets import HISTORY, Past, curve, past_of
from portfolio.core.scenarios.run import heat, lines, run, worst_ratio
from portfolio.core.scenarios.shocks import shocks
from portfolio.core.scenarios.table import columns
from portfolio.core.scenarios.typed import typed_book
from portfolio.core.valuation import Valuation
from tests.builders.books import (
    AT,
    COINM,
    ETHUSDT,
    INVERSE,
    LINEAR,
    USDM,
    balance,
    book_of,
    brackets,
    collateral,
    common,
    fill,
    instrument,
    limit,
    supply,
)
from tests.core import test_unified_margin as unified

MARKS = common("2900", usdt="0.999", staked="0.998")


def desk() -> Book:
    return book_of(
        collateral("stETH", "1000"),
        balance(USDM, "USDT", "50000"),
        balance(COINM, "ETH", "12"),
        fill("sell", "600", "3000"),
        fill("sell", "120000", "3000", instrument=INVERSE, trade_id="2", fee_asset="ETH"),
        limit("hedge_factor", "stETH", "0.99"),
        supply("2900000"),
        instruments=(instrument(LINEAR, tiers=brackets(ETHUSDT)), instrument(INVERSE)),
    )


def live(book: Book, marks: object = None) -> ScenarioBook:
    return live_book(Valuation(book, marks or MARKS, AT))  # type: ignore[arg-type]


def now(book: ScenarioBook) -> Outcome:
    return outcome(Engine(book), shocks({"ETH": [0.0]}))


def near(found: float, expected: Decimal | None) -> bool:
    assert expected is not None
    return math.isclose(found, float(expected), rel_tol=1e-9, abs_tol=1e-6)


def test_a_scenario_at_zero_is_the_frame() -> None:
    shown = frame(desk(), MARKS, (), number=1, at=AT)
    found = now(live(desk()))
    assert near(found.total_usd[0], shown.backing.assets_usd.value)
    margins = {(one.account, one.settlement): one for one in shown.margin}
    assert {(one.account, one.asset) for one in found.margins} == margins.keys()
    for one in found.margins:
        row = margins[one.account, one.asset]
        assert near(one.balance[0], row.margin_balance.value)
        assert near(one.maintenance[0], row.maintenance_margin.value)
        assert near(one.initial[0], row.initial_margin.value)
        assert near(one.ratio[0], row.margin_ratio.value)
    for line in exposure(desk(), MARKS, AT):
        if line.currency in found.delta:
            assert near(found.delta[line.currency][0], line.net.value)


@pytest.mark.parametrize("price", ["1500", "2000", "2600"])
def test_a_unified_account_has_the_frames_one_margin(price: str) -> None:
    book = unified.hedged(unified.terms(stETH="0.9", ETH="0.95", USDT="1"))
    row = unified.only(book, price)
    (found,) = now(live_book(Valuation(book, unified.prices(price), AT))).margins
    assert (found.account, found.asset) == (unified.UNIFIED, "")
    assert near(found.balance[0], row.margin_balance.value)
    assert near(found.maintenance[0], row.maintenance_margin.value)
    assert near(found.initial[0], row.initial_margin.value)


def owing() -> Book:
    """Return a unified account that owes USDT: its linear short has lost, and margin is kept for the debt."""
    return unified.hedged(
        unified.terms(stETH="0.9", ETH="0.95", USDT="1"),
        balance(unified.UNIFIED, "USDT", "-25000"),
        limit("borrow_maintenance", "USDT", "400"),
        limit("borrow_maintenance", "ETH", "250"),
    )


@pytest.mark.parametrize("price", ["1200", "2000", "2100", "2400"])
def test_an_account_that_owes_has_the_frames_margin_of_its_debts_too(price: str) -> None:
    book = owing()
    row = unified.only(book, price)
    (found,) = now(live_book(Valuation(book, unified.prices(price), AT))).margins
    for value, figure in (
        (found.balance[0], row.margin_balance),
        (found.maintenance[0], row.maintenance_margin),
        (found.initial[0], row.initial_margin),
        (found.ratio[0], row.margin_ratio),
    ):
        assert near(value, figure.value)


def test_a_debt_that_a_step_makes_is_margined_as_the_frame_would_there() -> None:
    book = live_book(Valuation(owing(), unified.prices("2000"), AT))
    (risen,) = outcome(Engine(book), shocks({"ETH": [0.2]})).margins
    row = unified.only(owing(), "2400")
    assert near(risen.maintenance[0], row.maintenance_margin.value)
    assert near(risen.initial[0], row.initial_margin.value)
    found = lines(Engine(book), Asked(book="live"))
    (rise,) = (said for said in unified.only(owing(), "2000").liquidations if said.direction == "rise")
    assert near(found[0].above or 0.0, rise.multiple.value)


def test_it_is_liquidated_where_the_frame_says() -> None:
    shown = {row.account: row for row in frame(desk(), MARKS, (), number=1, at=AT).margin}
    for line in lines(Engine(live(desk())), Asked(book="live")):
        for said in shown[line.account].liquidations:
            expected = {"rise": line.above, "fall": line.below}.get(said.direction)
            if expected is not None:
                assert near(expected, said.multiple.value)


def test_a_position_without_a_mark_is_left_out_and_said() -> None:
    without = {key: mark for key, mark in MARKS.items() if key != (LINEAR, "mark")}
    book = live(desk(), without)
    assert [one.instrument for one in book.positions] == [INVERSE]
    assert any(f"position of {USDM} in {LINEAR} is left out" in said for said in book.missing)


def test_an_asset_without_a_price_is_left_out_and_said() -> None:
    without = {key: mark for key, mark in MARKS.items() if key != ("stETH", "market_rate")}
    book = live(desk(), without)
    assert "stETH" not in {one.asset for one in book.holdings}
    assert any("held in stETH is left out" in said for said in book.missing)


def test_an_empty_book_has_a_scenario_too() -> None:
    book = live(book_of())
    made = run(book, Asked(book="live"), curve())
    assert not made.held.total_usd.any()
    assert columns(book, made)
    assert heat(Engine(book), Asked(book="live"), "depeg")


def test_what_is_asked_for_survives_its_link() -> None:
    wanted = asked(
        {"book": "mixed", "s": "20", "w": "60", "x": "−50", "betas": "BTC:0.8", "failed": "linear", "funding": "-0.3"}
    )
    assert asked(wanted.query()) == wanted
    assert asked({}) == Asked()
    assert Asked().query() == {}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"s": "101"}, "s expected a number from 0 to 100"),
        ({"x": "-100"}, "x expected"),
        ({"value": "nan"}, "value expected"),
        ({"book": "other"}, "book expected one of linear"),
        ({"betas": "BTC=1"}, "betas from"),
        ({"moves": "BTC:900"}, "moves from"),
        ({"failed": "<script>"}, "failed expected"),
    ],
)
def test_what_no_scenario_can_be_is_refused_in_a_sentence(query: dict[str, str], said: str) -> None:
    with pytest.raises(ScenarioIsRefused, match=said):
        asked(query)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Asked(failed=("bybit",)), r"failed expected among what the book has \(inverse, linear\), found bybit"),
        (Asked(frozen=("linear",)), "frozen expected among what the book has"),
        (Asked(betas=(("BTC", 0.5),)), "betas expected among what the book has"),
    ],
)
def test_a_name_that_the_book_has_not_is_refused(wanted: Asked, said: str) -> None:
    with pytest.raises(ScenarioIsRefused, match=said):
        require_known(wanted, typed_book(wanted.typed))


@pytest.mark.parametrize("second", ["depeg", "stable", "basis", "haircut"])
def test_two_shocks_together_are_each_alone_where_the_other_is_none(second: str) -> None:
    wanted = Asked(book="mixed", s=20)
    book = typed_book(wanted.typed)
    across, down, total, _ = heat(Engine(book), wanted, second)
    row = int(abs(down).argmin())
    alone = run(book, wanted, across).held.total_usd
    if math.isclose(down[row], 0.0, abs_tol=1e-12):
        assert total[row] == pytest.approx(alone)
    assert total.shape == (len(down), len(across))


def test_an_account_with_nothing_left_has_an_endless_margin_ratio() -> None:
    bare = run(typed_book(Asked(ratio=0.0).typed), Asked(ratio=0.0), curve())
    assert math.isinf(worst_ratio(bare.held)[-1])
    assert not math.isinf(worst_ratio(bare.held)[0])


@pytest.mark.parametrize("past", HISTORY, ids=lambda past: past.name)
def test_a_move_of_history_moves_every_asset_and_says_which_are_recorded(past: Past) -> None:
    book = ScenarioBook(
        prices={"ETH": 2000.0, "BTC": 50_000.0, "SOL": 100.0, "USDT": 1.0, "USD": 1.0}, stablecoins=frozenset({"USDT"})
    )
    wanted = Asked(x=past.move * 100, betas=(("SOL", 1.5),), moves=())
    told = {one.currency: (one.because, one.move) for one in moves_of(book, wanted)}
    assert told == {
        "ETH": ("given", pytest.approx(past.move)),
        "BTC": ("beta", pytest.approx(past.move)),
        "SOL": ("beta", pytest.approx(max(1.5 * past.move, -0.999))),
        "USDT": ("beta", 0.0),
    }
    after = run(book, wanted, np.array([wanted.x / 100])).held.prices
    for one in moves_of(book, wanted):
        assert after[one.currency][0] == pytest.approx(book.prices[one.currency] * (1 + one.move))
    assert past_of(round(past.move * 100, 1)) == past


def test_a_move_that_was_asked_for_stands_above_betas_and_history() -> None:
    book = ScenarioBook(prices={"ETH": 2000.0, "BTC": 50_000.0, "USD": 1.0})
    told = {one.currency: (one.because, one.move) for one in moves_of(book, Asked(moves=(("BTC", -10.0),)))}
    assert told["BTC"] == ("asked", -0.1)
    assert past_of(-50.0) is None


def test_moves_of_history_are_as_recorded() -> None:
    moves = {one.name: one.move for one in HISTORY}
    assert moves["2020-03"] == pytest.approx(-0.5581, abs=1e-4)
    assert moves["2025-10"] == pytest.approx(-0.2371, abs=1e-4)
