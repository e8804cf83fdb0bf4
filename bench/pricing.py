"""Pricing: prices a second on one core, against a bare walk of the same levels in the same run.

A price walks twenty levels of two books, with fees, rates, spread and every component explained; the bare walk only
sums the same levels, once as a loop over floats and once in numpy.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np

from bench.report import Row
from marketdata.core.board import Depth
from portfolio.core.ladders import ladder
from portfolio.core.price_market import Market
from portfolio.core.pricing import price
from portfolio.core.valuation import Valuation
from tests.builders.books import common
from tests.builders.prices import PAID, both, offering

SIZES: Final = tuple(Decimal(size) for size in (1, 30, 100, 390))
ROUNDS: Final = 7
SECONDS: Final = 0.25  # of each round
RATE_MIN: Final = 300.0  # prices a second on two cores, of a firm quote; one of ours has nothing else to do


def measure() -> list[Row]:
    """Measure a price with its ladder ready, one that makes its ladder first, and the walks alone."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    depths = both(at=at)
    valuation = Valuation(offering(), common("3000"), at)
    market = Market(valuation, depths, PAID)
    levels = [np.array(one.bids) for one in depths.values()]
    ready = _rate(lambda size: price("stETH", "mint", size, market))
    alone = _rate(lambda size: price("stETH", "mint", size, Market(valuation, depths, PAID)))
    rungs = _rate(lambda _: ladder("ETH", "sell", valuation, depths, PAID))
    loop = _rate(lambda size: _walked(depths, float(size)))
    vector = _rate(lambda size: _summed(levels, float(size)))
    budget = f"≥ {RATE_MIN:.0f}/s"
    return [
        Row(name="prices, books ready", value=ready, unit="/s", compared_with="a bare loop", ratio=ready / loop),
        Row(
            name="prices, books merged each time",
            value=alone,
            unit="/s",
            compared_with="a bare loop",
            ratio=alone / loop,
            budget=budget,
            is_met=alone >= RATE_MIN,
        ),
        Row(name="books merged", value=rungs, unit="/s", compared_with="a bare walk in numpy", ratio=rungs / vector),
        Row(name="bare walk, loop", value=loop, unit="/s"),
        Row(name="bare walk, numpy", value=vector, unit="/s"),
    ]


def _rate(work: Callable[[Decimal], object]) -> float:
    """Return how often a second the work is done, in the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            for size in SIZES:
                work(size)
            done += len(SIZES)
        best = max(best, done / (time.perf_counter() - began))
    return best


def _walked(depths: dict[str, Depth], size: float) -> float:
    left, worth = size, 0.0
    for depth in depths.values():
        for at, there in depth.bids:
            part = min(left, there)
            worth, left = worth + part * at, left - part
            if left <= 0:
                return worth
    return worth


def _summed(levels: list[np.ndarray], size: float) -> float:
    together = np.concatenate(levels)
    together = together[np.argsort(-together[:, 0])]
    before = np.concatenate(([0.0], np.cumsum(together[:, 1])[:-1]))
    return float((np.clip(size - before, 0.0, together[:, 1]) * together[:, 0]).sum())
