"""Scenarios: a whole book over a price grid, against the bare numpy product of its positions and the moves.

The bare product is worth x multiple of every position at every step and its sum, with nothing else computed. Ours is
the whole outcome: unrealized profit, shares, borrow, initial and maintenance margin by tiers, delta, carry.
"""

import math
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from bench.report import Row
from hedgeapp.core.instruments import ContractKind
from portfolio.core.scenarios.book import Bracket, Holding, Rate, ScenarioBook, ScenarioPosition
from portfolio.core.scenarios.engine import Engine
from portfolio.core.scenarios.outcome import outcome
from portfolio.core.scenarios.shocks import Floats, led, shocks

STEPS: Final = 201
POSITIONS: Final = 1_000
CURVE: Final = (10, 100, 1_000, 10_000, 100_000)
ACCOUNTS_EACH: Final = 50  # positions in an account
COINS: Final = ("ETH", "BTC", "SOL")
MS_MAX: Final = 10.0
RATIO_MAX: Final = 3.0
SECONDS: Final = 1.5  # of each size of book, at least ROUNDS
ROUNDS: Final = 5

# Binance ETHUSDT of October 2024: up to a notional, maintenance rate, deduction.
BRACKETS: Final = tuple(
    Bracket(cap=cap, rate=rate, deduction=deduction, initial_rate=rate * 2)
    for cap, rate, deduction in (
        (5e4, 0.004, 0.0),
        (6e5, 0.005, 50.0),
        (3e6, 0.0065, 950.0),
        (1.2e7, 0.01, 11_450.0),
        (5e7, 0.02, 131_450.0),
        (6.5e7, 0.025, 381_450.0),
        (1.5e8, 0.05, 2_006_450.0),
        (3.2e8, 0.1, 9_506_450.0),
        (4e8, 0.125, 17_506_450.0),
        (math.inf, 0.15, 27_506_450.0),
    )
)


def measure() -> list[Row]:
    """Measure a book of 1,000 positions, and print what a book costs from 10 to 100,000."""
    moves = np.linspace(-0.99, 4.0, STEPS)
    print("positions   make ready ms   sweep ms   bare product ms")
    rows = []
    for count in CURVE:
        book = made(count)
        ready, sweep, bare = _best_ms(_works(book, moves))
        print(f"{count:>9,}   {ready:>13.3f}   {sweep:>8.3f}   {bare:>15.3f}")
        if count == POSITIONS:
            rows = _rows(ready, sweep, bare)
    return rows


def _rows(ready: float, sweep: float, bare: float) -> list[Row]:
    ratio = sweep / bare
    return [
        Row(
            name=f"scenario, {POSITIONS:,} x {STEPS}",
            value=sweep,
            unit="ms",
            compared_with="the bare numpy product",
            ratio=ratio,
            budget=f"≤ {RATIO_MAX:g} ×",
            is_met=ratio <= RATIO_MAX,
        ),
        Row(
            name="scenario, with the book made ready",
            value=ready + sweep,
            unit="ms",
            budget=f"≤ {MS_MAX:g} ms",
            is_met=ready + sweep <= MS_MAX,
        ),
        Row(name="bare numpy product", value=bare, unit="ms"),
    ]


def _works(book: ScenarioBook, moves: Floats) -> tuple[Callable[[], object], ...]:
    engine = Engine(book)
    steps = shocks(led(moves, dict.fromkeys(COINS, 1.0)))
    worths = np.array([one.worth for one in book.positions])
    entries = np.array([one.entry_value for one in book.positions])
    linear = np.array([one.kind == "linear" for one in book.positions])

    def bare() -> Floats:
        multiples = 1.0 + moves
        of_each = np.where(linear[:, None], multiples, 1.0 / multiples)
        gains: Floats = (worths[:, None] * of_each - entries[:, None]).sum(axis=0)
        return gains

    return lambda: Engine(book), lambda: outcome(engine, steps), bare


def made(count: int) -> ScenarioBook:
    """Return a book of so many positions of every size, on three coins, half of them inverse."""
    drawn = np.random.default_rng(6)
    sizes = np.exp(drawn.uniform(math.log(1e3), math.log(1e8), count))
    positions = tuple(_position(place, float(size)) for place, size in enumerate(sizes))
    accounts = sorted({(one.account, one.venue, one.settlement) for one in positions})
    cash = tuple(Holding(holder=account, venue=venue, asset=asset, own=1e5) for account, venue, asset in accounts)
    staked = Holding(holder="custodian", venue="", asset="stETH", own=float(sizes.sum()) / 2_000.0)
    return ScenarioBook(
        prices={"ETH": 2_000.0, "BTC": 60_000.0, "SOL": 150.0, "USDT": 1.0, "USD": 1.0},
        positions=positions,
        holdings=(staked, *cash),
        rates={"stETH": Rate(currency="ETH", protocol=1.0, market=0.999)},
        stablecoins=frozenset({"USDT"}),
    )


def _position(place: int, notional: float) -> ScenarioPosition:
    account, coin = place // ACCOUNTS_EACH, COINS[place % len(COINS)]
    mark = {"ETH": 2_000.0, "BTC": 60_000.0, "SOL": 150.0}[coin]
    kind: ContractKind = "linear" if place % 2 else "inverse"
    is_linear = kind == "linear"
    return ScenarioPosition(
        account=f"v{account % 7}:{account}",
        venue=f"v{account % 7}",
        instrument=f"v:{coin}-{place}",
        kind=kind,
        base=coin,
        quote="USDT" if is_linear else "USD",
        settlement="USDT" if is_linear else coin,
        size=-notional / mark if is_linear else -notional,
        entry_value=-notional if is_linear else -notional / mark,
        mark=mark,
        brackets=BRACKETS,
        funding_rate=0.0001,
    )


def _best_ms(works: tuple[Callable[[], object], ...]) -> list[float]:
    """Return how many milliseconds each work takes, in the best of rounds that they take by turns."""
    best, rounds, until = [math.inf] * len(works), 0, time.perf_counter() + SECONDS
    while rounds < ROUNDS or time.perf_counter() < until:
        for place, work in enumerate(works):
            began = time.perf_counter()
            work()
            best[place] = min(best[place], time.perf_counter() - began)
        rounds += 1
    return [one * 1e3 for one in best]
