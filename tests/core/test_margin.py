"""Margin: tiers, headroom and the liquidation price, against the venues' formulas and published vectors."""

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.events.anchors import LeverageAnchored
from hedgeapp.core.instruments import Instrument, Tier
from portfolio.core.frames import frame
from portfolio.core.liquidation import Leg, crossings, initial, maintenance, margin_left
from portfolio.core.rows import MarginRow
from tests.builders.books import (
    AT,
    BTC_LINEAR,
    COINM,
    ETHUSDT,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    brackets,
    common,
    instrument,
    mark,
    one_tier,
    opening,
)

TIERS = brackets(ETHUSDT)
START = D(2000)


def flat(rate: Decimal | str) -> tuple[Tier, ...]:
    return one_tier(str(rate))


def growing(growth: str) -> tuple[Tier, ...]:
    """Return Deribit's form: rates that grow with each unit of the position's value, beside 1 % and 2 %."""
    (tier,) = flat("0.01")
    return (replace(tier, leverage_max=D(50), growth=D(growth)),)


def linear_multiple(short: Decimal, haircut: Decimal, tiers: tuple[Tier, ...]) -> Decimal | None:
    """Return the multiple that liquidates a linear short margined with as many staked coins at a haircut."""
    value = short * START
    _, above = crossings(constant=value, slope=haircut * value - value, legs=[Leg(value=value, tiers=tiers)])
    return above


def inverse_multiple(short: Decimal, haircut: Decimal, tiers: tuple[Tier, ...]) -> Decimal | None:
    """Return the same for an inverse short of as many dollars; y is the inverse of the multiple."""
    value = short / START
    below, _ = crossings(constant=haircut * value - value, slope=value, legs=[Leg(value=value, tiers=tiers)])
    return None if below is None else 1 / below


def only_row(*events: object, instruments: tuple[Instrument, ...], marks: dict[tuple[str, str], object]) -> MarginRow:
    found = frame(book_of(*events, instruments=instruments), marks, (), number=1, at=AT).margin  # type: ignore[arg-type]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("haircut", "rate", "linear", "inverse"),
    [
        ("0.85", "0.005", "6.4516", "6.6333"),
        ("0.85", "0.01", "6.25", "6.6"),
        ("0.85", "0.02", "5.8824", "6.5333"),
        ("0.90", "0.005", "9.5238", "9.95"),
        ("0.90", "0.01", "9.0909", "9.9"),
        ("0.90", "0.02", "8.3333", "9.8"),
        ("0.925", "0.005", "12.5", "13.2667"),
        ("0.925", "0.01", "11.7647", "13.2"),
        ("0.925", "0.02", "10.5263", "13.0667"),
        ("0.95", "0.005", "18.1818", "19.9"),
        ("0.95", "0.01", "16.6667", "19.8"),
        ("0.95", "0.02", "14.2857", "19.6"),
        ("1", "0.005", "200", None),
        ("1", "0.01", "100", None),
        ("1", "0.02", "50", None),
    ],
)
def test_one_tier_gives_the_closed_forms(haircut: str, rate: str, linear: str, inverse: str | None) -> None:
    one = linear_multiple(D(500), D(haircut), flat(rate))
    other = inverse_multiple(D(1_000_000), D(haircut), flat(rate))
    assert one is not None
    assert round(one, 4) == D(linear)
    assert (None if other is None else round(other, 4)) == (None if inverse is None else D(inverse))


@pytest.mark.parametrize(("short", "multiple"), [("500", "9.20"), ("12418", "6.92"), ("100000", "4.01")])
def test_the_brackets_bring_liquidation_much_nearer(short: str, multiple: str) -> None:
    found = linear_multiple(D(short), D("0.9"), TIERS)
    assert found is not None
    # The published multiples are rounded up: 9.195, 6.9138… and 4.0042… of 2,000 USD.
    assert found.quantize(D("0.01"), ROUND_CEILING) == D(multiple)


def test_the_brackets_join_where_one_ends_and_the_next_begins() -> None:
    for lower, upper in pairwise(TIERS):
        assert (
            lower.cap * lower.maintenance_rate - lower.deduction
            == upper.floor * upper.maintenance_rate - upper.deduction
        )
        assert maintenance(TIERS, lower.cap) == lower.cap * lower.maintenance_rate - lower.deduction


def test_initial_margin_is_at_the_highest_leverage_of_the_tier() -> None:
    assert initial(TIERS, D(1_000_000)) == D(1_000_000) / 75


def test_initial_margin_is_at_the_leverage_that_the_account_has_set() -> None:
    def first(*anchored: LeverageAnchored) -> Decimal | None:
        world = (balance(USDM, "USDT", "300000"), opening("-500", "2000"), *anchored)
        marks: dict[tuple[str, str], object] = {**common("2000")}
        return only_row(*world, instruments=(instrument(LINEAR, tiers=TIERS),), marks=marks).initial_margin.value

    anchored = LeverageAnchored(at=AT, account=USDM, instrument=LINEAR, leverage=D(20), by="reconciliation")
    assert (first(), first(anchored)) == (D(1_000_000) / 75, D(50_000))
    assert first(anchored, replace(anchored, leverage=D(125))) == D(1_000_000) / 75  # the tier allows no more


def test_margin_that_grows_with_the_position_is_the_venues_own_example() -> None:
    # Deribit, linear perpetuals: 25 BTC take 2.125 % of initial and 1.125 % of maintenance margin.
    tiers = growing("0.00005")
    assert (initial(tiers, D(25)) / 25, maintenance(tiers, D(25)) / 25) == (D("0.02125"), D("0.01125"))


def test_a_large_short_is_liquidated_on_each_side_where_it_outgrows_its_margin() -> None:
    tiers, value, constant = growing("0.0005"), D(100), D(-90)  # coins of an inverse short, at y = 1
    below, above = crossings(constant, value, [Leg(value=value, tiers=tiers)])
    assert below is not None
    assert above is not None
    for y in (below, above):
        assert abs(margin_left(constant, value, [Leg(value=value, tiers=tiers)], y)) < D("1e-20")
    assert below < 1 < above


@given(
    short=st.integers(1, 200_000),
    haircut=st.decimals("0", "1.2", places=3),
    cash=st.integers(0, 10**9),
    tiers=st.sampled_from([TIERS, flat("0.005"), TIERS[:3], growing("1e-9"), growing("5e-13")]),
)
def test_nothing_is_left_at_the_multiple_that_is_found_and_more_before_it(
    short: int, haircut: Decimal, cash: int, tiers: tuple[Tier, ...]
) -> None:
    value = short * START
    constant, slope, legs = cash + value, (haircut - 1) * value, [Leg(value=value, tiers=tiers)]
    if margin_left(constant, slope, legs, D(1)) <= 0:
        return
    _, above = crossings(constant, slope, legs)
    if above is None:
        assert margin_left(constant, slope, legs, D(10) ** 9) > 0
        return
    assert abs(margin_left(constant, slope, legs, above)) < D("1e-15")  # of up to 1e9 USD
    for part in range(1, 10):
        assert margin_left(constant, slope, legs, 1 + (above - 1) * part / 10) > 0


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 60), st.decimals("0.5", "2", places=3))
def test_two_contracts_on_one_currency_are_liquidated_together(
    perpetual: int, dated: int, cash_share: int, ratio: Decimal
) -> None:
    first, second = perpetual * START, dated * START * ratio
    legs = [Leg(value=first, tiers=TIERS), Leg(value=second, tiers=TIERS)]
    constant, slope = (first + second) * (1 + D(cash_share) / 100), -(first + second)
    if margin_left(constant, slope, legs, D(1)) <= 0:
        return
    _, above = crossings(constant, slope, legs)
    assert above is not None
    assert abs(margin_left(constant, slope, legs, above)) < D("1e-25")


def test_a_calendar_spread_may_have_a_crossing_on_each_side() -> None:
    legs = [Leg(value=D(100), tiers=flat("0.1")), Leg(value=D(100), tiers=flat("0.1"))]
    assert crossings(D(30), D(0), legs) == (None, D("1.5"))
    below, above = crossings(D(-10), D(40), legs)
    assert (below, above) == (D("0.5"), None)


def test_a_venue_whose_deductions_do_not_join_its_tiers_is_liquidated_at_the_bound() -> None:
    jump = (
        Tier(floor=D(0), cap=D(150), maintenance_rate=D("0.01"), deduction=D(0), leverage_max=D(10)),
        Tier(floor=D(150), cap=D(10**9), maintenance_rate=D("0.5"), deduction=D(0), leverage_max=D(2)),
    )
    assert crossings(D(20), D(0), [Leg(value=D(100), tiers=jump)]) == (None, D("1.5"))


def test_binance_usdm_formula() -> None:
    """(WB − TMM + UPNL + cum − dir·N·P0) / (N·(MMR − dir)) with another contract in the account."""
    other = instrument(BTC_LINEAR, tiers=flat("0.01"))
    row = only_row(
        balance(USDM, "USDT", "300000"),
        opening("-500", "2000"),
        opening("2", "60000", BTC_LINEAR),
        instruments=(instrument(LINEAR, tiers=TIERS), other),
        marks={**common("2100"), (BTC_LINEAR, "mark"): mark(BTC_LINEAR, "mark", "65000")},
    )
    ether = next(one for one in row.liquidations if one.currency == "ETH")
    elsewhere, kept = D(2 * 5000), D(2 * 65000) * D("0.01")
    price = (D(300_000) - kept + elsewhere + 950 + 500 * START) / (500 * (D("0.0065") + 1))
    assert (ether.direction, ether.quote) == ("rise", "USDT")
    assert abs((ether.price.value or D(0)) - price) < D("1e-20")
    assert abs((ether.multiple.value or D(0)) - price / 2100) < D("1e-20")


def test_binance_coinm_vector() -> None:
    """Short 60,000 USD at 50,000 with 0.12 coin at 0.5 %: 55,277.78."""
    perpetual = instrument("binance-coinm:BTC-USD-PERP", contract_size="100")
    row = only_row(
        balance(COINM, "BTC", "0.12"),
        opening("-600", "50000", perpetual.id),
        instruments=(perpetual,),
        marks={(perpetual.id, "mark"): mark(perpetual.id, "mark", "50000")},
    )
    assert row.liquidations[0].direction == "rise"
    assert round(row.liquidations[0].price.value or D(0), 2) == D("55277.78")
    # Balance alone is 0.12; a short that is covered by its coins is never liquidated.
    covered = only_row(
        balance(COINM, "BTC", "1.2"),
        opening("-600", "50000", perpetual.id),
        instruments=(perpetual,),
        marks={(perpetual.id, "mark"): mark(perpetual.id, "mark", "50000")},
    )
    none = covered.liquidations[0]
    assert (none.direction, none.price.value, none.price.because) == (
        "none",
        None,
        "no price of BTC alone liquidates the account",
    )


def test_a_long_is_liquidated_by_a_fall() -> None:
    row = only_row(
        balance(USDM, "USDT", "500"),
        opening("1", "2000"),
        instruments=(instrument(LINEAR),),
        marks=common("2000"),  # type: ignore[arg-type]
    )
    assert row.liquidations[0].direction == "fall"
    assert row.liquidations[0].price.value == D(1500) / D("0.995")


def test_the_nearest_liquidation_comes_first() -> None:
    row = only_row(
        balance(USDM, "USDT", "300000"),
        opening("-500", "2000"),
        opening("-1", "60000", BTC_LINEAR),
        instruments=(instrument(LINEAR, tiers=TIERS), instrument(BTC_LINEAR)),
        marks={**common("2100"), (BTC_LINEAR, "mark"): mark(BTC_LINEAR, "mark", "65000")},
    )
    assert [one.currency for one in row.liquidations] == ["ETH", "BTC"]


def test_ratio_and_headroom() -> None:
    row = only_row(
        balance(USDM, "USDT", "1000"),
        opening("-1", "2000"),
        instruments=(instrument(LINEAR),),
        marks=common("2400", usdt="0.5"),  # type: ignore[arg-type]
    )
    # In USDT the mark is 4,800: 1,000 + (2,000 − 4,800) is less than nothing.
    assert (row.margin_balance.value, row.maintenance_margin.value) == (D(-1800), D(24))
    assert (row.margin_ratio.value, row.margin_ratio.state, row.is_past_liquidation) == (None, "live", True)
    assert row.headroom.value == D(-1800) - 480
    assert row.headroom_usd.value == (D(-1800) - 480) / 2
    assert row.liquidations[0].price.because == "the account is past liquidation now"


def test_without_tiers_the_margin_is_unknown() -> None:
    row = only_row(
        balance(USDM, "USDT", "1000"),
        opening("-1", "2000"),
        instruments=(instrument(LINEAR, tiers=()),),
        marks=common("2000"),  # type: ignore[arg-type]
    )
    assert (row.maintenance_margin.value, row.margin_ratio.value, row.liquidations[0].price.state) == (
        None,
        None,
        "unknown",
    )
    assert "load them from the venue" in row.liquidations[0].price.because
    assert row.margin_balance.value == 1000


def test_without_a_balance_the_margin_is_unknown() -> None:
    row = only_row(opening("-1", "2000"), instruments=(instrument(LINEAR),), marks=common("2000"))  # type: ignore[arg-type]
    assert (row.wallet.value, row.margin_ratio.state) == (None, "unknown")
    assert row.wallet.because == "no balance of binance-usdm:main in USDT is known: its feed has not stated one"


def test_each_coin_of_an_account_has_its_own_margin() -> None:
    bitcoin = instrument("binance-coinm:BTC-USD-PERP", contract_size="100")
    book = book_of(
        balance(COINM, "BTC", "5"),
        balance(COINM, "ETH", "7"),
        opening("-100", "50000", bitcoin.id),
        instruments=(instrument(INVERSE), bitcoin),
    )
    marks = {**common("2000"), (bitcoin.id, "mark"): mark(bitcoin.id, "mark", "50000")}
    found = frame(book, marks, (), number=1, at=AT).margin
    assert [(row.settlement, row.margin_balance.value, row.maintenance_margin.value) for row in found] == [
        ("BTC", D(5), D("0.001")),
        ("ETH", D(7), D(0)),
    ]
