"""Outcome: what the book is worth, owes and needs at every step.  Engine x Shocks x Conditions -> Outcome

Where a venue has failed, its positions count as closed and what it owes us is lost: what lies there and is not a
custodian's, and profit that was not settled. What we owe it stays owed. Nothing is netted across accounts.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import USD
from portfolio.core.scenarios.engine import Engine, Equity
from portfolio.core.scenarios.margins import Amounts, Margin, margins_of
from portfolio.core.scenarios.required import required
from portfolio.core.scenarios.shocks import CALM, Conditions, Floats, Shocks

PAYMENTS_A_DAY: Final = 3  # funding rates are those of 8 hours
YEAR_DAYS: Final = 365.0


@record
class Outcome:
    """Every array is as long as there are steps; amounts are in units of their asset, `..._usd` in USD.

    `staked` and `cash` are what is held, by asset, and do not move with a price; `unrealized` and `net` (cash +
    unrealized, of all accounts) are by settlement asset; `borrow` is by account and asset, never netted; `delta` is by
    currency. `total_usd` leaves `carry` out, whose lines say what holding it for some days bears and costs in USD.
    """

    shocks: Shocks
    prices: dict[str, Floats]
    staked: dict[str, float]
    staked_usd: Floats
    cash: dict[str, float]
    unrealized: dict[str, Floats]
    net: dict[str, Floats]
    unrealized_usd: Floats
    borrow: dict[Equity, Floats]
    margins: tuple[Margin, ...]
    delta: dict[str, Floats]
    reported_delta: dict[str, Floats]
    lost_usd: Floats
    frozen_usd: Floats
    total_usd: Floats
    carry: dict[str, Floats]

    def share(self, asset: str) -> Floats:
        """Return the share of the whole that a settlement asset's cash and unrealized profit have."""
        return _share(self.net[asset] * self.prices[asset], self.total_usd)

    @property
    def staked_share(self) -> Floats:
        """The share of the whole that is staked; above 1 while an unrealized loss is owed."""
        return _share(self.staked_usd, self.total_usd)

    def borrowed(self, asset: str) -> Floats:
        """Return what all accounts together must borrow of an asset."""
        needs = [need for (_, name), need in self.borrow.items() if name == asset]
        return np.sum(needs, axis=0) if needs else np.zeros(self.shocks.steps)


@record
class _Swept:
    """What all parts of an outcome are made of; rows are the engine's equities, which stand at venues that run."""

    engine: Engine
    multiples: Floats  # markets x steps
    gains: Floats  # rows x steps
    equity: Floats  # own and gains
    stands: NDArray[np.bool_]  # rows whose venue has not failed
    of_asset: Floats  # the engine's assets x rows: 1 where a row that stands is of an asset
    prices: dict[str, Floats]


def outcome(engine: Engine, shocks: Shocks, conditions: Conditions = CALM) -> Outcome:
    """Sweep a book over the steps."""
    swept = _swept(engine, shocks, conditions)
    prices, steps, book = swept.prices, shocks.steps, engine.book
    down = np.flatnonzero(~swept.stands)
    failed = {engine.equities[row][0] for row in down}
    staked = {asset: 0.0 for asset in prices if asset in book.rates}
    settling = {asset for asset in engine.assets if asset not in book.rates}
    cash = dict.fromkeys(sorted(settling | {one.asset for one in book.holdings if one.asset not in book.rates}), 0.0)
    for one in book.holdings:
        if one.holder not in failed:
            into = staked if one.asset in staked else cash
            into[one.asset] += one.own
    kept = np.minimum(0.0, swept.equity[down])
    lost = np.zeros(steps)
    for row in down:
        lost = lost + np.maximum(0.0, swept.equity[row]) * prices[engine.equities[row][1]]
    unrealized = {asset: swept.gains[_rows(engine, asset, swept.stands)].sum(axis=0) for asset in cash}
    net = {asset: unrealized[asset] + amount for asset, amount in cash.items()}
    for row, owed in zip(down, kept, strict=True):
        if engine.equities[row][1] in net:
            net[engine.equities[row][1]] = net[engine.equities[row][1]] + owed
    staked_usd = sum((amount * prices[asset] for asset, amount in staked.items()), np.zeros(steps))
    total = staked_usd + sum((amount * prices[asset] for asset, amount in net.items()), np.zeros(steps))
    shown = swept.equity + engine.mirrored[:, None]
    needs = np.maximum(0.0, -shown)
    standing = zip(engine.equities, needs, swept.stands, strict=True)
    borrow = {key: need for key, need, stands in standing if stands and key[1] in cash}
    owed = [needs[_rows(engine, asset, swept.stands)].sum(axis=0) * prices[asset] for asset in cash]
    delta, reported = _deltas(swept, kept, {**staked, **cash})
    return Outcome(
        shocks=shocks,
        prices=prices,
        staked=staked,
        staked_usd=staked_usd,
        cash=cash,
        unrealized=unrealized,
        net=net,
        unrealized_usd=sum((gain * prices[asset] for asset, gain in unrealized.items()), np.zeros(steps)),
        borrow=borrow,
        margins=_margins(swept, shown, shocks, failed),
        delta=delta,
        reported_delta=reported,
        lost_usd=lost,
        frozen_usd=_frozen(swept, conditions, steps),
        total_usd=total,
        carry=_carry(swept, conditions, staked_usd, sum(owed, np.zeros(steps)), total),
    )


def _swept(engine: Engine, shocks: Shocks, conditions: Conditions) -> _Swept:
    multiples = engine.multiples(shocks)
    gains = (engine.worth * engine.sign) @ multiples - (engine.entry @ engine.sign)[:, None]
    assets = {one.asset for one in engine.book.holdings} | {*engine.assets}
    stands = np.array([venue not in conditions.failed for venue in engine.venues], dtype=bool)
    return _Swept(
        engine=engine,
        multiples=multiples,
        gains=gains,
        equity=gains + engine.own[:, None],
        stands=stands,
        of_asset=engine.of_asset * stands,
        prices={asset: engine.unit_usd(asset, shocks) for asset in sorted(assets | engine.book.prices.keys())},
    )


def _rows(engine: Engine, asset: str, stands: NDArray[np.bool_]) -> list[int]:
    return [row for row in engine.rows_of(asset) if stands[row]]


def _share(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole != 0.0, part / whole, np.nan)


def _deltas(swept: _Swept, kept: Floats, own: dict[str, float]) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return net delta by currency, and of it what exchanges report for the positions alone."""
    engine, stands = swept.engine, swept.stands
    steps = swept.multiples.shape[1]
    held: dict[str, float] = {}  # what no step changes is summed before it is spread over them
    for asset, units in own.items():
        currency = engine.book.currency(asset)
        held[currency] = held.get(currency, 0.0) + units * engine.hedged(asset)
    net = {
        currency: np.full(steps, held.get(currency, 0.0))
        for currency in {**engine.book.prices, **held}
        if currency != USD
    }
    reported: dict[str, Floats] = {}

    def add(to: dict[str, Floats], asset: str, amount: float | Floats) -> None:
        currency = engine.book.currency(asset)
        if currency != USD:
            to[currency] = to[currency] + amount if currency in to else np.zeros(steps) + amount

    for row, amount in zip(np.flatnonzero(~stands), kept, strict=True):
        add(net, engine.equities[row][1], amount)
    worths, sizes = engine.worth[stands].sum(axis=0), engine.size[stands].sum(axis=0)
    for column, (base, _, kind) in enumerate(engine.markets):
        position = np.full(steps, sizes[column]) if kind == "linear" else worths[column] * swept.multiples[column]
        add(net, base, position)
        add(reported, base, position)
    # What linear contracts were sold for is stablecoin; of inverse ones the profit is coin.
    sold = swept.of_asset @ engine.entry @ engine.sign
    won = (swept.of_asset @ engine.worth * (engine.sign < 0)) @ swept.multiples
    for asset, paid, earned in zip(engine.assets, sold, won, strict=True):
        add(net, asset, -paid - earned)
    return net, reported


def _margins(swept: _Swept, shown: Floats, shocks: Shocks, failed: set[str]) -> tuple[Margin, ...]:
    engine = swept.engine
    kept, first = np.zeros(shown.shape), np.zeros(shown.shape)
    for brackets, multiples in zip(engine.brackets, swept.multiples, strict=True):
        maintenance, initial = required(brackets, multiples)
        kept[brackets.rows] += maintenance
        first[brackets.rows] += initial
    found = margins_of(engine, Amounts(shown=shown, kept=kept, first=first), swept.prices, shocks.haircut)
    return tuple(one for one in found if one.account not in failed)


def _frozen(swept: _Swept, conditions: Conditions, steps: int) -> Floats:
    """Return what frozen custodians hold, in USD: it is worth what it is, and cannot move."""
    held = [one for one in swept.engine.book.holdings if not one.venue and one.holder in conditions.frozen]
    return sum((one.own * swept.prices[one.asset] for one in held), np.zeros(steps))


def _carry(
    swept: _Swept, conditions: Conditions, staked_usd: Floats, owed_usd: Floats, total: Floats
) -> dict[str, Floats]:
    """Return what holding it for the days bears (+) and costs (−), in USD; positive funding rates pay shorts."""
    engine, steps = swept.engine, len(total)
    days = float(len(conditions.funding)) or conditions.days
    rates = engine.worth * sum(conditions.funding) if conditions.funding else engine.funding * days
    paid = zip(engine.assets, swept.of_asset @ rates @ swept.multiples, strict=True)
    funding = sum((each * swept.prices[asset] for asset, each in paid), np.zeros(steps))
    year = days / YEAR_DAYS
    return {
        "staking": staked_usd * conditions.staking_rate * year,
        "lost_staking": -np.maximum(0.0, total - staked_usd) * conditions.staking_rate * year,
        "funding": -PAYMENTS_A_DAY * funding,
        "borrow": -owed_usd * conditions.borrow_rate * year,
    }
