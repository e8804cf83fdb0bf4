"""The queue at one price: orders of accounts in time order, each with the simulated quantity still ahead of it."""

from dataclasses import dataclass

from sandbox.rows import Order


@dataclass(slots=True, kw_only=True)
class Resting:
    """An account's order in a book: what is left of it and what is ahead, in steps; sign is 1 for bids, -1 for asks."""

    order: Order
    sign: int
    ticks: int
    left: int
    ahead: int = 0


class Queue:
    """A price level in which orders of accounts stand among the simulated quantity."""

    __slots__ = ("orders", "simulated", "told_ms")

    def __init__(self, simulated: int) -> None:
        self.simulated = simulated
        self.orders: list[Resting] = []
        self.told_ms = 0  # the recording's time of its latest word about this level

    @property
    def total(self) -> int:
        """Give what the public book shows at this price."""
        return self.simulated + sum(each.left for each in self.orders)

    def join(self, resting: Resting) -> None:
        """Take the last place."""
        resting.ahead = self.simulated
        self.orders.append(resting)

    def simulate(self, steps: int) -> int:
        """Set the simulated quantity, what leaves was ahead and what comes is behind; give what the book shows."""
        gone = self.simulated - steps
        if gone > 0:
            for each in self.orders:
                each.ahead = max(0, each.ahead - gone)
        self.simulated = steps
        return self.total
