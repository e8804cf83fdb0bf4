"""The sandbox's margin against the published vectors and brackets."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import margin
from sandbox.instruments import BTC_USDT_BRACKETS, ETH_COIN_BRACKETS, ETH_USDT_BRACKETS
from sandbox.margin import Bracket, Holding, brackets_of

SOL_USDT_BRACKETS = brackets_of(
    (20_000, "0.005", 75),
    (100_000, "0.0065", 50),
    (800_000, "0.01", 40),
    (4_000_000, "0.02", 25),
    (8_000_000, "0.025", 20),
    (40_000_000, "0.05", 10),
    (80_000_000, "0.1", 5),
    (100_000_000, "0.125", 4),
    (200_000_000, "0.25", 2),
    (400_000_000, "0.5", 1),
)
PUBLISHED_AMOUNTS = {
    ETH_USDT_BRACKETS: "0 50 950 11450 131450 381450 2006450 9506450 17506450 27506450 80506450 280506450",
    BTC_USDT_BRACKETS: "0 50 950 11450 131450 481450 2981450 14481450 26481450 41481450 121481450 421481450",
    SOL_USDT_BRACKETS: "0 30 380 8380 28380 228380 2228380 4728380 17228380 67228380",
}
GROWING = Bracket(
    number=1,
    floor=Decimal(0),
    cap=Decimal(10**9),
    maintenance_rate=Decimal("0.01"),
    maintenance_amount=Decimal(0),
    leverage=50,
    growth=Decimal("0.000002"),
)
Brackets = tuple[Bracket, ...]
FLAT = brackets_of((10**12, "0.005", 100))


def holding(
    quantity: str, entry: str, mark: str, *, size: str = "1", inverse: bool = False, brackets: Brackets = FLAT
) -> Holding:
    return Holding(
        quantity=Decimal(quantity),
        entry_price=Decimal(entry),
        mark=Decimal(mark),
        contract_size=Decimal(size),
        inverse=inverse,
        leverage=20,
        brackets=brackets,
    )


@pytest.mark.parametrize("brackets", [ETH_USDT_BRACKETS, BTC_USDT_BRACKETS])
def test_the_rule_of_maintenance_amounts_gives_the_published_table(brackets: Brackets) -> None:
    amounts = [int(each.maintenance_amount) for each in brackets]
    assert amounts == [int(each) for each in PUBLISHED_AMOUNTS[brackets].split()]


def test_an_inverse_entry_is_the_harmonic_average() -> None:
    fills = [(Decimal(1000), Decimal(5000)), (Decimal(2000), Decimal(6000))]
    assert margin.average_entry(fills, inverse=True) == 5625


def test_a_linear_entry_is_the_arithmetic_average() -> None:
    fills = [(Decimal(1), Decimal(5000)), (Decimal(3), Decimal(6000))]
    assert margin.average_entry(fills, inverse=False) == 5750


def test_the_published_coin_margined_short_is_liquidated_at_its_price() -> None:
    short = holding("-600", "50000", "50000", size="100", inverse=True)
    found = margin.liquidation_price(Decimal("0.12"), short)
    assert found is not None
    assert round(found, 2) == Decimal("55277.78")


def test_a_long_inverse_position_that_cannot_be_liquidated_has_no_price() -> None:
    short = holding("-600", "50000", "50000", size="100", inverse=True)
    assert margin.liquidation_price(Decimal(2), short) is None


def test_a_linear_short_without_other_cash_meets_the_closed_form() -> None:
    short = holding("-10", "2000", "2000")
    wallet = Decimal(5_000)
    assert margin.liquidation_price(wallet, short) == (wallet + 20_000) / (10 * Decimal("1.005"))


def test_maintenance_margin_grows_without_a_step_at_each_bracket() -> None:
    for bracket in ETH_USDT_BRACKETS[1:]:
        below = holding("-1", "1", "1", brackets=ETH_USDT_BRACKETS)
        at_floor = margin.maintenance_of(below, bracket.floor)
        from_above = bracket.floor * bracket.maintenance_rate - bracket.maintenance_amount
        assert at_floor == from_above


def test_a_flipped_position_takes_the_price_of_the_fill_as_entry() -> None:
    quantity, entry, realized = margin.after_fill(
        Decimal(2), Decimal(100), Decimal(-5), Decimal(110), Decimal(1), inverse=False
    )
    assert [quantity, entry, realized] == [-3, 110, 20]


def test_a_bankrupt_account_is_beyond_liquidation() -> None:
    assert margin.margin_ratio(Decimal(1), [holding("-10", "2000", "3000")]) > 1


prices = st.decimals("100", "100000", places=2)
quantities = st.decimals("-5000", "5000", places=0).filter(bool)


@given(quantities, prices, st.decimals("0.9", "1.1", places=4), st.booleans(), st.decimals("0.05", "0.5", places=3))
def test_at_the_liquidation_price_the_margin_ratio_is_one(
    quantity: Decimal, entry: Decimal, move: Decimal, inverse: bool, part: Decimal
) -> None:
    mark = entry * move
    brackets = ETH_COIN_BRACKETS if inverse else ETH_USDT_BRACKETS
    held = holding(
        str(quantity), str(entry), str(mark), size="10" if inverse else "1", inverse=inverse, brackets=brackets
    )
    wallet = part * abs(margin.notional(quantity, entry, held.contract_size, inverse=inverse))
    price = margin.liquidation_price(wallet, held)
    if price is None or abs(margin.notional(quantity, price, held.contract_size, inverse=inverse)) > brackets[-1].cap:
        return
    there = holding(
        str(quantity), str(entry), str(price), size=str(held.contract_size), inverse=inverse, brackets=brackets
    )
    assert abs(margin.margin_ratio(wallet, [there]) - 1) < Decimal("1e-12")


@given(quantities, prices, st.decimals("0.9", "1.1", places=4), st.decimals("0.2", "2", places=3))
def test_where_rates_grow_with_size_the_margin_ratio_is_one_at_the_liquidation_price_of_any_position(
    quantity: Decimal, entry: Decimal, move: Decimal, part: Decimal
) -> None:
    held = holding(str(quantity), str(entry), str(entry * move), size="10", inverse=True, brackets=(GROWING,))
    wallet = part * abs(margin.notional(quantity, entry, held.contract_size, inverse=True))
    price = margin.liquidation_price(wallet, held)
    assert price is not None  # one that its coins cover outgrows its margin while the price falls
    assert abs(margin.margin_ratio(wallet, [replace(held, mark=price)]) - 1) < Decimal("1e-12")


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=20), prices, st.booleans())
def test_profit_of_a_book_does_not_depend_on_how_it_was_split(
    fills: list[tuple[Decimal, Decimal]], last: Decimal, inverse: bool
) -> None:
    """Realized plus unrealized equals the value of every fill carried to the last price."""
    quantity = entry = realized = Decimal(0)
    direct = Decimal(0)
    for filled, price in fills:
        quantity, entry, gained = margin.after_fill(quantity, entry, filled, price, Decimal(10), inverse=inverse)
        realized += gained
        direct += margin.profit(filled, price, last, Decimal(10), inverse=inverse)
    total = realized + margin.profit(quantity, entry or last, last, Decimal(10), inverse=inverse)
    assert abs(total - direct) <= Decimal("1e-15") * (1 + sum(abs(q) for q, _ in fills)) * 100000
