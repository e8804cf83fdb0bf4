"""Typed-in books: the portfolio of a scenario table from four numbers.  value, price, shares -> ScenarioBook"""

import math
from typing import Final

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import USD, Bracket, Holding, Rate, ScenarioBook, ScenarioPosition

LINEAR: Final = "linear:typed"
INVERSE: Final = "inverse:typed"
CUSTODIAN: Final = "custodian"
STAKED: Final = "stETH"
COIN: Final = "ETH"
CASH: Final = "USDT"


class TypedIsRefused(ValueError):
    """A typed-in portfolio has a number that none has."""


@record
class Typed:
    """A portfolio that is worth `value` USD and flat at `price` USD a coin.

    `settlement_share` of it is held as cash, of which `coin_share` in the coin and the rest in the stablecoin; the
    rest is staked, and `inverse_share` of the staked part is hedged with inverse contracts. A staked unit counts as
    `collateral_ratio` of its value in the account that it margins; maintenance margin is one flat rate.
    """

    value: float = 1_000_000.0
    price: float = 2_000.0
    settlement_share: float = 0.0
    coin_share: float = 0.0
    inverse_share: float = 0.0
    collateral_ratio: float = 0.9
    maintenance_rate: float = 0.01
    funding_rate: float = 0.0001


def typed_book(given: Typed) -> ScenarioBook:
    """Return the book of a typed-in portfolio, hedged to zero delta; refuse in a sentence what none can be.

    Linear short: (1 − w)(1 − s)·V/P0 coins; inverse short: (w(1 − s) + s_coin)·V USD, for the cash in coin is hedged,
    too, and the stablecoin has no delta.
    """
    _check(given)
    staked = (1.0 - given.settlement_share) * given.value
    in_coin = given.settlement_share * given.coin_share * given.value
    in_cash = given.settlement_share * given.value - in_coin
    by_inverse, by_linear = given.inverse_share * staked, (1.0 - given.inverse_share) * staked
    collateral = ((math.inf, given.collateral_ratio),)
    holdings = [
        Holding(holder=CUSTODIAN, venue="", asset=STAKED, own=staked / given.price),
        Holding(holder=LINEAR, venue="linear", asset=CASH, own=in_cash),
        Holding(holder=INVERSE, venue="inverse", asset=COIN, own=in_coin / given.price),
        Holding(
            holder=LINEAR,
            venue="linear",
            asset=STAKED,
            own=0.0,
            mirrored=by_linear / given.price,
            collateral=collateral,
        ),
        Holding(
            holder=INVERSE,
            venue="inverse",
            asset=STAKED,
            own=0.0,
            mirrored=by_inverse / given.price,
            collateral=collateral,
        ),
    ]
    return ScenarioBook(
        prices={COIN: given.price, CASH: 1.0, USD: 1.0},
        positions=(_short(given, LINEAR, by_linear), _short(given, INVERSE, by_inverse + in_coin)),
        holdings=tuple(holdings),
        rates={STAKED: Rate(currency=COIN)},
        unified=frozenset({LINEAR, INVERSE}),
        stablecoins=frozenset({CASH}),
        supply=given.value,
    )


def _short(given: Typed, account: str, value: float) -> ScenarioPosition:
    is_linear = account == LINEAR
    coins = value / given.price
    return ScenarioPosition(
        account=account,
        venue=account.partition(":")[0],
        instrument=f"{account.partition(':')[0]}:{COIN}-{CASH if is_linear else USD}-PERP",
        kind="linear" if is_linear else "inverse",
        base=COIN,
        quote=CASH if is_linear else USD,
        settlement=CASH if is_linear else COIN,
        size=-coins if is_linear else -value,
        entry_value=-value if is_linear else -coins,
        mark=given.price,
        brackets=(Bracket(cap=math.inf, rate=given.maintenance_rate, initial_rate=given.maintenance_rate * 2),),
        funding_rate=given.funding_rate,
    )


def _check(given: Typed) -> None:
    for name in ("value", "price"):
        number = getattr(given, name)
        if not (0.0 < number <= 1e15):
            raise TypedIsRefused(f"{name} expected above 0 and at most 1e15 USD, found {number:g}")
    for name in ("settlement_share", "coin_share", "inverse_share", "collateral_ratio", "maintenance_rate"):
        number = getattr(given, name)
        if not (0.0 <= number <= 1.0):
            raise TypedIsRefused(f"{name.replace('_', ' ')} expected from 0 to 1, found {number:g}")
    if not abs(given.funding_rate) <= 1.0:
        raise TypedIsRefused(f"funding rate expected within −1 and 1 for 8 hours, found {given.funding_rate:g}")
