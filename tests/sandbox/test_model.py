"""The seeded market model."""

import math
from collections.abc import Callable, Iterator
from itertools import count
from random import Random

import pytest

from sandbox.__main__ import arguments
from sandbox.book import Book
from sandbox.instruments import Spec, instruments
from sandbox.market import Market, Prices
from sandbox.model import START_PRICE_USD, STEP_MS, STEPS_PER_SECOND, IndexWalk, Maker


class Counted:
    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def take(self) -> int:
        return next(self._numbers)


def lived(
    spec: Spec, seed: int, seconds: int, check: Callable[[Market], None] | None = None, volatility: float = 1
) -> Market:
    """Let one market live through some seconds."""
    price = START_PRICE_USD[spec.coin]
    market = Market(
        spec,
        Book(1000),
        Prices(index=price, basis=0.0, premium=0.0),
        trade_ids=Counted(),
        aggregate_ids=Counted(),
        funding_ms=28_800_000,
    )
    walk = IndexWalk(spec.coin, price, Random(seed), volatility)
    maker = Maker(market, Random(seed + 1), volatility)
    maker.open()
    market.book.watch(100)
    for _ in range(seconds * STEPS_PER_SECOND):
        market.now_ms += STEP_MS
        walk.step()
        market.prices.index = walk.price
        maker.step()
        if check is not None:
            check(market)
    return market


@pytest.mark.parametrize("spec", instruments(), ids=lambda spec: spec.symbol)
def test_one_seed_gives_one_market(spec: Spec) -> None:
    first, second = lived(spec, 7, 5), lived(spec, 7, 5)
    assert list(first.trades) == list(second.trades)
    assert (first.book.bids.sizes, first.book.asks.sizes) == (second.book.bids.sizes, second.book.asks.sizes)
    assert list(lived(spec, 8, 5).trades) != list(first.trades)


@pytest.mark.parametrize("spec", instruments(), ids=lambda spec: spec.symbol)
def test_a_book_is_deep_and_never_crossed(spec: Spec) -> None:
    def check(market: Market) -> None:
        assert not market.book.crossed()
        assert min(len(market.book.bids), len(market.book.asks)) >= 200
        assert all(steps > 0 for _, steps in market.book.bids.top(5) + market.book.asks.top(5))

    lived(spec, 3, 20, check)


def test_a_jump_of_the_index_is_followed_without_crossing() -> None:
    spec = instruments()[0]
    market = lived(spec, 3, 1)
    maker = Maker(market, Random(1))
    for move in (0.9, 1.2):
        market.prices.index *= move
        for _ in range(STEPS_PER_SECOND):
            maker.step()
            assert not market.book.crossed()
        assert abs(market.mid / (market.prices.index * (1 + market.prices.basis)) - 1) < 0.001
        assert min(len(market.book.bids), len(market.book.asks)) >= 200


def test_without_volatility_prices_stay_where_they_are() -> None:
    for spec in instruments():
        market = lived(spec, 5, 20, volatility=0)
        assert market.prices.index == START_PRICE_USD[spec.coin]
        assert market.prices.basis == 0
        assert market.trades


def test_volatility_scales_every_move_of_the_index() -> None:
    def moved(volatility: float) -> float:
        walk = IndexWalk("ETH", 1.0, Random(5), volatility)
        for _ in range(200_000):
            walk.step()
        return math.log(walk.price)

    assert moved(2) == pytest.approx(2 * moved(1))


def test_volatility_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["run", "--folder", "anywhere"]
    assert arguments().parse_args(command).volatility == 1
    monkeypatch.setenv("SANDBOX_VOLATILITY", "0.5")
    assert arguments().parse_args(command).volatility == 0.5
    assert arguments().parse_args([*command, "--volatility", "0"]).volatility == 0


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "calm"])
def test_a_volatility_that_is_none_is_refused_in_a_sentence(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit):
        arguments().parse_args(["run", "--folder", "anywhere", f"--volatility={text}"])
    assert f"expected a number of 0 or more, 1 is as modeled, found {text}" in capsys.readouterr().err


def test_trades_come_at_about_the_rate_of_the_instrument() -> None:
    spec = instruments()[0]
    market = lived(spec, 5, 20)
    assert 0.7 * spec.trades_per_second < len(market.trades) / 20 < 1.8 * spec.trades_per_second


def test_funding_is_the_premium_held_to_the_interest_within_the_clamp() -> None:
    market = lived(instruments()[0], 5, 1)
    for premium, rate in ((0.0, 0.0001), (0.0004, 0.0001), (0.002, 0.0015), (-0.002, -0.0015), (0.5, 0.0075)):
        market.prices.premium_sum, market.prices.premium_count = premium * 10, 10
        assert market.funding_rate == pytest.approx(rate)
