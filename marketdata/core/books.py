"""Books: one instrument's bids and asks, kept by the venue's own sequence rule.  snapshot x deltas -> Book | Fault

Levels are float64 in a dict per side. A level of quantity 0 stays in the dict as an empty one until the next sweep, so
that only prices never seen before, the last ones of the dict, have to be checked one by one.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from heapq import nlargest, nsmallest
from itertools import islice
from math import isfinite
from typing import Final, Literal, Protocol

from hedgeapp.core.records import record
from marketdata.core.checks import TICKS_TOLERANCE, Fault, FaultKind, on_tick, uncrossed

Level = tuple[float, float]  # price in the quote asset, quantity in contracts

INFINITY: Final = float("inf")
WALK_TICKS_MAX: Final = 256  # how far the next best price is looked for tick by tick before the whole side is searched
SWEEP_LEVELS_MIN: Final = 4_096  # a side of fewer levels is not worth a sweep


@record
class BookLimits:
    """What one book may hold: live levels a side, and deltas that wait for the snapshot."""

    levels_max: int = 20_000
    waiting_max: int = 5_000


class Delta(Protocol):
    """A change of a book: the venue's first, last and previous update id, and the new quantities of prices."""

    @property
    def first_id(self) -> int: ...
    @property
    def last_id(self) -> int: ...
    @property
    def previous_id(self) -> int: ...
    @property
    def bids(self) -> Iterable[Level]: ...
    @property
    def asks(self) -> Iterable[Level]: ...


class SequenceRule(Protocol):
    """A venue's rule of how its first delta connects to a snapshot; any later one's previous id must be the last id."""

    def is_before(self, delta: Delta, snapshot_id: int) -> bool:
        """Tell whether a delta is wholly contained in the snapshot."""
        ...

    def bridges(self, delta: Delta, snapshot_id: int) -> bool:
        """Tell whether a delta is the first one after the snapshot."""
        ...


class BinanceLinear:
    """USDⓈ-M: the first delta has U <= L <= u, or pu = L."""

    def is_before(self, delta: Delta, snapshot_id: int) -> bool:
        return delta.last_id < snapshot_id

    def bridges(self, delta: Delta, snapshot_id: int) -> bool:
        return delta.first_id <= snapshot_id <= delta.last_id or delta.previous_id == snapshot_id


class BinanceInverse:
    """COIN-M: the first delta has U - 1 <= L <= u - 1, or pu = L (instruments share ids, so U may skip some)."""

    def is_before(self, delta: Delta, snapshot_id: int) -> bool:
        return delta.last_id <= snapshot_id

    def bridges(self, delta: Delta, snapshot_id: int) -> bool:
        return delta.first_id - 1 <= snapshot_id <= delta.last_id - 1 or delta.previous_id == snapshot_id


class BinanceSpot(BinanceInverse):
    """Spot: the first delta has U <= L + 1 <= u, as at COIN-M; it names no previous id, each begins right after it."""


class InStream:
    """Snapshots come in the stream itself (Bybit, OKX, Deribit): the book runs from `Book.begin`, nothing waits."""

    def is_before(self, delta: Delta, snapshot_id: int) -> bool:
        return delta.last_id <= snapshot_id

    def bridges(self, delta: Delta, snapshot_id: int) -> bool:
        return delta.previous_id == snapshot_id


class Side:
    """One side of a book: bids (`inward` 1: the higher the better) or asks (−1). `touch` is ∓∞ when it is empty."""

    __slots__ = ("_inward", "_scale", "_step", "_sweep_at", "_sweep_at_min", "_tick", "levels", "levels_max", "touch")

    def __init__(self, inward: Literal[1, -1], tick_size: Decimal, levels_max: int) -> None:
        self.levels: dict[float, float] = {}
        self.levels_max = levels_max
        self.touch = -inward * INFINITY
        self._inward = inward
        self._tick = float(tick_size)
        # A price is a whole number of the tick's last decimal place: divided by `_scale` it is the very float that its
        # text is read as, for both are rounded once.
        self._scale = 10 ** max(0, -int(tick_size.normalize().as_tuple().exponent))
        self._step = int(tick_size * self._scale) * inward
        self._sweep_at = self._sweep_at_min = min(SWEEP_LEVELS_MIN, levels_max)

    @property
    def best(self) -> float | None:
        """The best price with a quantity, None when there is none."""
        return self.touch if isfinite(self.touch) else None

    def update(self, changes: Iterable[Level], subject: str) -> Fault | None:
        """Set the quantities of prices; 0 removes one. Refuse prices off the tick and more levels than allowed."""
        levels, touch, is_gone = self.levels, self.touch, False
        known = len(levels)
        if self._inward > 0:
            for price, quantity in changes:
                levels[price] = quantity
                if price >= touch:
                    if quantity:
                        touch, is_gone = price, False
                    elif price == touch:
                        is_gone = True
        else:
            for price, quantity in changes:
                levels[price] = quantity
                if price <= touch:
                    if quantity:
                        touch, is_gone = price, False
                    elif price == touch:
                        is_gone = True
        self.touch = self._next_outward(touch) if is_gone else touch
        return self._fault_of_new(len(levels) - known, subject) if len(levels) > known else None

    def _fault_of_new(self, count: int, subject: str) -> Fault | None:
        """Check the prices that the last update added, which are the last ones of the dict."""
        tick = self._tick
        for price in islice(reversed(self.levels), count):
            ticks = price / tick
            if abs(ticks - round(ticks)) > TICKS_TOLERANCE and (fault := on_tick(subject, price, tick)):
                return fault
        return self._sweep(subject) if len(self.levels) > self._sweep_at else None

    def _next_outward(self, price: float) -> float:
        """Find the best price beyond an empty one: tick by tick first, then among all."""
        levels = self.levels
        for candidate in self._outward(price, 1):
            if levels.get(candidate):
                return candidate
        live = (candidate for candidate, quantity in levels.items() if quantity)
        return max(live, default=-INFINITY) if self._inward > 0 else min(live, default=INFINITY)

    def _outward(self, price: float, first: int) -> Iterator[float]:
        """Yield the prices from so many ticks beyond a price outward."""
        scale, step = self._scale, self._step
        begin = round(price * scale) - first * step
        return (number / scale for number in range(begin, begin - WALK_TICKS_MAX * step, -step))

    def _sweep(self, subject: str) -> Fault | None:
        """Forget empty levels, so that memory is bounded by the live ones."""
        self.levels = {price: quantity for price, quantity in self.levels.items() if quantity}
        self._sweep_at = max(self._sweep_at_min, 2 * len(self.levels))
        if len(self.levels) <= self.levels_max:
            return None
        expected = f"at most {self.levels_max} levels a side"
        return Fault(kind="too_many_levels", subject=subject, expected=expected, found=str(len(self.levels)))

    def wipe(self) -> None:
        """Forget everything."""
        self.levels = {}
        self.touch = -self._inward * INFINITY
        self._sweep_at = self._sweep_at_min

    def top(self, count: int | None = None) -> list[Level]:
        """Return the levels from the best outward: all, or the best `count`."""
        live = (level for level in self.levels.items() if level[1])
        if count is None:
            return sorted(live, reverse=self._inward > 0)
        return self._near(count) or (nlargest(count, live) if self._inward > 0 else nsmallest(count, live))

    def _near(self, count: int) -> list[Level]:
        """Return the best levels when they stand close enough to be found tick by tick, else nothing."""
        found: list[Level] = []
        levels = self.levels
        if isfinite(self.touch):
            for price in self._outward(self.touch, 0):
                if quantity := levels.get(price):
                    found.append((price, quantity))
                    if len(found) == count:
                        return found
        return []

    def depth(self, price: float) -> float:
        """Return the quantity, in contracts, that stands at `price` or better."""
        inward = self._inward
        return sum(quantity for level, quantity in self.levels.items() if (level - price) * inward >= 0)


class Book:
    """One instrument's order book. It is only to be read while `is_running`; any fault wipes it.

    Its life: deltas wait until `load` brings a snapshot; the first that bridges to it starts the book; from then on
    each must follow on the one before.
    """

    __slots__ = ("_limits", "_rule", "_waiting", "asks", "bids", "is_running", "last_id", "subject")

    def __init__(self, subject: str, rule: SequenceRule, tick_size: Decimal, limits: BookLimits) -> None:
        self.subject = subject
        self.bids = Side(1, tick_size, limits.levels_max)
        self.asks = Side(-1, tick_size, limits.levels_max)
        self.is_running = False
        self.last_id: int | None = None
        self._rule = rule
        self._limits = limits
        self._waiting: deque[Delta] = deque()

    @property
    def wants_snapshot(self) -> bool:
        """Whether deltas came and no snapshot is there for them."""
        return self.last_id is None and bool(self._waiting)

    def wipe(self) -> None:
        """Forget everything, as after a reconnect: what is missing can never be known again."""
        self.bids.wipe()
        self.asks.wipe()
        self.is_running = False
        self.last_id = None
        self._waiting.clear()

    def load(self, snapshot_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> Fault | None:
        """Take a snapshot and whatever waiting deltas follow on it."""
        waiting, self._waiting = self._waiting, deque()
        self.bids.wipe()
        self.asks.wipe()
        self.is_running = False
        if fault := self._update(bids, asks):
            self.wipe()
            return fault
        self.last_id = snapshot_id
        for delta in waiting:
            if fault := self.apply(delta):
                return fault
        return None

    def begin(self, snapshot_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> Fault | None:
        """Take a snapshot that came in its place among the deltas: the book runs, and forgets whatever was before."""
        self.wipe()
        if fault := self._update(bids, asks):
            self.wipe()
            return fault
        self.last_id, self.is_running = snapshot_id, True
        return None

    def apply(self, delta: Delta) -> Fault | None:
        """Take the next delta: keep it, drop it or apply it, as the venue's rule says; wipe the book on a fault."""
        if self.is_running:
            if delta.previous_id != self.last_id:
                return self._broken("gap", f"a delta after {self.last_id}", f"one after {delta.previous_id}")
        elif self.last_id is None:
            return self._wait(delta)
        elif not self._rule.bridges(delta, self.last_id):
            if self._rule.is_before(delta, self.last_id):
                return None
            found = f"{delta.first_id} to {delta.last_id} after {delta.previous_id}"
            return self._broken("too_old", f"a delta that contains snapshot {self.last_id}", found)
        fault = self._update(delta.bids, delta.asks)
        if fault is not None:
            self.wipe()
            return fault
        self.last_id = delta.last_id
        self.is_running = True
        return None

    def _update(self, bids: Iterable[Level], asks: Iterable[Level]) -> Fault | None:
        fault = self.bids.update(bids, self.subject) if bids else None
        if asks and fault is None:
            fault = self.asks.update(asks, self.subject)
        if fault is None and not -INFINITY < self.bids.touch < self.asks.touch < INFINITY:
            fault = uncrossed(self.subject, self.bids.best, self.asks.best)
        return fault

    def _wait(self, delta: Delta) -> Fault | None:
        if len(self._waiting) >= self._limits.waiting_max:
            expected = f"a snapshot before {self._limits.waiting_max} deltas"
            return self._broken("buffer_full", expected, "none")
        self._waiting.append(delta)
        return None

    def _broken(self, kind: FaultKind, expected: str, found: str) -> Fault:
        self.wipe()
        return Fault(kind=kind, subject=self.subject, expected=expected, found=found)
