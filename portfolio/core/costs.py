"""Costs: what an order would pay if the book as it stands filled it.  Depth x order -> Cost

Levels are float64, as on the board: a cost is an estimate for whoever decides, never a fact. The average price is
arithmetic for linear contracts and harmonic for inverse ones, as the position's entry price will be.
"""

from collections.abc import Iterator
from decimal import Decimal
from math import fsum
from typing import Final

from hedgeapp.core.events.trading import Side
from hedgeapp.core.instruments import Instrument
from hedgeapp.core.records import record
from marketdata.core.board import Depth

BP: Final = 10_000.0


@record
class Cost:
    """What the levels of a depth would do with an order now.

    `filled` and `unfilled` are in contracts and sum to the order's quantity; `unfilled` is what no level shown takes at
    the limit price or better. `is_beyond` tells that the levels shown end before the limit price does, so that the book
    may take more of it. Prices are in the quote; `slippage_bp` is how much worse than the mid the average is (negative:
    better); `worth` and `fee` (positive: paid) are of the filled part, in the settlement asset. A number is None when
    nothing is filled, `fee` also when its rate is not known.
    """

    filled: float
    unfilled: float
    is_beyond: bool
    mid: float | None
    average_price: float | None
    worst_price: float | None
    slippage_bp: float | None
    worth: float | None
    fee: float | None


def mid_of(depth: Depth) -> float | None:
    """Return the price in the middle of the touch; None when a side is empty."""
    return (depth.bids[0][0] + depth.asks[0][0]) / 2 if depth.bids and depth.asks else None


def taken(depth: Depth, side: Side, quantity: float, limit_price: float) -> Iterator[tuple[float, float]]:
    """Yield price and contracts of what an order takes from each level, from the best outward."""
    left = quantity
    for price, there in depth.asks if side == "buy" else depth.bids:
        if left <= 0 or not _is_within(side, price, limit_price):
            return
        yield price, min(left, there)
        left -= min(left, there)


def cost(
    depth: Depth, instrument: Instrument, side: Side, quantity: Decimal, limit_price: Decimal, fee_rate: Decimal | None
) -> Cost:
    """Return what an order of `quantity` contracts (> 0) that takes from the book pays at a limit price or better.

    `fee_rate` is a share of what is filled, None when it is not known.
    """
    wanted, limit = float(quantity), float(limit_price)
    parts = list(taken(depth, side, wanted, limit))
    filled = min(wanted, fsum(size for _, size in parts))
    levels = depth.asks if side == "buy" else depth.bids
    is_beyond = filled < wanted and bool(levels) and _is_within(side, levels[-1][0], limit)
    mid = mid_of(depth)
    if not parts:
        return Cost(
            filled=0.0,
            unfilled=wanted,
            is_beyond=is_beyond,
            mid=mid,
            average_price=None,
            worst_price=None,
            slippage_bp=None,
            worth=None,
            fee=None,
        )
    average, worth = _average(parts, instrument), _worth(parts, instrument)
    away = 1 if side == "buy" else -1
    return Cost(
        filled=filled,
        unfilled=wanted - filled,
        is_beyond=is_beyond,
        mid=mid,
        average_price=average,
        worst_price=parts[-1][0],
        slippage_bp=None if mid is None else away * (average / mid - 1) * BP,
        worth=worth,
        fee=None if fee_rate is None else worth * float(fee_rate),
    )


def _is_within(side: Side, price: float, limit_price: float) -> bool:
    return price <= limit_price if side == "buy" else price >= limit_price


def _average(parts: list[tuple[float, float]], instrument: Instrument) -> float:
    filled = fsum(size for _, size in parts)
    if instrument.kind == "linear":
        return fsum(price * size for price, size in parts) / filled
    return filled / fsum(size / price for price, size in parts)


def _worth(parts: list[tuple[float, float]], instrument: Instrument) -> float:
    each = fsum(size * price if instrument.kind == "linear" else size / price for price, size in parts)
    return each * float(instrument.contract_size)
