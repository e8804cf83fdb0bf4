"""Asset prices: one mark of many quotes; whoever is alone cannot move it, and whoever contradicts stops it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.marks import Mark
from marketdata.core.asset_prices import AGE_MAX, BAND, VENUE, PriceQuote, asset_mark
from portfolio.core.valuation import Valuation
from tests.builders.books import AT as NOW
from tests.builders.books import book_of, limit

D = Decimal


def quote(
    source: str = "pyth", value: str = "3000", *, age_s: float = 1, conf: str = "0.5", asset: str = "ETH"
) -> PriceQuote:
    at = NOW - timedelta(seconds=age_s)
    proof = "" if source == "chain" else "router set 1: 3 of 5 signed"
    return PriceQuote(
        asset=asset, source=source, protocol=source, value=D(value), conf=D(conf), at=at, received_at=at, proof=proof
    )


def marked(*quotes: PriceQuote) -> Mark:
    found = asset_mark("ETH", quotes, NOW)
    assert found is not None
    return found


def test_a_source_alone_is_the_price_with_its_own_proof() -> None:
    found = marked(quote())
    assert (found.value, found.conf, found.source, found.suspect) == (D(3000), D("0.5"), "pyth", "")
    assert found.proof == "pyth router set 1: 3 of 5 signed"


def test_who_spoke_last_leads_and_conf_covers_the_others() -> None:
    found = marked(quote("pyth", "3010"), quote("redstone", "3000", age_s=9))
    assert (found.value, found.source, found.conf) == (D(3010), "pyth+redstone", D(10))
    assert found.at == NOW - timedelta(seconds=1)
    assert "redstone router" in found.proof


def test_two_that_differ_too_much_are_believed_by_nobody() -> None:
    found = marked(quote("pyth", "3100"), quote("redstone", "3000"))
    assert "pyth says 3100 USD, redstone 3000" in found.suspect or "redstone says 3000 USD, pyth 3100" in found.suspect


def test_of_three_the_outlier_is_left_out_and_named() -> None:
    found = marked(quote("pyth", "3300"), quote("redstone", "3000"), quote("chain", "3001"))
    assert (found.source, found.suspect) == ("chain+redstone", "")
    assert "left out: pyth 3300" in found.proof


def test_a_quick_market_is_no_disagreement() -> None:
    assert marked(quote("pyth", "3050"), quote("redstone", "3000", age_s=11)).suspect == ""
    assert marked(quote("pyth", "3050"), quote("redstone", "3000", age_s=1)).suspect != ""


def test_what_is_too_old_does_not_count() -> None:
    found = marked(quote("pyth", "3300", age_s=16), quote("redstone", "3000"))
    assert (found.value, found.source, found.suspect) == (D(3000), "redstone", "")


def test_when_nothing_counts_the_mark_says_why() -> None:
    found = marked(quote(age_s=60), quote("redstone", conf="31"))
    assert "pyth is 60 s old, at most 15 s expected" in found.suspect
    assert "redstone is uncertain by 31 USD" in found.suspect


def test_a_chains_word_alone_is_not_signed_by_an_oracle() -> None:
    assert "oracle has signed expected" in marked(quote("chain")).suspect


def test_an_asset_of_which_nobody_spoke_has_no_mark() -> None:
    assert asset_mark("BTC", [quote()], NOW) is None


@given(
    values=st.lists(st.decimals("2500", "3500", places=2), min_size=3, max_size=3),
    ages=st.lists(st.floats(0, 50), min_size=3, max_size=3),
)
def test_a_price_that_is_used_is_one_that_half_of_those_that_count_are_near(values: list[D], ages: list[float]) -> None:
    names = ("pyth", "redstone", "chain")
    quotes = [quote(name, str(value), age_s=age) for name, value, age in zip(names, values, ages, strict=True)]
    found = marked(*quotes)
    counted = [one for one in quotes if NOW - one.at <= AGE_MAX[one.protocol]]
    if found.suspect:
        return
    near = [one for one in counted if abs(one.value - found.value) <= found.value * 2 * BAND + found.value * BAND]
    assert found.value in {one.value for one in counted}
    assert 2 * len(near) > len(counted)


def voice(house: str, value: str, *, age_s: float = 0) -> PriceQuote:
    at = NOW - timedelta(seconds=age_s)
    return PriceQuote(
        asset="ETH",
        source=house,
        protocol=VENUE,
        value=D(value),
        conf=D(0),
        at=at,
        received_at=at,
        proof="",
    )


def test_a_venue_stands_in_the_proof_where_the_value_is_its_own() -> None:
    found = marked(voice("binance", "3001"), voice("okx", "3000"), quote("redstone", "3002", age_s=12))
    assert found.source == "binance+okx+redstone"
    assert found.proof == "binance's value, near redstone router set 1: 3 of 5 signed"


def test_venues_tell_which_of_two_oracles_is_wrong() -> None:
    found = marked(quote("pyth", "3240"), quote("redstone", "3000"), voice("binance", "3001"), voice("okx", "2999"))
    assert (found.source, found.suspect) == ("binance+okx+redstone", "")
    assert "left out: pyth 3240" in found.proof


def test_venues_alone_are_not_verified_however_many_agree() -> None:
    houses = ("binance", "bybit", "okx", "deribit")
    told = [voice(house, "3240") for house in houses]
    assert "oracle has signed expected" in marked(*told).suspect
    assert "sources that agree expected" in marked(*told, quote("pyth"), quote("redstone")).suspect


def test_an_index_that_stood_still_does_not_count() -> None:
    assert marked(quote(), voice("okx", "3010", age_s=6)).source == "pyth"


@given(
    signed=st.lists(st.tuples(st.decimals("2970", "3030", places=2), st.floats(0, 14)), min_size=1, max_size=2),
    others=st.lists(st.decimals("2970", "3030", places=2), max_size=3),
    said=st.decimals("2000", "4000", places=2),
)
def test_whatever_one_venue_says_the_price_stays_among_the_others(
    signed: list[tuple[D, float]], others: list[D], said: D
) -> None:
    known = [
        quote(name, str(value), age_s=age) for name, (value, age) in zip(("pyth", "redstone"), signed, strict=False)
    ]
    known += [voice(f"house{number}", str(value)) for number, value in enumerate(others)]
    found = marked(*known, voice("one", str(said)))
    values = [one.value for one in known]
    assert found.suspect or min(values) <= found.value <= max(values)


@pytest.mark.parametrize(("suspect", "state"), [("", "live"), ("sources disagree", "stale")])
def test_a_suspect_mark_is_never_live(suspect: str, state: str) -> None:
    mark = Mark(
        subject="ETH", kind="usd", value=D(3000), at=NOW, received_at=NOW, source="pyth", proof="x", suspect=suspect
    )
    figure = Valuation(book_of(limit("data_age_ms_max", "rate", "120000")), {("ETH", "usd"): mark}, NOW).mark(
        "ETH", "usd"
    )
    assert figure.state == state
    assert suspect in figure.because
