"""Unwind table: a run hour by hour as columns, the same for a page, a command and a file.  Unwind -> Columns"""

import math
from collections.abc import Callable, Iterator
from itertools import accumulate

import numpy as np

from portfolio.core.scenarios.book import USD
from portfolio.core.scenarios.table import Column
from portfolio.core.scenarios.unwind_closing import Closed
from portfolio.core.scenarios.unwind_outcome import Hour, Unwind


def unwind_columns(found: Unwind) -> tuple[Column, ...]:
    """Return all columns of a run: by instrument in coin, all else in USD where no other unit is said."""
    hours = found.hours

    def column(name: str, title: str, unit: str, value: Callable[[Hour], float], group: str = "run") -> Column:
        values = np.array([value(hour) for hour in hours], dtype=np.float64)
        return Column(name=name, title=title, unit=unit, group=group, values=values)

    def summed(name: str, title: str, value: Callable[[Hour], float]) -> Column:
        values = np.array(list(accumulate(value(hour) for hour in hours)), dtype=np.float64)
        return Column(name=name, title=title, unit=USD, group="run", values=values)

    by_instrument = [
        column(
            f"closed_{line.instrument}",
            f"closed {line.instrument}",
            line.currency,
            lambda hour, name=line.instrument: hour.closed.get(name, Closed()).coin,  # type: ignore[misc]
            "instrument",
        )
        for line in found.lines
    ]
    currencies = sorted({line.currency for line in found.lines})
    by_currency = [
        column(f"net_delta_{name}", "net delta", name, lambda hour, name=name: hour.delta[name])  # type: ignore[misc]
        for name in currencies
    ]
    return (
        column("hour", "end of", "hour", lambda hour: float(hour.number)),
        column("redeemed_usd", "redeemed", USD, lambda hour: hour.redeemed_usd),
        summed("redeemed_total_usd", "redeemed so far", lambda hour: hour.redeemed_usd),
        column("waiting_usd", "waiting", USD, lambda hour: hour.waiting_usd),
        column("arrived_usd", "came to the contract", USD, lambda hour: hour.arrived_usd),
        column("settled_usd", "profit settled", USD, lambda hour: hour.settled_usd),
        column("hot_usd", "hot balance", USD, lambda hour: hour.hot_usd),
        column("headroom_usd", "least headroom", USD, lambda hour: hour.headroom_usd),
        column("margin_ratio_pct", "worst margin ratio", "%", lambda hour: hour.ratio * 100),
        column("kept_back_usd", "held back", USD, lambda hour: hour.kept_usd),
        *by_currency,
        column("hedge_left_usd", "hedge left", USD, lambda hour: hour.left_usd),
        column("slippage_usd", "slippage", USD, lambda hour: hour.total.slippage_usd),
        column("slippage_bp", "slippage", "bp", lambda hour: _or_nan(hour.total.slippage_bp)),
        summed("slippage_total_usd", "slippage so far", lambda hour: hour.total.slippage_usd),
        column("fees_usd", "fees", USD, lambda hour: hour.total.fees_usd),
        *_headrooms(found),
        *by_instrument,
    )


def _headrooms(found: Unwind) -> Iterator[Column]:
    for name in sorted(found.rooms):
        values = np.array([hour.rooms[name].headroom_usd for hour in found.hours], dtype=np.float64)
        file_name = f"headroom_{name.replace(' ', '_')}"
        yield Column(name=file_name, title=f"headroom {name}", unit=USD, group="margin", values=values)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
