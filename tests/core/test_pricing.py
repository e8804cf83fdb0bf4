"""Indicative prices: never better than the reference or than those of a smaller size, explained to the last digit."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.halts import EVERYWHERE, HaltDeclared
from marketdata.core.board import Depth
from portfolio.core.price_market import Direction
from portfolio.core.price_sheets import AssetIsNotOffered, SizeIsRefused, prices_for, sheet
from portfolio.core.pricing import Price, price
from tests.builders.books import AT, INVERSE, LINEAR, common, limit, mark, marks_of
from tests.builders.prices import PAID, both, depth, market, offering

D = Decimal
WAYS: list[Direction] = ["mint", "redeem"]

sizes = st.decimals("0.001", "300", places=3)
ways: st.SearchStrategy[Direction] = st.sampled_from(WAYS)
assets = st.sampled_from(["ETH", "stETH"])
ticks = st.lists(
    st.tuples(st.integers(1, 400), st.integers(1, 50_000)), min_size=1, max_size=15, unique_by=lambda level: level[0]
)


@st.composite
def books(draw: st.DrawFn) -> dict[str, Depth]:
    """Draw a book per venue, each uncrossed, of which the two may cross each other."""
    found = {}
    for name in (LINEAR, INVERSE):
        mid = draw(st.integers(29_900, 30_100))
        bids = sorted(((round((mid - away) / 10, 1), size / 10) for away, size in draw(ticks)), reverse=True)
        asks = sorted((round((mid + away) / 10, 1), size / 10) for away, size in draw(ticks))
        found[name] = replace(depth(name), bids=tuple(bids), asks=tuple(asks))
    return found


def one(
    asset: str = "stETH", way: Direction = "mint", size: str | Decimal = "10", depths: dict[str, Depth] | None = None
) -> Price:
    return price(asset, way, D(size), market(depths))


def value(found: Price) -> Decimal:
    assert found.usd.value is not None, found.usd.because
    return found.usd.value


def parts(found: Price) -> dict[str, Decimal]:
    return {part.key: part.usd for part in found.components}


def never_better(way: Direction, than: Price, found: Price) -> bool:
    """Tell whether a price is no better for whoever asks; one that is not known is worse than any."""
    if found.usd.value is None:
        return True
    if than.usd.value is None:
        return False
    return found.usd.value <= than.usd.value if way == "mint" else found.usd.value >= than.usd.value


def test_a_mint_pays_for_the_walk_of_both_books_for_fees_and_for_the_spread() -> None:
    found = one("ETH", "mint", "30")
    # 10 ETH a level and venue: 20 at 2999.9 and 10 at 2999.8, five basis points of fee and five of spread.
    walked = (20 * D("2999.9") + 10 * D("2999.8")) / 30
    expected = walked - walked * D("0.0005") - D("1.5")
    assert abs(value(found) - expected) < D("0.001")
    assert value(found) <= expected
    assert {leg.instrument for leg in found.legs} == {LINEAR, INVERSE}
    assert sum(leg.coin for leg in found.legs) == 30


def test_a_redemption_pays_the_asks_fees_and_the_spread() -> None:
    found = one("ETH", "redeem", "30")
    walked = (20 * D("3000.1") + 10 * D("3000.2")) / 30
    assert abs(value(found) - (walked * D("1.0005") + D("1.5"))) < D("0.001")


@given(books(), assets, ways, sizes)
def test_the_components_sum_to_the_price_exactly(
    depths: dict[str, Depth], asset: str, way: Direction, size: Decimal
) -> None:
    found = one(asset, way, size, depths)
    assert bool(found.components) == (found.usd.value is not None)
    if found.components:
        assert sum(part.usd for part in found.components) == found.usd.value


@given(books(), assets, sizes)
def test_mint_is_at_most_the_reference_and_redeem_at_least(depths: dict[str, Depth], asset: str, size: Decimal) -> None:
    mint, redeem = (one(asset, way, size, depths) for way in WAYS)
    reference = mint.reference.value
    assert reference is not None
    assert mint.usd.value is None or mint.usd.value < reference
    assert redeem.usd.value is None or redeem.usd.value > reference


@given(books(), sizes)
def test_on_one_venue_mint_is_below_the_mid_of_its_book_and_redeem_above(
    depths: dict[str, Depth], size: Decimal
) -> None:
    alone = {LINEAR: depths[LINEAR]}
    mid = D(repr(alone[LINEAR].bids[0][0] + alone[LINEAR].asks[0][0])) / 2
    mint, redeem = (one("ETH", way, size, alone) for way in WAYS)
    assert mint.usd.value is None or mint.usd.value < mid
    assert redeem.usd.value is None or redeem.usd.value > mid


@given(books(), assets, ways, sizes, sizes)
def test_a_larger_size_is_never_priced_better(
    depths: dict[str, Depth], asset: str, way: Direction, size: Decimal, more: Decimal
) -> None:
    assert never_better(way, one(asset, way, size, depths), one(asset, way, size + more, depths))


@given(books(), assets, ways, sizes, st.data())
def test_a_worse_book_never_betters_a_price(
    depths: dict[str, Depth], asset: str, way: Direction, size: Decimal, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([LINEAR, INVERSE]))
    side = data.draw(st.sampled_from(["bids", "asks"]))
    found = list(getattr(depths[name], side))
    place = data.draw(st.integers(0, len(found) - 1))
    level, there = found[place]
    away = data.draw(st.integers(0, 500)) / 10 * (-1 if side == "bids" else 1)
    found[place] = (round(level + away, 1), there * data.draw(st.sampled_from([0.0, 0.5, 1.0])))
    found.sort(reverse=side == "bids")
    kept = tuple(found)
    book = replace(depths[name], bids=kept) if side == "bids" else replace(depths[name], asks=kept)
    worse = depths | {name: book}
    assert never_better(way, one(asset, way, size, depths), one(asset, way, size, worse))


@given(books(), ways, sizes, st.integers(2, 9))
def test_twice_the_books_price_twice_the_size_alike(
    depths: dict[str, Depth], way: Direction, size: Decimal, factor: int
) -> None:
    def wider(levels: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return tuple((at, float(D(repr(there)) * factor)) for at, there in levels)

    wide = {name: replace(book, bids=wider(book.bids), asks=wider(book.asks)) for name, book in depths.items()}
    assert one("ETH", way, size, depths).usd.value == one("ETH", way, size * factor, wide).usd.value


def test_what_beats_the_reference_is_not_passed_on() -> None:
    found = one("ETH", "mint", "10", both(3100.0))
    assert parts(found)["kept"] < 0
    # The reference less 5 bp of spread and the dearest fee of it, 5 bp.
    assert value(found) == D("2997")


@pytest.mark.parametrize(("way", "used"), [("mint", D("0.935")), ("redeem", D("1.22"))])
def test_a_staked_unit_is_minted_at_the_lower_rate_and_redeemed_at_the_higher(way: Direction, used: Decimal) -> None:
    marks = common("3000") | marks_of(mark("stETH", "protocol_rate", "1.22"), mark("stETH", "market_rate", "0.935"))
    found = price("stETH", way, D(10), market(marks=marks))
    assert found.reference.value == D("3660")
    assert parts(found).get("staked_rate", D(0)) == (used - D("1.22")) * 3000
    assert "of the protocol's rate and the market's" in found.inputs[1].figure.because
    # The hedge is of what the protocol says.
    assert sum(leg.coin for leg in found.legs) == D("12.2")


def test_a_price_is_unverified_until_verified_oracles_stand_behind_all_of_it() -> None:
    assert one("ETH", size="30").proof == "unverified"
    assert price("ETH", "mint", D(30), market(verified=["ETH"])).proof == "unverified"  # the stablecoin is not
    assert price("ETH", "mint", D(30), market(verified=["ETH", "USDT"])).proof == "verified"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (("ETH", "usd"), "no USD price of ETH is known"),
        (("stETH", "protocol_rate"), "no protocol rate of stETH is known"),
        (("stETH", "market_rate"), "no market rate of stETH is known"),
    ],
)
def test_a_missing_input_leaves_no_price_but_a_reason(missing: tuple[str, str], said: str) -> None:
    marks = {key: one for key, one in common("3000").items() if key != missing and key[1] != "index"}
    found = price("stETH", "mint", D(10), market(marks=marks))
    assert found.usd.value is None
    assert (found.usd.state, found.proof, found.components) == ("unknown", "unknown", ())
    assert said in found.usd.because


def test_a_size_beyond_what_the_books_show_has_no_price() -> None:
    found = one("ETH", "mint", "1000")
    assert found.usd.value is None
    assert found.usd.because == "the books shown take 400.070 ETH of the 1,000.000 to be hedged"


def test_a_book_that_is_stale_is_not_hedged_in() -> None:
    stale = both() | {INVERSE: depth(INVERSE, at=AT - timedelta(minutes=5))}
    found = one("ETH", "mint", "30", stale)
    assert {leg.instrument for leg in found.legs} == {LINEAR}
    assert found.left_out == (f"without {INVERSE}: book of {INVERSE} is older than its budget of 60 s",)
    both_stale = both(at=AT - timedelta(minutes=5))
    assert one("ETH", "mint", "30", both_stale).usd.value is None


def test_a_halted_venue_is_not_hedged_in() -> None:
    halt = HaltDeclared(at=AT, halt_id="h", scope=EVERYWHERE, by="ann", reason="drill")
    found = price("ETH", "mint", D(10), market(book=offering(halt)))
    assert found.usd.value is None
    assert "halted: drill" in found.usd.because


def test_a_late_input_makes_the_price_late() -> None:
    found = one("ETH", "mint", "10", both(at=AT - timedelta(seconds=40)))
    assert found.usd.state == "late"
    assert found.usd.at == AT - timedelta(seconds=40)


def test_a_fee_that_no_fill_shows_is_assumed_by_its_limit_or_the_book_is_left_out() -> None:
    without = price("ETH", "mint", D(10), market(paid={}))
    assert without.usd.value is None
    assert "no limit of kind taker_fee for ETH is set" in without.usd.because
    found = price("ETH", "mint", D(10), market(paid={}, book=offering(limit("taker_fee", "ETH", "5"))))
    assert (found.usd.state, found.usd.value) == ("assumed", one("ETH").usd.value)


def test_a_stablecoin_needs_no_hedge() -> None:
    found = price("USDT", "redeem", D(1000), market(marks=common("3000", usdt="0.97")))
    assert found.legs == ()
    assert value(found) == D("0.9705")  # 0.97 x 1.0005, rounded up to 0.0001


def test_a_coin_without_an_account_that_hedges_it_has_no_price() -> None:
    book = offering(limit("mint_redeem_spread", "BTC", "5"))
    marks = common("3000") | marks_of(mark("BTC", "usd", "90000"))
    found = price("BTC", "mint", D(1), market(book=book, marks=marks))
    assert found.usd.because == "no account trades a perpetual contract on BTC: enable one"


def test_the_sheet_has_each_asset_that_is_offered_both_ways_for_three_sizes() -> None:
    made = sheet(market())
    assert [row.asset for row in made.rows] == ["ETH", "USDT", "stETH"]
    assert [one.size for one in made.rows[0].mints] == [D(1), D(10), D(100)]
    assert all(one.usd.value for row in made.rows for one in (*row.mints, *row.redeems))


@pytest.mark.parametrize("size", ["0", "-1", "100.001", "NaN", "sNaN", "Infinity", "1e-19", "1e-999999"])
def test_a_size_that_is_none_or_too_large_is_refused_in_a_sentence(size: str) -> None:
    with pytest.raises(SizeIsRefused, match="a size of at least 1E-18 and at most 100 stETH expected"):
        prices_for("stETH", D(size), market())


def test_an_asset_that_is_not_offered_is_refused_with_those_that_are() -> None:
    with pytest.raises(AssetIsNotOffered, match="ETH, USDT, stETH"):
        prices_for("BTC", D(1), market())


def test_a_better_fee_on_one_venue_leads_the_hedge_there() -> None:
    cheap = PAID | {INVERSE: replace(PAID[INVERSE], rate=D("0.0001"))}
    found = price("ETH", "mint", D(10), market(paid=cheap))
    assert {leg.instrument for leg in found.legs} == {INVERSE}
