"""Asset prices: one mark of many quotes; whoever is alone cannot move it, and whoever contradicts stops it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.marks import Mark
from marketdata.core.asset_prices import AGE_MAX, BAND, PriceQuote, asset_mark
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
