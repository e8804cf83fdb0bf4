"""Liquidation: at which multiple of its prices a margin is used up.  constant, slope, Legs -> multiples

Margin in one settlement asset. With k = price / mark now, everything is piecewise linear in y = k for linear contracts
and in y = 1/k for inverse ones, so each segment between two tier bounds is solved exactly; quadratic where a venue's
margin grows with the size of the position itself. `docs/arithmetic.md`. What margins across assets: `unified.py`.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from hedgeapp.core.amounts import ONE, ZERO
from hedgeapp.core.instruments import Tier
from hedgeapp.core.records import record

TWO: Final = Decimal(2)


@record
class Leg:
    """A position as margin sees it: the unsigned value that it has at y = 1, and its venue's tiers."""

    value: Decimal
    tiers: Sequence[Tier]


def tier_at(tiers: Sequence[Tier], measure: Decimal) -> Tier:
    """Return the tier of an unsigned position value or size; its cap is inside, and the last tier has no end."""
    for tier in tiers:
        if measure <= tier.cap:
            return tier
    return tiers[-1]


def maintenance(tiers: Sequence[Tier], value: Decimal) -> Decimal:
    """Return the maintenance margin of an unsigned position value, in the settlement asset."""
    tier = tier_at(tiers, value)
    return value * (tier.maintenance_rate + tier.growth * value) - tier.deduction


def initial(tiers: Sequence[Tier], value: Decimal, leverage: Decimal | None = None) -> Decimal:
    """Return the initial margin of an unsigned position value at the account's leverage.

    The highest leverage of its tier counts where the account's is higher, or where nobody has told it.
    """
    tier = tier_at(tiers, value)
    most = tier.leverage_max if leverage is None else min(leverage, tier.leverage_max)
    return value / most + tier.growth * value**2


def margin_left(constant: Decimal, slope: Decimal, legs: Iterable[Leg], y: Decimal) -> Decimal:
    """Return margin balance − maintenance margin at y, where the margin balance is constant + slope x y."""
    return constant + slope * y - sum((maintenance(leg.tiers, leg.value * y) for leg in legs), ZERO)


def crossings(constant: Decimal, slope: Decimal, legs: Sequence[Leg]) -> tuple[Decimal | None, Decimal | None]:
    """Return the nearest y below and above 1 at which no margin is left; None where there is none.

    Maintenance rates rise with the tiers, so that what is left is concave in y: there is at most one of each.
    """
    bounds = {tier.cap / leg.value for leg in legs if leg.value for tier in leg.tiers[:-1]}
    below = sorted((bound for bound in bounds if ZERO < bound < ONE), reverse=True)
    above = sorted(bound for bound in bounds if bound > ONE)
    return (
        _first_crossing(constant, slope, legs, [ONE, *below, ZERO]),
        _first_crossing(constant, slope, legs, [ONE, *above, None]),
    )


def _first_crossing(
    constant: Decimal, slope: Decimal, legs: Sequence[Leg], bounds: Sequence[Decimal | None]
) -> Decimal | None:
    for near, far in pairwise(bounds):
        assert near is not None  # only the last bound is open
        inside = near * TWO if far is None else (near + far) / TWO
        tiers = [tier_at(leg.tiers, leg.value * inside) for leg in legs]
        height = constant + sum((tier.deduction for tier in tiers), ZERO)
        rise = slope - sum((leg.value * tier.maintenance_rate for leg, tier in zip(legs, tiers, strict=True)), ZERO)
        bend = sum((leg.value**2 * tier.growth for leg, tier in zip(legs, tiers, strict=True)), ZERO)
        if near and height + (rise - bend * near) * near <= ZERO:
            return near  # the margin jumps at this bound: the venue's deductions do not join its tiers
        for y in _zeros(height, rise, bend):
            if y > ZERO and (y >= near if far is None else min(near, far) <= y <= max(near, far)):
                return y
    return None


def _zeros(height: Decimal, rise: Decimal, bend: Decimal) -> tuple[Decimal, ...]:
    """Return where height + rise·y − bend·y² is zero; of a parabola without taking one large number from another."""
    if not bend:
        return (-height / rise,) if rise else ()
    square = rise**2 + 4 * bend * height
    if square < ZERO:
        return ()
    half = (rise + square.sqrt().copy_sign(rise)) / TWO
    return (half / bend, -height / half) if half else (ZERO,)
