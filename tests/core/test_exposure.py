"""Exposure: a vector over currencies, and what a hedged book is worth."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.book import Book
from portfolio.core.exposure import exposure
from portfolio.core.frames import Frame, frame
from portfolio.core.rows import ExposureRow
from portfolio.core.valuation import Marks
from tests.builders.books import (
    AT,
    COINM,
    INVERSE,
    LINEAR,
    USDM,
    D,
    balance,
    book_of,
    collateral,
    common,
    limit,
    mark,
    opening,
    supply,
)
from tests.strategies import round_prices

Scenario = tuple[str, str, str, str, str, str]


def framed(book: Book, marks: Marks) -> Frame:
    return frame(book, marks, (), number=1, at=AT)


def row(book: Book, marks: Marks, currency: str) -> ExposureRow:
    return next(one for one in exposure(book, marks, AT) if one.currency == currency)


def assets(book: Book, marks: Marks) -> Decimal:
    worth = framed(book, marks).backing.assets_usd.value
    assert worth is not None
    return worth


def linear_hedge(staked: str = "500", cash: str = "0", entry: str = "2000") -> Book:
    return book_of(collateral("stETH", staked), balance(USDM, "USDT", cash), opening(f"-{staked}", entry))


def inverse_hedge(staked: str = "500", cash: str = "0", usd: str = "1000000", entry: str = "2000") -> Book:
    contracts = D(usd) / 10
    return book_of(collateral("stETH", staked), balance(COINM, "ETH", cash), opening(-contracts, entry, INVERSE))


@given(
    price=round_prices,
    entry=round_prices,
    linear=st.integers(0, 10**6),
    inverse=st.integers(0, 10**6),
    cash=st.integers(-(10**6), 10**6),
)
def test_a_hedged_book_is_worth_the_same_in_usd_at_every_common_price(
    price: Decimal, entry: Decimal, linear: int, inverse: int, cash: int
) -> None:
    # N ETH against a linear short of N; and inverse contracts against the coins they were sold for, all at one entry.
    coins = D(inverse) * 10 / entry
    book = book_of(
        collateral("stETH", D(linear) + coins),
        balance(USDM, "USDT", D(cash)),
        opening(-D(linear), entry),
        opening(-D(inverse), entry, INVERSE),
    )
    assert assets(book, common(price)) == linear * entry + inverse * 10 + cash
    found = framed(book, common(price))
    assert found.worth.basis_usd.value == found.worth.discount_usd.value == 0
    assert row(book, common(price), "ETH").net.value == 0


@given(
    price=st.decimals("0.01", "100000", places=2),
    entry=st.decimals("0.01", "100000", places=2),
    inverse=st.integers(0, 10**9),
)
def test_at_a_price_that_does_not_divide_the_worth_is_off_by_the_rounding_alone(
    price: Decimal, entry: Decimal, inverse: int
) -> None:
    book = book_of(balance(COINM, "ETH", D(0)), opening(-D(inverse), entry, INVERSE))
    exact = (Fraction(inverse * 10) / Fraction(price) - Fraction(inverse * 10) / Fraction(entry)) * Fraction(price)
    assert abs(Fraction(assets(book, common(price))) - exact) <= Fraction(price) / 10**18


@given(
    marks=st.tuples(*[st.decimals("1", "99999", places=2)] * 5),
    rates=st.tuples(*[st.decimals("0.1", "1.5", places=4)] * 3),
    sizes=st.tuples(*[st.integers(-(10**6), 10**6)] * 5),
    entries=st.tuples(*[st.decimals("1", "99999", places=2)] * 2),
)
def test_vector_basis_and_discount_sum_to_the_assets_exactly(
    marks: tuple[Decimal, ...],
    rates: tuple[Decimal, ...],
    sizes: tuple[int, ...],
    entries: tuple[Decimal, ...],
) -> None:
    linear, inverse, coin, tether, staked = sizes
    book = book_of(
        collateral("wstETH", staked),  # type: ignore[arg-type]
        balance(USDM, "USDT", D(tether)),
        balance(COINM, "ETH", D(coin)),
        opening(linear, entries[0]),  # type: ignore[arg-type]
        opening(inverse, entries[1], INVERSE),  # type: ignore[arg-type]
    )
    seen = common(marks[0], usdt=rates[0]) | {
        (LINEAR, "mark"): mark(LINEAR, "mark", marks[1]),
        (INVERSE, "mark"): mark(INVERSE, "mark", marks[2]),
        ("wstETH", "protocol_rate"): mark("wstETH", "protocol_rate", rates[1]),
        ("wstETH", "market_rate"): mark("wstETH", "market_rate", rates[2]),
    }
    found = framed(book, seen)
    assert found.worth.assets_usd.value == found.backing.assets_usd.value
    assert found.worth.vector_usd.value == sum(one.net_usd.value or 0 for one in found.exposure)


def test_with_a_basis_the_worth_changes_by_the_basis_line_exactly() -> None:
    book = linear_hedge()
    marks = common("2000") | {(LINEAR, "mark"): mark(LINEAR, "mark", "2000.60")}
    change = assets(book, marks) - assets(book, common("2000"))
    assert change == framed(book, marks).worth.basis_usd.value == -500 * D("0.60")


@pytest.mark.parametrize(("usdt", "worth"), [("0.97", "970000"), ("0.90", "900000")])
def test_a_depeg_takes_what_the_linear_short_was_sold_for_and_nothing_of_the_inverse(usdt: str, worth: str) -> None:
    # ETH stays at 2,000 USD, so that its price in USDT rises; the quotient is rounded to 60 digits.
    assert abs(assets(linear_hedge(), common("2000", usdt=usdt)) - D(worth)) < D("1e-40")
    assert assets(inverse_hedge(), common("2000", usdt=usdt)) == 1_000_000
    change = D(worth) - 1_000_000
    assert row(linear_hedge(), common("2000"), "USDT").net.value == 1_000_000
    assert change == (D(usdt) - 1) * 1_000_000


@pytest.mark.parametrize(
    "price", ["200", "500", "1000", "1500", "1600", "1800", "1900", "2000", "2100", "2500", "3000", "3500", "4000"]
)
@pytest.mark.parametrize(("staked", "tether", "coin"), [("500", "0", "0"), ("400", "200000", "100")])
def test_scenario_tables(price: str, staked: str, tether: str, coin: str) -> None:
    """One million dollars hedged at 2,000, all staked or a fifth in cash; closed forms of PnL and borrowing."""
    linear = framed(linear_hedge(staked, tether), common(price))
    inverse = framed(inverse_hedge(staked, coin), common(price))
    x = D(price) / 2000 - 1
    share = D(tether) / 1_000_000
    usdt, eth = linear.margin[0], inverse.margin[0]
    assert (usdt.settlement, eth.settlement) == ("USDT", "ETH")
    assert usdt.unrealized.value == -x * (1 - share) * 1_000_000
    assert abs((eth.unrealized.value or 0) - (D(1_000_000) / D(price) - 500)) < D("1e-18")
    assert usdt.margin_balance.value == 1_000_000 * (share - x * (1 - share))
    assert abs((eth.margin_balance.value or 0) * D(price) - 1_000_000 * (share - x + share * x)) < D("1e-13")
    for found in (linear, inverse):
        rows = {one.kind: one.share.value or D(0) for one in found.backing.rows}
        assert abs(rows["staked ETH"] - (1 - share) * (1 + x)) < D("1e-15")
        assert abs((found.backing.assets_usd.value or D(0)) - 1_000_000) < D("1e-13")
    reported = inverse.positions[0].rows[0].delta.value
    assert abs((reported or 0) + D(1_000_000) / D(price)) < D("1e-18")
    assert abs(next(one for one in inverse.exposure if one.currency == "ETH").net.value or D(0)) < D("1e-15")


@pytest.mark.parametrize(
    ("price", "usdt", "eth"),
    [
        ("200", "900000", "4500"),
        ("1600", "200000", "125"),
        ("2100", "-50000", "-23.809524"),
        ("4000", "-1000000", "-250"),
    ],
)
def test_published_rows_of_the_scenario_table(price: str, usdt: str, eth: str) -> None:
    assert framed(linear_hedge(), common(price)).pnl[0].unrealized.value == D(usdt)
    assert round(framed(inverse_hedge(), common(price)).pnl[0].unrealized.value or D(0), 6) == D(eth)


def test_redeeming_after_a_fall_by_ninety_percent_still_buys_what_was_minted() -> None:
    book = book_of(collateral("stETH", "10"), balance(USDM, "USDT", "0"), opening("-10", "2000"))
    assert assets(book, common("200")) == 20_000 == 100 * 200


def test_a_settlement_by_the_venue_keeps_the_net_delta() -> None:
    book = inverse_hedge()
    assert row(book, common("1600"), "ETH").net.value == 0
    book.positions[COINM, INVERSE].settle(D(1600), AT)
    book.balances[COINM, "ETH"] = balance(COINM, "ETH", "125")
    found = row(book, common("1600"), "ETH")
    assert found.net.value == 0
    assert {line.kind: line.amount.value for line in found.lines}["unrealized"] == 0


def test_a_staked_unit_is_hedged_by_the_protocol_and_valued_at_the_lower_rate() -> None:
    book = book_of(collateral("wstETH", "10000"))
    marks = common("2000") | {
        ("wstETH", "protocol_rate"): mark("wstETH", "protocol_rate", "1.22"),
        ("wstETH", "market_rate"): mark("wstETH", "market_rate", D("1.22") * D("0.935")),
    }
    held = framed(book, marks).collateral[0]
    assert (held.by_protocol.value, held.by_market.value) == (D(12_200), D(11_407))
    assert held.usd.value == 11_407 * 2000
    assert row(book, marks, "ETH").net.value == 12_200
    assert framed(book, marks).worth.discount_usd.value == (11_407 - 12_200) * 2000


def test_a_policy_factor_changes_what_is_hedged_and_not_what_it_is_worth() -> None:
    book = book_of(collateral("stETH", "100"), limit("hedge_factor", "stETH", "0.98"))
    assert row(book, common("2000"), "ETH").net.value == 98
    assert assets(book, common("2000")) == 200_000


def test_a_delegated_balance_counts_once_in_delta_and_in_backing() -> None:
    free = book_of(collateral("ETH", "500"), balance(COINM, "ETH", "0"), supply("1000000"))
    mirrored = book_of(collateral("ETH", "500"), balance(COINM, "ETH", "500"), supply("1000000"))
    mirrored.delegated[COINM, "ETH"] = D(500)
    for book in (free, mirrored):
        assert row(book, common("2000"), "ETH").net.value == 500
        assert framed(book, common("2000")).backing.ratio.value == 1
    # The venue still counts it as margin.
    assert framed(mirrored, common("2000")).margin[0].wallet.value == 500


def test_at_half_the_price_a_venue_contributes_its_equity_once() -> None:
    # Equity − delegated is the unrealized profit; adding it to itself would say 1.50.
    book = book_of(collateral("ETH", "500"), balance(USDM, "USDT", "0"), opening("-500", "2000"), supply("1000000"))
    assert framed(book, common("1000")).backing.ratio.value == 1


def test_the_lines_explain_the_row() -> None:
    found = row(linear_hedge(cash="10"), common("2000"), "ETH")
    assert [(line.holder, line.what, line.amount.value) for line in found.lines] == [
        ("ceffu", "stETH in w1", D(500)),
        (USDM, "ETH-USDT-PERP position", D(-500)),
    ]
    assert (found.long.value, found.short.value, found.net.value) == (D(500), D(-500), D(0))


@pytest.mark.parametrize(
    ("staked", "state"), [("525", "inside"), ("526", "outside"), ("475", "inside"), ("474", "outside")]
)
def test_the_band_counts_on_both_sides_of_flat(staked: str, state: str) -> None:
    book = book_of(collateral("stETH", staked), balance(USDM, "USDT", "0"), opening("-500", "2000"))
    assert row(book, common("2000"), "ETH").band_state == state


def test_an_unknown_rate_makes_the_exposure_unknown_and_not_zero() -> None:
    marks = {key: one for key, one in common("2000").items() if key[0] != "stETH"}
    found = row(linear_hedge(), marks, "ETH")
    assert (found.net.value, found.net.state, found.band_state) == (None, "unknown", "unknown")
    assert found.net.because == "no protocol rate of stETH is known: its feed has not sent one"
    # What does not rest on it is still known.
    assert row(linear_hedge(), marks, "USDT").net.value == 1_000_000


def test_a_currency_without_a_limit_is_unbounded() -> None:
    assert row(linear_hedge(), common("2000"), "USDT").band_state == "unbounded"


def test_coins_come_first_then_stablecoins_then_the_unit_of_account() -> None:
    assert [one.currency for one in exposure(inverse_hedge(), common("2000"), AT)] == [
        "BTC",
        "ETH",
        "USDC",
        "USDT",
        "USD",
    ]


def test_net_and_gross_per_venue_and_instrument() -> None:
    book = book_of(opening("-300", "2000"), opening("-40000", "2000", INVERSE))
    found = framed(book, common("2000")).concentrations
    assert [(one.name, one.net.value, one.gross.value, one.gross_usd.value) for one in found] == [
        ("binance-coinm", D(-200), D(200), D(400_000)),
        ("binance-usdm", D(-300), D(300), D(600_000)),
        (INVERSE, D(-200), D(200), D(400_000)),
        (LINEAR, D(-300), D(300), D(600_000)),
    ]
