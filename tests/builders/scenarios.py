"""Scenario tables as the facts print them, and books that a property may draw."""

import math
from typing import Final

from portfolio.core.scenarios.book import Bracket, Holding, Rate, ScenarioBook, ScenarioPosition
from portfolio.core.scenarios.typed import Typed

# Price change in %, price, staked USD, then linear: unrealized USDT, net USDT, borrow USDT; inverse: unrealized ETH,
# net ETH, borrow ETH, unrealized USD; shares staked and settlement in %; the delta that an exchange reports in ETH.
WITHOUT_CASH: Final = """
-90 200 100000 900000 900000 0 4500 4500 0 900000 10 90 -5000
-75 500 250000 750000 750000 0 1500 1500 0 750000 25 75 -2000
-50 1000 500000 500000 500000 0 500 500 0 500000 50 50 -1000
-25 1500 750000 250000 250000 0 166.666667 166.666667 0 250000 75 25 -666.666667
-20 1600 800000 200000 200000 0 125 125 0 200000 80 20 -625
-10 1800 900000 100000 100000 0 55.555556 55.555556 0 100000 90 10 -555.555556
-5 1900 950000 50000 50000 0 26.315789 26.315789 0 50000 95 5 -526.315789
0 2000 1000000 0 0 0 0 0 0 0 100 0 -500
5 2100 1050000 -50000 -50000 50000 -23.809524 -23.809524 23.809524 -50000 105 -5 -476.190476
10 2200 1100000 -100000 -100000 100000 -45.454545 -45.454545 45.454545 -100000 110 -10 -454.545455
20 2400 1200000 -200000 -200000 200000 -83.333333 -83.333333 83.333333 -200000 120 -20 -416.666667
25 2500 1250000 -250000 -250000 250000 -100 -100 100 -250000 125 -25 -400
50 3000 1500000 -500000 -500000 500000 -166.666667 -166.666667 166.666667 -500000 150 -50 -333.333333
75 3500 1750000 -750000 -750000 750000 -214.285714 -214.285714 214.285714 -750000 175 -75 -285.714286
100 4000 2000000 -1000000 -1000000 1000000 -250 -250 250 -1000000 200 -100 -250
"""
WITH_CASH: Final = """
-90 200 80000 720000 920000 0 4500 4600 0 900000 8 92 -5000
-75 500 200000 600000 800000 0 1500 1600 0 750000 20 80 -2000
-50 1000 400000 400000 600000 0 500 600 0 500000 40 60 -1000
-25 1500 600000 200000 400000 0 166.666667 266.666667 0 250000 60 40 -666.666667
-20 1600 640000 160000 360000 0 125 225 0 200000 64 36 -625
-10 1800 720000 80000 280000 0 55.555556 155.555556 0 100000 72 28 -555.555556
-5 1900 760000 40000 240000 0 26.315789 126.315789 0 50000 76 24 -526.315789
0 2000 800000 0 200000 0 0 100 0 0 80 20 -500
5 2100 840000 -40000 160000 0 -23.809524 76.190476 0 -50000 84 16 -476.190476
10 2200 880000 -80000 120000 0 -45.454545 54.545455 0 -100000 88 12 -454.545455
20 2400 960000 -160000 40000 0 -83.333333 16.666667 0 -200000 96 4 -416.666667
25 2500 1000000 -200000 0 0 -100 0 0 -250000 100 0 -400
50 3000 1200000 -400000 -200000 200000 -166.666667 -66.666667 66.666667 -500000 120 -20 -333.333333
75 3500 1400000 -600000 -400000 400000 -214.285714 -114.285714 114.285714 -750000 140 -40 -285.714286
100 4000 1600000 -800000 -600000 600000 -250 -150 150 -1000000 160 -60 -250
"""


def rows(text: str) -> list[tuple[float, ...]]:
    """Read a table."""
    return [tuple(map(float, line.split())) for line in text.strip().splitlines()]


def margined(kind: str, settlement_share: float) -> Typed:
    """Return the portfolio of one of the two tables."""
    inverse = 1.0 if kind == "inverse" else 0.0
    return Typed(settlement_share=settlement_share, coin_share=inverse, inverse_share=inverse)


def hedge(
    kind: str, *, h: float, m: float, brackets: tuple[Bracket, ...] = (), size: float = 500.0, r: float = 1.0
) -> ScenarioBook:
    """Return a hedge of staked units at 2,000 with no cash: haircut factor h, one flat tier m or the brackets given."""
    is_linear = kind == "linear"
    entry = -size * 2_000.0
    short = ScenarioPosition(
        account="v:one",
        venue="v",
        instrument="v:X",
        kind="linear" if is_linear else "inverse",
        base="ETH",
        quote="USDT" if is_linear else "USD",
        settlement="USDT" if is_linear else "ETH",
        size=-size if is_linear else entry,
        entry_value=entry if is_linear else -size,
        mark=2_000.0,
        brackets=brackets or (Bracket(cap=math.inf, rate=m),),
    )
    return ScenarioBook(
        prices={"ETH": 2_000.0, "USDT": 1.0, "USD": 1.0},
        positions=(short,),
        holdings=(
            Holding(holder="custodian", venue="", asset="stETH", own=size),
            Holding(holder="v:one", venue="v", asset="stETH", own=0.0, mirrored=size, collateral=((math.inf, h),)),
        ),
        rates={"stETH": Rate(currency="ETH", protocol=1.0, market=r)},
        unified=frozenset({"v:one"}),
        stablecoins=frozenset({"USDT"}),
    )
