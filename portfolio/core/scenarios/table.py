"""Table: a scenario as columns, the same for a page, a command and a file.  Run -> Columns"""

from collections.abc import Iterator

import numpy as np

from hedgeapp.core.records import record
from portfolio.core.scenarios.book import USD, ScenarioBook
from portfolio.core.scenarios.run import LEAD, Run, worst_ratio
from portfolio.core.scenarios.shocks import Floats


@record
class Column:
    """A column: `name` for a file, `title` and `unit` for people, `group` what it belongs to; % are from 0 to 100."""

    name: str
    title: str
    unit: str
    group: str
    values: Floats


def columns(book: ScenarioBook, run: Run) -> tuple[Column, ...]:
    """Return all columns of a scenario, held and swept."""
    return tuple(_columns(book, run))


def _columns(book: ScenarioBook, run: Run) -> Iterator[Column]:
    held, steps = run.held, run.held.shocks.steps

    def column(name: str, title: str, unit: str, group: str, values: Floats) -> Column:
        return Column(name=name, title=title, unit=unit, group=group, values=np.asarray(values, dtype=np.float64))

    yield column("price_change_pct", "price", "%", "price", run.moves * 100)
    if LEAD in held.prices:
        yield column("price_usd", LEAD, USD, "price", held.prices[LEAD])
    for asset, units in held.staked.items():
        yield column(f"staked_{asset}", "staked", asset, "staked", np.full(steps, units))
    yield column("staked_usd", "staked", USD, "staked", held.staked_usd)
    for asset in _settling(run):
        yield column(f"cash_{asset}", "cash", asset, asset, np.full(steps, held.cash[asset]))
        yield column(f"unrealized_{asset}", "unrealized", asset, asset, held.unrealized[asset])
        yield column(f"unrealized_{asset}_usd", "unrealized", USD, asset, held.unrealized[asset] * held.prices[asset])
        yield column(f"net_{asset}", "net", asset, asset, held.net[asset])
        yield column(f"borrow_{asset}", "borrow", asset, asset, held.borrowed(asset))
        yield column(f"share_{asset}_pct", "share", "%", asset, held.share(asset) * 100)
    yield column("staked_share_pct", "staked share", "%", "whole", held.staked_share * 100)
    yield column("total_usd", "total", USD, "whole", held.total_usd)
    for currency in sorted(book.prices.keys() - book.stablecoins - {USD}):
        yield column(f"net_delta_{currency}", "net delta", currency, "whole", held.delta[currency])
        if currency in held.reported_delta:
            reported = held.reported_delta[currency]
            yield column(f"reported_delta_{currency}", "delta by venues", currency, "whole", reported)
    yield column("margin_ratio_pct", "worst margin ratio", "%", "whole", worst_ratio(held) * 100)
    for one in held.margins:
        name = f"{one.account}_{one.asset or 'all'}".replace(":", "_")
        title = f"{one.account} {one.asset}".strip()
        yield column(f"margin_ratio_{name}_pct", f"margin ratio, {title}", "%", "margin", one.ratio * 100)
        unit = one.asset or USD
        yield column(f"headroom_{name}", f"headroom, {title}", unit, "margin", one.headroom)
    yield column("lost_usd", "lost", USD, "failure", held.lost_usd)
    yield column("frozen_usd", "cannot move", USD, "failure", held.frozen_usd)
    for name, values in held.carry.items():
        yield column(f"carry_{name}_usd", name.replace("_", " "), USD, "carry", values)
    yield from _swept(run)


def _swept(run: Run) -> Iterator[Column]:
    after = run.swept
    named = (
        ("swept_staked_usd", "staked", USD, after.staked_usd),
        ("swept_staked_share_pct", "staked share", "%", after.staked_share * 100),
        ("swept_stable_usd", "stablecoin", USD, after.stable_usd),
        ("swept_stable_share_pct", "stablecoin share", "%", after.stable_share * 100),
        ("swept_turnover_usd", "traded", USD, after.turnover_usd),
        ("swept_cost_usd", "cost", USD, after.cost_usd),
    )
    for name, title, unit, values in named:
        yield Column(name=name, title=title, unit=unit, group="swept", values=values)
    for currency, short in after.short.items():
        yield Column(name=f"swept_short_{currency}", title="short", unit=currency, group="swept", values=short)


def _settling(run: Run) -> list[str]:
    """Return the settlement assets that hold something at some step."""
    return [asset for asset, net in run.held.net.items() if run.held.cash[asset] or np.any(net)]
