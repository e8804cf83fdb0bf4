"""Tiers that are bounded in contracts: the rate of a position's size holds for all of it, whatever the price."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.instruments import Instrument, Tier
from portfolio.core.frames import frame
from portfolio.core.liquidation import maintenance
from portfolio.core.rows import MarginRow
from sandbox.margin import Bracket, Holding, liquidation_price, maintenance_margin
from tests.builders.books import AT, INVERSE, LINEAR, balance, book_of, common, instrument, opening

D = Decimal
BOUNDS = ((D(0), D(100), D("0.004")), (D(100), D(1000), D("0.01")), (D(1000), D(100000), D("0.05")))
TIERS = tuple(
    Tier(floor=floor, cap=cap, maintenance_rate=rate, deduction=D(0), leverage_max=D(10), unit="contracts")
    for floor, cap, rate in BOUNDS
)
BRACKETS = tuple(
    Bracket(
        number=number,
        floor=floor,
        cap=cap,
        maintenance_rate=rate,
        maintenance_amount=D(0),
        leverage=10,
        in_contracts=True,
    )
    for number, (floor, cap, rate) in enumerate(BOUNDS, 1)
)
CONTRACTS = {"linear": replace(instrument(LINEAR, contract_size="0.1"), tiers=TIERS)}
CONTRACTS["inverse"] = replace(instrument(INVERSE, contract_size="10"), tiers=TIERS)


def margin_of(held: Instrument, contracts: Decimal, price: Decimal, wallet: Decimal) -> MarginRow:
    """Return the margin of a position that was opened at 2,000 and has a mark."""
    account = f"{held.venue}:main"
    events: list[Event] = [balance(account, held.settlement, wallet), opening(contracts, "2000", held.id)]
    (row,) = frame(book_of(*events, instruments=(held,)), common(price), (), number=1, at=AT).margin
    return row


@pytest.mark.parametrize(
    ("contracts", "rate"), [("-100", "0.004"), ("-101", "0.01"), ("-1000", "0.01"), ("-1001", "0.05")]
)
@pytest.mark.parametrize("price", ["1000", "2000", "8000"])
def test_a_position_has_the_rate_of_its_size_at_every_price(contracts: str, rate: str, price: str) -> None:
    row = margin_of(CONTRACTS["linear"], D(contracts), D(price), D(1_000_000))
    assert row.maintenance_margin.value == abs(D(contracts)) * D("0.1") * D(price) * D(rate)


@given(
    kind=st.sampled_from(("linear", "inverse")),
    contracts=st.integers(1, 5000),
    is_long=st.booleans(),
    price=st.integers(1500, 2500),
)
def test_margin_and_liquidation_are_those_of_the_published_rule(
    kind: str, contracts: int, is_long: bool, price: int
) -> None:
    held, signed = CONTRACTS[kind], D(contracts if is_long else -contracts)
    is_inverse = kind == "inverse"
    wallet = D(contracts) * (D(10) / 2000 if is_inverse else D("0.1") * 2000)
    row = margin_of(held, signed, D(price), wallet)
    at_venue = Holding(
        quantity=signed,
        entry_price=D(2000),
        mark=D(price),
        contract_size=held.contract_size,
        inverse=is_inverse,
        leverage=10,
        brackets=BRACKETS,
    )
    assert row.maintenance_margin.value == pytest.approx(maintenance_margin(at_venue), rel=D("1e-12"))
    theirs, ours = liquidation_price(wallet, at_venue), row.liquidations[0].price.value
    assert (theirs is None) == (ours is None)
    if theirs is not None and ours is not None:
        assert ours == pytest.approx(theirs, rel=D("1e-9"))


def test_tiers_that_count_value_are_as_they_were() -> None:
    tiers = tuple(replace(each, unit="value") for each in TIERS)
    assert maintenance(tiers, D(100)) == D("0.4")
    assert maintenance(tiers, D(101)) == D("1.01")
