"""Staked rates: one market rate of pool, spot books and oracles; no single one moves it, who contradicts stops it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgeapp.core.instruments import Instrument
from hedgeapp.core.marks import Mark, MarkKind
from hedgeapp.core.reference import Venue
from marketdata.core.asset_prices import PriceQuote
from marketdata.core.asset_quotes import asset_marks
from marketdata.core.staked_rates import (
    AGE_MAX,
    BAND,
    BAND_MAX,
    BOOK,
    POOL,
    SPREAD_MAX,
    WEIGHTS,
    Pairs,
    houses,
    market_rates,
    weighed,
)
from portfolio.core.valuation import Valuation
from tests.builders.books import AT as NOW
from tests.builders.books import book_of, limit
from tests.builders.spot import PAIR

D = Decimal
DIRECT = "binance-spot:stETH-ETH-SPOT"
STAKED_USDT = "binance-spot:stETH-USDT-SPOT"
COIN_USDT = PAIR.id
BOOKS = (Pairs(house="binance", direct=(DIRECT,), crossed=((STAKED_USDT, COIN_USDT),)),)
KINDS = sorted(WEIGHTS)


def voice(source: str, value: str | Decimal, *, age_s: float = 1, protocol: str = "", suspect: str = "") -> PriceQuote:
    """Return what a source says of the rate."""
    at, protocol = NOW - timedelta(seconds=age_s), protocol or source
    proof = "set 1: 3 of 5 signed" if protocol in ("pyth", "redstone") else ""
    return PriceQuote(
        asset="stETH",
        source=source,
        protocol=protocol,
        value=D(value),
        conf=D(0),
        at=at,
        received_at=at,
        proof=proof,
        suspect=suspect,
    )


def mark(subject: str, kind: MarkKind, value: str, *, age_s: float = 1, suspect: str = "") -> Mark:
    at, source = NOW - timedelta(seconds=age_s), subject.partition(":")[0]
    return Mark(subject=subject, kind=kind, value=D(value), at=at, received_at=at, source=source, suspect=suspect)


def pool(value: str = "0.999", **given: object) -> Mark:
    return replace(mark("stETH", "pool_rate", value, **given), source="chain:ethereum")  # type: ignore[arg-type]


def book(pair: str, bid: str, ask: str, *, age_s: float = 1, suspect: str = "") -> list[Mark]:
    return [mark(pair, "bid", bid, age_s=age_s, suspect=suspect), mark(pair, "ask", ask, age_s=age_s, suspect=suspect)]


def rate(*marks: Mark, quotes: Sequence[PriceQuote] = ()) -> Mark:
    """Return the market rate of stETH."""
    return next(one for one in market_rates(marks, quotes, BOOKS, "ETH", NOW) if one.subject == "stETH")


def marked(*voices: PriceQuote) -> Mark:
    found = weighed(voices, NOW)
    assert found is not None
    return found


def test_the_pool_alone_is_the_rate_and_says_that_it_is_alone() -> None:
    found = rate(pool())
    assert (found.value, found.source, found.suspect, found.proof) == (D("0.999"), "chain:ethereum", "", "")
    assert found.at == NOW - timedelta(seconds=1)
    assert found.caveat == "chain:ethereum alone says so"


def test_the_valuation_names_each_source_of_the_rate() -> None:
    found = rate(pool("0.9990"), *book(DIRECT, "0.99940", "0.99960"))
    figure = Valuation(book_of(limit("data_age_ms_max", "rate", "60000")), {("stETH", "market_rate"): found}, NOW).mark(
        "stETH", "market_rate"
    )
    assert figure.state == "live"
    assert figure.because == "market rate of stETH from binance+chain:ethereum"


def test_wrapped_ether_is_its_protocols_rate_times_that() -> None:
    protocol = mark("wstETH", "protocol_rate", "1.22", age_s=3)
    _, wrapped = market_rates([pool(), protocol], (), (), "ETH", NOW)
    assert (wrapped.subject, wrapped.kind, wrapped.value) == ("wstETH", "market_rate", D("1.21878"))
    assert wrapped.at == NOW - timedelta(seconds=3)


def test_where_nobody_spoke_there_is_no_rate() -> None:
    assert market_rates([mark("wstETH", "protocol_rate", "1.22")], (), BOOKS, "ETH", NOW) == []


def test_the_middle_of_the_books_is_one_more_voice_and_each_word_is_told() -> None:
    found = rate(pool("0.9990"), *book(DIRECT, "0.99940", "0.99960"))
    assert found.source == "binance+chain:ethereum"
    assert found.value in (D("0.9990"), D("0.9995"))
    assert found.conf == D("0.0005")
    assert found.caveat == "says: chain:ethereum 0.999000, binance 0.999500"


def test_without_a_direct_book_the_rate_goes_by_a_currency_of_both() -> None:
    found = rate(*book(STAKED_USDT, "2996", "2998"), *book(COIN_USDT, "2999", "3001"))
    assert (found.value, found.source) == (D(2997) / D(3000), "binance")


def test_the_direct_book_is_the_houses_voice_where_both_ways_stand() -> None:
    found = rate(
        *book(DIRECT, "0.9990", "0.9992"), *book(STAKED_USDT, "2990", "2991"), *book(COIN_USDT, "2999", "3001")
    )
    assert (found.value, found.caveat) == (D("0.9991"), "binance alone says so")


@pytest.mark.parametrize(
    ("direct", "said"),
    [
        (book(DIRECT, "0.9992", "0.9990"), "an uncrossed book"),
        (book(DIRECT, "0.9990", "0.9990"), "an uncrossed book"),
        (book(DIRECT, "0.9900", "0.9990"), "a spread of at most 0.5%"),
        (book(DIRECT, "0.9990", "0.9992", age_s=16), "is 16 s old"),
        (book(DIRECT, "0.9990", "0.9992", suspect="quarantined"), "quarantined"),
        (book(DIRECT, "0", "0.9992"), "an uncrossed book"),
    ],
)
def test_a_book_that_may_not_be_used_counts_for_nothing_and_says_why(direct: list[Mark], said: str) -> None:
    assert rate(pool(), *direct).source == "chain:ethereum"
    assert said in rate(*direct).suspect


def test_half_a_book_has_no_voice() -> None:
    assert rate(pool(), book(DIRECT, "0.9990", "0.9992")[0]).source == "chain:ethereum"


def test_an_oracle_that_signs_the_staked_price_speaks_by_the_coins_mark() -> None:
    signed = voice("pyth", "2997")
    found = rate(pool(), mark("ETH", "usd", "3000"), quotes=[signed])
    assert (found.source, found.value) == ("chain:ethereum+pyth", D("0.999"))
    assert found.proof == "pyth set 1: 3 of 5 signed; says: chain:ethereum 0.999000, pyth 0.999000"
    assert rate(pool(), quotes=[signed]).source == "chain:ethereum"
    assert rate(pool(), mark("ETH", "usd", "3000", suspect="apart"), quotes=[signed]).source == "chain:ethereum"


def test_an_oracles_price_counts_over_one_of_the_same_moment_only() -> None:
    old, coin = voice("redstone", "2997", age_s=9), mark("ETH", "usd", "3030", age_s=1)
    assert rate(pool(), coin, quotes=[old]).source == "chain:ethereum"
    own = replace(voice("redstone", "3000", age_s=9), asset="ETH")
    found = rate(pool(), coin, quotes=[old, own])
    assert (found.source, found.value) == ("chain:ethereum+redstone", D("0.999"))


def test_two_that_differ_too_much_are_believed_by_nobody() -> None:
    found = rate(pool("0.999"), *book(DIRECT, "0.9700", "0.9702"))
    assert "sources that agree expected" in found.suspect
    assert "0.999000" in found.suspect
    assert "0.970100" in found.suspect


def test_of_three_the_outlier_is_left_out_and_named() -> None:
    found = marked(voice("binance", "0.9", protocol=BOOK), voice(POOL, "0.9990"), voice("pyth", "0.9991"))
    assert (found.source, found.suspect) == ("chain+pyth", "")
    assert "left out: binance 0.900000" in found.proof


def test_the_usd_mark_of_staked_ether_counts_the_pool_once_and_not_by_the_market_rate() -> None:
    quotes = [voice("pyth", "2997"), replace(voice("pyth", "3000"), asset="ETH")]
    marks = [pool(), replace(pool("0.5"), kind="market_rate", source="binance+chain:ethereum+pyth")]
    found = {one.subject: one for one in asset_marks(quotes, marks, {"stETH": "ETH"}, NOW)}
    assert (found["stETH"].source, found["stETH"].suspect) == ("chain:ethereum+pyth", "")


def pair(symbol: str, **given: object) -> Instrument:
    base, quote, _ = symbol.split("-")
    made = replace(PAIR, id=f"binance-spot:{symbol}", symbol=symbol, venue_symbol=symbol, base=base, quote=quote)
    return replace(made, settlement=quote, **given)  # type: ignore[arg-type]


def test_only_pairs_that_trade_at_a_trusted_house_tell() -> None:
    all_ = [pair("stETH-ETH-SPOT"), pair("stETH-USDT-SPOT"), pair("ETH-USDT-SPOT"), pair("stETH-USDC-SPOT")]
    venue = Venue(name="binance-spot", protocol="binance-spot", rest_url="", ws_url="")
    assert houses(all_, {venue.name: venue}, "ETH") == BOOKS
    assert houses(all_, {venue.name: replace(venue, is_enabled=False)}, "ETH") == ()
    assert houses(all_, {venue.name: replace(venue, protocol="ccxt-gate")}, "ETH") == ()
    assert houses([pair("stETH-ETH-SPOT", is_trading=False)], {venue.name: venue}, "ETH") == ()
    assert houses([replace(PAIR, expiry="perpetual")], {venue.name: venue}, "ETH") == ()


RATES = st.decimals("0.90", "1.10", places=5)
VOICES = st.lists(st.tuples(st.sampled_from(KINDS), RATES, st.floats(0, 200, allow_nan=False)), min_size=1, max_size=6)


def built(rows: Sequence[tuple[str, Decimal, float]]) -> list[PriceQuote]:
    return [voice(f"s{n}", value, age_s=age, protocol=kind) for n, (kind, value, age) in enumerate(rows)]


@given(VOICES, st.randoms(use_true_random=False))
def test_the_order_of_sources_is_nothing(rows: list[tuple[str, Decimal, float]], chance: Random) -> None:
    voices = built(rows)
    shuffled = list(voices)
    chance.shuffle(shuffled)
    assert weighed(voices, NOW) == weighed(shuffled, NOW)


@given(VOICES)
def test_a_rate_is_of_those_that_count_and_never_of_the_stale(rows: list[tuple[str, Decimal, float]]) -> None:
    found = marked(*built(rows))
    fresh = {f"s{n}": value for n, (kind, value, age) in enumerate(rows) if age <= AGE_MAX[kind].total_seconds()}
    assert found.value.is_finite()
    assert found.value > 0
    if not fresh:
        assert "old" in found.suspect
        return
    assert found.value in fresh.values()
    assert set(found.source.split("+")) <= fresh.keys()
    told = found.proof + found.caveat
    assert all(f"{source} {fresh[source]:.6f}" in told or "alone" in told for source in found.source.split("+"))


@given(st.lists(st.tuples(st.sampled_from(KINDS), RATES), min_size=3, max_size=6), RATES, st.data())
def test_no_single_source_moves_the_rate_past_the_others(
    rows: list[tuple[str, Decimal]], value: Decimal, data: st.DataObject
) -> None:
    voices = built([(kind, said, 1.0) for kind, said in rows])
    place = data.draw(st.integers(0, len(voices) - 1))
    voices[place] = replace(voices[place], value=value)
    others = [one.value for n, one in enumerate(voices) if n != place]
    found = marked(*voices)
    if found.suspect:
        return
    assert min(others) * (1 - BAND_MAX) <= found.value <= max(others) * (1 + BAND_MAX)
    if max(one.value for one in voices) <= min(one.value for one in voices) * (1 + BAND / 2):
        assert min(others) <= found.value <= max(others)


@pytest.mark.parametrize("order", list(permutations(("0.9990", "0.9985", "0.9992"))))
def test_the_lowest_and_the_highest_of_three_never_lead(order: tuple[str, str, str]) -> None:
    kinds = (POOL, BOOK, "pyth")
    voices = [voice(kind, value, age_s=0.5 if kind == POOL else 1) for kind, value in zip(kinds, order, strict=True)]
    assert marked(*voices).value == D("0.9990")


@given(st.sampled_from(["NaN", "Infinity", "0", "-1"]))
def test_what_is_no_rate_counts_for_nothing(value: str) -> None:
    assert marked(voice(POOL, value), voice("pyth", "0.999")).source == "pyth"
    assert weighed([voice(POOL, value)], NOW) is None


def test_a_spread_at_its_bound_still_counts() -> None:
    bid, ask = D(1) - SPREAD_MAX / 2, D(1) + SPREAD_MAX / 2
    assert rate(*book(DIRECT, str(bid), str(ask))).suspect == ""
