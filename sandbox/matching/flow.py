"""Flow: what the simulated and the recorded market does to the accounts' resting orders."""

from collections.abc import Callable

from sandbox.accounts import Accounts
from sandbox.book import Side
from sandbox.market import Market
from sandbox.matching.crossing import Match, allowed, crossing, queue_crossing
from sandbox.matching.execution import Execution
from sandbox.matching.open_orders import OpenOrders
from sandbox.matching.queues import Queue


class Flow:
    """Brings takers, moving prices and recorded trades to the orders that rest."""

    def __init__(self, accounts: Accounts, orders: OpenOrders) -> None:
        self._accounts = accounts
        self._orders = orders

    def _begin(self, market: Market) -> Execution:
        return Execution(self._accounts, self._orders, market, market.now_ms)

    def hit(self, market: Market, sign: int, ticks: int, steps: int) -> None:
        """Let a simulated taker take steps of the touch in the order of its queue."""
        execution = self._begin(market)
        found = crossing(
            market.book.side(sign), steps, limit_ticks=ticks, account=None, closable=execution.closable(sign)
        )
        execution.take(None, -sign, found)
        execution.carry_out()

    def swept(self, market: Market, sign: int, ticks: int) -> None:
        """Fill every order at a price that the fair price moves through; one that may not fill expires."""
        queue = market.book.side(sign).queues.get(ticks * sign)
        if queue is None:
            return
        execution = self._begin(market)
        for resting, steps in allowed(queue.orders, execution.closable(sign)):
            if steps:
                execution.fill(resting, steps)
            if execution.left(resting):
                execution.end(resting, "EXPIRED", "EXPIRED")
        execution.carry_out()

    def uncross(self, market: Market) -> None:
        """Fill the orders that the other side's simulated quantity reached, at the orders' own prices."""
        book = market.book
        while book.bids.keys and book.asks.keys and book.bids.best >= book.asks.best:
            if not (self._reached(market, book.bids, book.asks) or self._reached(market, book.asks, book.bids)):
                return

    def _reached(self, market: Market, side: Side, other: Side) -> bool:
        """Trade the orders at a side's touch with the simulated quantity at the other's; tell if there were any."""
        queue = side.queues.get(side.keys[-1])
        against = other.queues.get(other.keys[-1])
        there = other.best_size if against is None else against.simulated
        if queue is None or not there:
            return False
        execution, eaten = self._begin(market), 0
        for resting, steps in allowed(queue.orders, execution.closable(side.sign)):
            taken = min(steps, there - eaten)
            eaten += taken
            if taken:
                execution.fill(resting, taken)
            if taken == steps and execution.left(resting):
                execution.end(resting, "EXPIRED", "EXPIRED")
        execution.eat(other.sign, other.best, eaten)
        execution.carry_out()
        return True

    def printed(self, market: Market, sign: int, ticks: int, steps: int, recorded_ms: int) -> int:
        """Let a recorded trade fill the orders at better prices, then eat its price's queue; give what they took.

        A trade that the recorded depth already shows (its time is not later) no longer eats what is ahead.
        """
        side, taken = market.book.side(sign), 0
        execution = self._begin(market)
        for key in sorted((key for key in side.queues if key >= ticks * sign), reverse=True):
            queue, left = side.queues[key], steps - taken
            closable = execution.closable(sign)
            if key == ticks * sign and recorded_ms > queue.told_ms:
                found = queue_crossing(queue, ticks, left, closable)
            else:
                found = passing(queue, ticks, left, closable, over=key > ticks * sign)
            for match in found:
                if match.resting is None:
                    execution.eat(sign, ticks, match.steps)
                else:
                    execution.fill(match.resting, match.steps)
                    taken += match.steps
        if side.queues:
            execution.carry_out()
        return taken


def passing(queue: Queue, ticks: int, steps: int, closable: Callable[[str], int], *, over: bool) -> list[Match]:
    """Match a trade with a queue's orders alone: all when it goes over them, else those with nothing ahead."""
    found = []
    for resting, most in allowed([each for each in queue.orders if over or not each.ahead], closable):
        part = min(most, steps)
        steps -= part
        if part:
            found.append(Match(ticks=ticks, steps=part, resting=resting))
    return found
