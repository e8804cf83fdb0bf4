"""One instrument's order book with the venue's update ids and its diff streams U, u, pu."""

from bisect import bisect_left, insort
from dataclasses import dataclass

from sandbox.matching.queues import Queue, Resting

DEPTH_RATES_MS = (0, 100, 250, 500)


class Side:
    """One side of a book. The keys grow towards the touch: ticks for bids, minus ticks for asks."""

    __slots__ = ("keys", "queues", "sign", "sizes")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.sizes: dict[int, int] = {}  # what the public sees: simulated and the accounts' orders
        self.queues: dict[int, Queue] = {}  # only where orders of accounts rest

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def best(self) -> int:
        """Give the best price in ticks. Raise IndexError on an empty side."""
        return self.keys[-1] * self.sign

    @property
    def best_size(self) -> int:
        """Give the size at the best price, in steps."""
        return self.sizes[self.keys[-1]]

    def set(self, ticks: int, steps: int) -> bool:
        """Set the size at a price, zero removes it; tell whether anything changed."""
        key = ticks * self.sign
        before = self.sizes.get(key, 0)
        if before == steps:
            return False
        if not steps:
            del self.sizes[key]
            if self.keys[-1] == key:
                self.keys.pop()
            else:
                del self.keys[bisect_left(self.keys, key)]
            return True
        if not before:
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                insort(self.keys, key)
        self.sizes[key] = steps
        return True

    def top(self, count: int) -> list[tuple[int, int]]:
        """List (ticks, steps) from the touch outwards."""
        return [(key * self.sign, self.sizes[key]) for key in self.keys[: -count - 1 : -1]]

    def at(self, index: int) -> int:
        """Give the price of the level so many levels away from the touch."""
        return self.keys[-1 - index] * self.sign


@dataclass(slots=True, kw_only=True)
class Diff:
    """The changes of a book since the diff before, as the venue numbers them."""

    first_id: int
    last_id: int
    previous_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class DiffStream:
    """Collects the changed prices of one depth stream between two sends."""

    __slots__ = ("asks", "bids", "previous_id")

    def __init__(self, previous_id: int) -> None:
        self.previous_id = previous_id
        self.bids: set[int] = set()
        self.asks: set[int] = set()


class Book:
    """Bids and asks in whole ticks and steps; every change takes the next update id.

    `set_bid` and `set_ask` set the simulated quantity of a level; orders of accounts rest beside it.
    """

    def __init__(self, update_id: int) -> None:
        self.update_id = update_id
        self.bids = Side(1)
        self.asks = Side(-1)
        self.diffs: dict[int, DiffStream] = {}
        self.recorded = False  # a recording sets the levels
        self.eaten: set[int] = set()  # keys of recorded levels that takers of ours consumed since the last word on them

    def side(self, sign: int) -> Side:
        """Give the bids for 1 and the asks for -1."""
        return self.bids if sign > 0 else self.asks

    @property
    def touched(self) -> bool:
        """Tell whether the accounts' orders make this book differ from its source."""
        return bool(self.bids.queues or self.asks.queues or self.eaten)

    def watch(self, rate_ms: int) -> None:
        """Begin to collect changes for a depth stream."""
        if rate_ms not in self.diffs:
            self.diffs[rate_ms] = DiffStream(self.update_id)

    def unwatch(self, rate_ms: int) -> None:
        """Stop collecting changes for a depth stream nobody listens to."""
        self.diffs.pop(rate_ms, None)

    def set_bid(self, ticks: int, steps: int) -> bool:
        """Set a bid level's simulated quantity and number the change; tell whether anything changed."""
        if self.bids.queues and (queue := self.bids.queues.get(ticks)) is not None:
            steps = queue.simulate(steps)
        if not self.bids.set(ticks, steps):
            return False
        self.update_id += 1
        for diff in self.diffs.values():
            diff.bids.add(ticks)
        return True

    def set_ask(self, ticks: int, steps: int) -> bool:
        """Set an ask level's simulated quantity and number the change; tell whether anything changed."""
        if self.asks.queues and (queue := self.asks.queues.get(-ticks)) is not None:
            steps = queue.simulate(steps)
        if not self.asks.set(ticks, steps):
            return False
        self.update_id += 1
        for diff in self.diffs.values():
            diff.asks.add(ticks)
        return True

    def rest(self, resting: Resting) -> None:
        """Let an order take the last place at its price."""
        side, key = self.side(resting.sign), resting.ticks * resting.sign
        queue = side.queues.get(key)
        if queue is None:
            queue = side.queues[key] = Queue(side.sizes.get(key, 0))
        queue.join(resting)
        self._show(resting.sign, resting.ticks, queue.total)

    def reduce(self, resting: Resting, steps: int) -> None:
        """Take steps from a resting order; one without any left leaves the book."""
        side, key = self.side(resting.sign), resting.ticks * resting.sign
        queue = side.queues[key]
        resting.left -= steps
        if not resting.left:
            queue.orders.remove(resting)
            if not queue.orders:
                del side.queues[key]
        self._show(resting.sign, resting.ticks, queue.total)

    def eat(self, sign: int, ticks: int, steps: int) -> None:
        """Take steps from the simulated quantity of a level."""
        side, key = self.side(sign), ticks * sign
        queue = side.queues.get(key)
        there = side.sizes.get(key, 0) if queue is None else queue.simulated
        if self.recorded:
            self.eaten.add(key)
        (self.set_bid if sign > 0 else self.set_ask)(ticks, max(0, there - steps))

    def _show(self, sign: int, ticks: int, steps: int) -> None:
        """Show a level's whole size and number the change."""
        if self.side(sign).set(ticks, steps):
            self.update_id += 1
            for diff in self.diffs.values():
                (diff.bids if sign > 0 else diff.asks).add(ticks)

    def take_diff(self, rate_ms: int) -> Diff | None:
        """Close the running diff of a stream: what changed since the one before, or None."""
        stream = self.diffs[rate_ms]
        if self.update_id == stream.previous_id:
            return None
        bids, asks = self.bids.sizes, self.asks.sizes
        diff = Diff(
            first_id=stream.previous_id + 1,
            last_id=self.update_id,
            previous_id=stream.previous_id,
            bids=[(ticks, bids.get(ticks, 0)) for ticks in sorted(stream.bids)],
            asks=[(ticks, asks.get(-ticks, 0)) for ticks in sorted(stream.asks)],
        )
        stream.previous_id = self.update_id
        stream.bids.clear()
        stream.asks.clear()
        return diff

    def apply(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]], last_id: int) -> None:
        """Set levels under update ids given by a recording."""
        if self.eaten:
            self.eaten.difference_update([ticks for ticks, _ in bids], [-ticks for ticks, _ in asks])
        for ticks, steps in bids:
            self.set_bid(ticks, steps)
        for ticks, steps in asks:
            self.set_ask(ticks, steps)
        self.update_id = last_id

    def crossed(self) -> bool:
        """Tell whether the best bid is at or above the best ask."""
        return bool(self.bids.keys and self.asks.keys and self.bids.best >= self.asks.best)

    def clear(self) -> list[Resting]:
        """Forget every level and every running diff, the update id stays; give the orders that rested, oldest first."""
        rested = [each for side in (self.bids, self.asks) for queue in side.queues.values() for each in queue.orders]
        self.bids = Side(1)
        self.asks = Side(-1)
        self.diffs.clear()
        self.eaten.clear()
        return sorted(rested, key=lambda each: each.order.id)
