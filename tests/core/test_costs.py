"""What an order would cost is what the levels of the book say: never better than the best, never beyond the limit."""

from datetime import UTC, datetime
from decimal import Decimal
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.trading import Side
from marketdata.core.board import Depth
from portfolio.core.costs import Cost, cost, mid_of
from tests.builders.books import INVERSE, LINEAR, instrument

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
D = Decimal
BIDS = ((3000.0, 2.0), (2999.0, 3.0), (2990.0, 10.0))
ASKS = ((3002.0, 1.0), (3003.0, 4.0), (3010.0, 20.0))
DEPTH = Depth(instrument=LINEAR, bids=BIDS, asks=ASKS, at=AT, received_at=AT)

levels = st.lists(
    st.tuples(st.integers(1, 500), st.floats(0.001, 1_000)), min_size=1, max_size=20, unique_by=lambda level: level[0]
)
sides: st.SearchStrategy[Side] = st.sampled_from(["buy", "sell"])
quantities = st.decimals(min_value="0.001", max_value="20000", places=3)


@st.composite
def depths(draw: st.DrawFn) -> Depth:
    """Draw an uncrossed book."""
    bids = tuple(sorted(((3000.0 - ticks, size) for ticks, size in draw(levels)), reverse=True))
    asks = tuple(sorted((3000.0 + ticks, size) for ticks, size in draw(levels)))
    return Depth(instrument=LINEAR, bids=bids, asks=asks, at=AT, received_at=AT)


def of(depth: Depth, side: Side, quantity: str | Decimal, limit: str | Decimal, name: str = LINEAR) -> Cost:
    """Return a cost at a fee of five basis points."""
    return cost(depth, instrument(name), side, D(quantity), D(limit), D("0.0005"))


def test_a_sale_takes_the_bids_from_the_best_down_to_its_price() -> None:
    found = of(DEPTH, "sell", "4", "2999")
    assert (found.filled, found.unfilled, found.worst_price, found.mid) == (4.0, 0.0, 2999.0, 3001.0)
    assert found.average_price == pytest.approx(2999.5)
    assert found.slippage_bp == pytest.approx((1 - 2999.5 / 3001) * 10_000)
    assert found.worth == pytest.approx(11_998.0)
    assert found.fee == pytest.approx(5.999)


def test_what_no_level_takes_at_the_price_remains_unfilled() -> None:
    found = of(DEPTH, "buy", "8", "3003")
    assert (found.filled, found.unfilled, found.is_beyond) == (5.0, 3.0, False)


def test_levels_that_end_before_the_price_say_so() -> None:
    assert of(DEPTH, "buy", "30", "3100").is_beyond
    assert not of(DEPTH, "buy", "25", "3100").is_beyond


def test_a_price_that_does_not_reach_the_book_fills_nothing() -> None:
    found = of(DEPTH, "sell", "4", "3001")
    assert (found.filled, found.unfilled, found.average_price, found.slippage_bp, found.fee) == (0, 4, None, None, None)


def test_an_inverse_contract_is_worth_coin_and_averages_harmonically() -> None:
    found = of(DEPTH, "sell", "5", "2999", INVERSE)
    coin = 10 * (2 / 3000 + 3 / 2999)
    assert found.worth == pytest.approx(coin)
    assert found.average_price == pytest.approx(50 / coin)


def test_without_a_rate_there_is_no_fee() -> None:
    assert cost(DEPTH, instrument(LINEAR), "buy", D(1), D(3002), None).fee is None


def test_an_empty_side_has_no_mid_and_fills_nothing() -> None:
    empty = Depth(instrument=LINEAR, bids=BIDS, asks=(), at=AT, received_at=AT)
    assert mid_of(empty) is None
    assert of(empty, "buy", "1", "3100").filled == 0
    assert of(empty, "sell", "1", "2900").slippage_bp is None


@given(depths(), sides, quantities, st.decimals("2500", "3500", places=0), st.sampled_from([LINEAR, INVERSE]))
def test_every_contract_is_filled_or_not_and_within_the_price(
    depth: Depth, side: Side, quantity: Decimal, limit: Decimal, name: str
) -> None:
    found = of(depth, side, quantity, limit, name)
    assert isclose(found.filled + found.unfilled, float(quantity))
    assert 0 <= found.filled <= float(quantity)
    assert (found.average_price is None) == (found.filled == 0)
    if found.average_price is not None and found.worst_price is not None and found.slippage_bp is not None:
        best = depth.asks[0][0] if side == "buy" else depth.bids[0][0]
        low, high = sorted((best, found.worst_price))
        assert low - 1e-6 <= found.average_price <= high + 1e-6
        assert found.worst_price <= limit if side == "buy" else found.worst_price >= limit
        assert found.slippage_bp > 0


@given(depths(), sides, st.lists(quantities, min_size=2, max_size=2).map(sorted))
def test_more_never_costs_less_per_contract(depth: Depth, side: Side, sizes: list[Decimal]) -> None:
    limit = D("9999") if side == "buy" else D("1")
    less, more = (of(depth, side, size, limit) for size in sizes)
    assert less.slippage_bp is not None
    assert more.slippage_bp is not None
    assert less.slippage_bp <= more.slippage_bp + 1e-6
    assert less.filled <= more.filled
