"""Ladders of prices: caps, leans, gas and sizes; a mint is never dearer than a redemption, whatever the books say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hedgeapp.core.events import Event
from hedgeapp.core.events.collateral import CollateralStated
from hedgeapp.core.marks import Mark
from marketdata.core.board import Depth
from portfolio.core.price_market import Direction
from portfolio.core.price_sheets import STEPS_MAX, asset_ladder, ladder_sizes
from portfolio.core.pricing import Price, price
from tests.builders.books import AT, INVERSE, LINEAR, common, limit, mark, marks_of
from tests.builders.prices import both, depth, market, offering

D = Decimal
WAYS: list[Direction] = ["mint", "redeem"]
INDEX = D(3000)
TINY = D("1e-12")

sizes = st.decimals("0.001", "300", places=3)
rates = st.decimals("0.9", "1.3", places=4)
caps = st.decimals("0.01", "100", places=2)
levels = st.tuples(st.integers(1, 400), st.integers(1, 50_000))
ticks = st.lists(levels, min_size=1, max_size=8, unique_by=lambda level: level[0])


@st.composite
def crossed(draw: st.DrawFn) -> dict[str, Depth]:
    """Draw a book per venue, up to 3 % from each other: they may cross each other by far."""
    found = {}
    for name in (LINEAR, INVERSE):
        mid = draw(st.integers(29_550, 30_450))
        bids = sorted(((round((mid - away) / 10, 1), size / 10) for away, size in draw(ticks)), reverse=True)
        asks = sorted((round((mid + away) / 10, 1), size / 10) for away, size in draw(ticks))
        found[name] = replace(depth(name), bids=tuple(bids), asks=tuple(asks))
    return found


def rated(protocol: Decimal, at_market: Decimal) -> dict[tuple[str, str], Mark]:
    return common("3000") | marks_of(
        mark("stETH", "protocol_rate", str(protocol)), mark("stETH", "market_rate", str(at_market))
    )


def value(found: Price) -> Decimal:
    assert found.usd.value is not None, found.usd.because
    return found.usd.value


def average(found: Price) -> Decimal:
    """Return what the hedge fills at on average, before fees."""
    worth = sum((leg.coin * leg.usd for leg in found.legs), D(0))
    return worth / sum((leg.coin for leg in found.legs), D(0))


def part(found: Price, key: str) -> Decimal:
    return sum((one.usd for one in found.components if one.key == key), D(0))


@given(crossed(), rates, rates, caps, sizes)
@example(
    {LINEAR: depth(LINEAR, 3030.0), INVERSE: depth(INVERSE, 2970.0)}, D("1.2"), D("1.1"), D(100), D(10)
)  # a bid of one venue is far above the ask of the other
def test_a_mint_is_never_dearer_than_a_redemption_and_never_above_any_bound(
    depths: dict[str, Depth], protocol: Decimal, at_market: Decimal, cap: Decimal, size: Decimal
) -> None:
    book = offering(limit("mint_redeem_basis_cap", "stETH", str(cap)))
    here = market(depths, book=book, marks=rated(protocol, at_market))
    mint, redeem = (price("stETH", way, size, here) for way in WAYS)
    if mint.usd.value is not None:
        executed = average(mint)
        most = INDEX * (1 + cap / 10_000)
        assert mint.usd.value <= min(executed, most) * min(protocol, at_market) + TINY
        assert sum(one.usd for one in mint.components) == mint.usd.value
    if redeem.usd.value is not None:
        executed = average(redeem)
        least = INDEX * (1 - cap / 10_000)
        assert redeem.usd.value >= max(executed, least) * max(protocol, at_market) - TINY
    if mint.usd.value is not None and redeem.usd.value is not None:
        assert mint.usd.value < redeem.usd.value


@given(crossed(), rates, caps, sizes, sizes)
def test_with_a_cap_a_larger_size_is_still_never_priced_better(
    depths: dict[str, Depth], at_market: Decimal, cap: Decimal, size: Decimal, more: Decimal
) -> None:
    book = offering(limit("mint_redeem_basis_cap", "stETH", str(cap)), limit("mint_redeem_gas", "stETH", "20"))
    here = market(depths, book=book, marks=rated(D("1.2"), at_market))
    for way, sign in (("mint", 1), ("redeem", -1)):
        small, large = (price("stETH", way, asked, here) for asked in (size, size + more))  # type: ignore[arg-type]
        if small.usd.value is not None and large.usd.value is not None:
            assert sign * large.usd.value <= sign * small.usd.value


def test_what_is_better_than_the_index_is_counted_up_to_the_cap() -> None:
    book = offering(limit("mint_redeem_basis_cap", "ETH", "10"))
    found = price("ETH", "mint", D(10), market(both(3100.0), book=book))
    # The index and 10 bp, less the dearest fee of that, 5 bp, and 5 bp of spread of the index; rounded down.
    assert value(found) == D("2999.9985")


@pytest.mark.parametrize(("way", "rate", "charged"), [("mint", "-0.0002", 6), ("redeem", "0.0002", -6)])
def test_funding_that_shorts_pay_or_forgo_worsens_a_price(way: Direction, rate: str, charged: int) -> None:
    book = offering(limit("mint_redeem_funding_payments", "ETH", "10"))
    marks = common("3000") | marks_of(*(mark(name, "funding_rate", rate) for name in (LINEAR, INVERSE)))
    found = price("ETH", way, D(10), market(book=book, marks=marks))
    assert part(found, "funding") == -charged  # 10 payments of 2 bp of 3000 USD
    other = price("ETH", "redeem" if way == "mint" else "mint", D(10), market(book=book, marks=marks))
    assert part(other, "funding") == 0


def test_the_worst_funding_of_all_books_counts() -> None:
    book = offering(limit("mint_redeem_funding_payments", "ETH", "1"))
    marks = common("3000") | marks_of(mark(LINEAR, "funding_rate", "0.0001"), mark(INVERSE, "funding_rate", "-0.001"))
    assert part(price("ETH", "mint", D(1), market(book=book, marks=marks)), "funding") == -3


def held(asset: str, units: str) -> Event:
    return CollateralStated(
        at=AT, holder="ethereum", wallet="hot", asset=asset, total=D(units), locked=D(0), reference="1"
    )


def test_an_asset_of_which_more_than_its_target_is_held_is_minted_worse_and_the_other_redeemed_worse() -> None:
    targets = [limit("mint_redeem_share_target", asset, "0.5") for asset in ("ETH", "stETH")]
    leans = [limit("mint_redeem_lean", asset, "100") for asset in ("ETH", "stETH")]
    book = offering(*targets, *leans, held("ETH", "30"), held("stETH", "10"))
    marks = rated(D(1), D(1))
    here = market(book=book, marks=marks)
    # 75 % is ETH: 25 percentage points of 100 bp of 3000 USD.
    assert part(price("ETH", "mint", D(1), here), "composition") == D("-7.5")
    assert part(price("ETH", "redeem", D(1), here), "composition") == 0
    assert part(price("stETH", "redeem", D(1), here), "composition") == D("7.5")
    assert part(price("stETH", "mint", D(1), here), "composition") == 0


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ((("mint_redeem_funding_payments", "1"),), "the funding of binance-coinm:ETH-USD-PERP is not known"),
        (
            (("mint_redeem_lean", "100"), ("mint_redeem_share_target", "0.5")),
            "the composition is not known: the share of ETH is not known: more than 0 USD held expected",
        ),
    ],
)
def test_a_lean_whose_source_is_missing_leaves_no_price(limits: tuple[tuple[str, str], ...], said: str) -> None:
    book = offering(*(limit(kind, "ETH", value) for kind, value in limits))
    marks = {key: one for key, one in common("3000").items() if key[1] != "funding_rate"}
    found = price("ETH", "mint", D(1), market(book=book, marks=marks))
    assert found.usd.value is None
    assert said in found.usd.because


def test_gas_is_told_for_the_whole_order_and_a_size_below_it_has_no_price() -> None:
    here = market(book=offering(limit("mint_redeem_gas", "ETH", "20")))
    mint, redeem = (price("ETH", way, D(10), here) for way in WAYS)
    assert mint.whole_usd.value == value(mint) * 10 - 20
    assert redeem.whole_usd.value == value(redeem) * 10 + 20
    dust = price("ETH", "mint", D("0.001"), here)
    assert dust.usd.value is None
    assert "a size worth more than its gas of 20.00 USD expected, found 3.00" in dust.usd.because


@pytest.mark.parametrize(
    ("most", "expected"),
    [("100", [2, 4, 8, 16, 32, 64, 100]), ("64", [2, 4, 8, 16, 32, 64]), ("2", [2]), ("0.5", [D("0.5")])],
)
def test_a_ladder_doubles_its_size_up_to_the_largest(most: str, expected: list[Decimal]) -> None:
    assert list(ladder_sizes(D(most))) == expected


@given(st.decimals("0.000001", "1e30", places=6))
def test_a_ladder_is_bounded_ascends_and_ends_at_the_largest(most: Decimal) -> None:
    found = ladder_sizes(most)
    assert len(found) <= STEPS_MAX
    assert list(found) == sorted(set(found))
    assert found[-1] == most


def test_a_ladder_has_both_ways_for_each_size_and_those_beyond_the_books_have_none() -> None:
    found = asset_ladder("ETH", market({LINEAR: depth(LINEAR, size=1.0)}))
    assert [one.size for one in found.mints] == [one.size for one in found.redeems] == [2, 4, 8, 16, 32, 64, 100]
    assert [one.usd.value is not None for one in found.mints] == [True, True, True, True, False, False, False]


def test_a_staked_asset_whose_market_rate_is_stale_has_no_current_price() -> None:
    late = replace(mark("stETH", "market_rate", "0.99"), at=AT - timedelta(hours=1))
    found = price("stETH", "mint", D(1), market(marks=common("3000") | marks_of(late)))
    assert not found.usd.is_current
