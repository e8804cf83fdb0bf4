"""One instrument's order book with the venue's update ids and its diff streams U, u, pu."""

from bisect import bisect_left, insort
from dataclasses import dataclass

DEPTH_RATES_MS = (0, 100, 250, 500)


class Side:
    """One side of a book. The keys grow towards the touch: ticks for bids, minus ticks for asks."""

    __slots__ = ("keys", "sign", "sizes")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.sizes: dict[int, int] = {}

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
    """Bids and asks in whole ticks and steps; every change takes the next update id."""

    def __init__(self, update_id: int) -> None:
        self.update_id = update_id
        self.bids = Side(1)
        self.asks = Side(-1)
        self.diffs: dict[int, DiffStream] = {}

    def watch(self, rate_ms: int) -> None:
        """Begin to collect changes for a depth stream."""
        if rate_ms not in self.diffs:
            self.diffs[rate_ms] = DiffStream(self.update_id)

    def unwatch(self, rate_ms: int) -> None:
        """Stop collecting changes for a depth stream nobody listens to."""
        self.diffs.pop(rate_ms, None)

    def set_bid(self, ticks: int, steps: int) -> bool:
        """Set a bid level and number the change; tell whether anything changed."""
        if not self.bids.set(ticks, steps):
            return False
        self.update_id += 1
        for diff in self.diffs.values():
            diff.bids.add(ticks)
        return True

    def set_ask(self, ticks: int, steps: int) -> bool:
        """Set an ask level and number the change; tell whether anything changed."""
        if not self.asks.set(ticks, steps):
            return False
        self.update_id += 1
        for diff in self.diffs.values():
            diff.asks.add(ticks)
        return True

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
        for ticks, steps in bids:
            self.set_bid(ticks, steps)
        for ticks, steps in asks:
            self.set_ask(ticks, steps)
        self.update_id = last_id

    def crossed(self) -> bool:
        """Tell whether the best bid is at or above the best ask."""
        return bool(self.bids.keys and self.asks.keys and self.bids.best >= self.asks.best)

    def clear(self) -> None:
        """Forget every level and every running diff; the update id stays."""
        self.bids = Side(1)
        self.asks = Side(-1)
        self.diffs.clear()
