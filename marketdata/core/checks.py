"""Checks: what every datum must pass before anyone may see it.  value x bounds -> Fault | None"""

import math
from typing import Final, Literal

from hedgeapp.core.records import record

FaultKind = Literal[
    "malformed",  # the message is not of the venue's format
    "unknown_event",  # an event that was not asked for
    "unknown_symbol",  # an instrument that reference data does not have
    "not_finite",
    "not_positive",
    "off_tick",  # a price between two ticks
    "jump",  # a price too far from the one before
    "funding",  # a funding rate that no venue may ask for
    "clock",  # a time too far from ours
    "gap",  # a message is missing
    "buffer_full",  # too many messages before the snapshot
    "too_old",  # a snapshot that no message follows on
    "too_many_levels",
    "empty",  # a book without bids or without asks
    "crossed",  # a bid at or above an ask
]

# Floats carry about 16 digits: a price in ticks may be off a whole number by this much, relatively and absolutely.
TICKS_TOLERANCE: Final = 1e-6


@record
class Fault:
    """A datum that was refused: what of which subject, what was expected, what was found."""

    kind: FaultKind
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.expected} expected, found {self.found}"


@record
class Bounds:
    """How far a datum may be off: its time from our clock in ms, its price from the one before as a fraction of it."""

    clock_ahead_ms_max: int = 5_000
    clock_behind_ms_max: int = 60_000
    jump_max: float = 0.15
    funding_rate_max: float = 0.03  # of the notional for one payment, either way: the widest cap of the venues
    jump_memory_ms: int = 3_000  # the age from which on a price no longer bounds the next: what lasts is believed


def positive(subject: str, value: float) -> Fault | None:
    """Refuse what is not a finite number above zero."""
    if not math.isfinite(value):
        return Fault(kind="not_finite", subject=subject, expected="a finite number", found=str(value))
    if value <= 0:
        return Fault(kind="not_positive", subject=subject, expected="a number above 0", found=f"{value:.15g}")
    return None


def finite(subject: str, value: float) -> Fault | None:
    """Refuse what is not a finite number."""
    if math.isfinite(value):
        return None
    return Fault(kind="not_finite", subject=subject, expected="a finite number", found=str(value))


def on_tick(subject: str, price: float, tick_size: float) -> Fault | None:
    """Refuse a price that is no multiple of the tick, but for what a float may be off."""
    ticks = price / tick_size
    if abs(ticks - round(ticks)) <= TICKS_TOLERANCE * max(1.0, ticks * 1e-8):
        return None
    return Fault(
        kind="off_tick", subject=subject, expected=f"a price in steps of {tick_size:.15g}", found=f"{price:.15g}"
    )


def uncrossed(subject: str, bid: float | None, ask: float | None) -> Fault | None:
    """Refuse a book without bids or asks, or with a bid at or above an ask."""
    if bid is None or ask is None:
        side = "bids" if bid is None else "asks"
        return Fault(kind="empty", subject=subject, expected="a book with two sides", found=f"no {side}")
    if bid < ask:
        return None
    return Fault(
        kind="crossed", subject=subject, expected="a bid below the ask", found=f"bid {bid:.15g}, ask {ask:.15g}"
    )


def in_time(subject: str, at_ms: int, received_ms: int, bounds: Bounds) -> Fault | None:
    """Refuse a datum whose time is too far ahead of or behind our clock."""
    ahead_ms = at_ms - received_ms
    if -bounds.clock_behind_ms_max <= ahead_ms <= bounds.clock_ahead_ms_max:
        return None
    expected = f"a time at most {bounds.clock_ahead_ms_max} ms ahead of or {bounds.clock_behind_ms_max} ms behind ours"
    return Fault(kind="clock", subject=subject, expected=expected, found=f"{ahead_ms:+d} ms")


def steady(subject: str, price: float, before: float, bounds: Bounds) -> Fault | None:
    """Refuse a price that jumped too far from the one before."""
    if abs(price - before) <= bounds.jump_max * before:
        return None
    expected = f"a price within {bounds.jump_max:.0%} of {before:.15g}"
    return Fault(kind="jump", subject=subject, expected=expected, found=f"{price:.15g}")


def capped(subject: str, rate: float, bounds: Bounds) -> Fault | None:
    """Refuse a funding rate beyond what any venue allows for one payment."""
    most = bounds.funding_rate_max
    if -most <= rate <= most:  # of what is no number this is not true
        return None
    return Fault(
        kind="funding", subject=subject, expected=f"a funding rate within ±{most:.0%} a payment", found=f"{rate:.15g}"
    )
