"""Crossing: what an incoming order meets in the opposite side, by price and then by time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sandbox.book import Side
from sandbox.matching.queues import Queue, Resting


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One trade to come: with an account's resting order, or with simulated quantity when there is none."""

    ticks: int
    steps: int
    resting: Resting | None


@dataclass(slots=True, kw_only=True)
class Crossing:
    """Everything an incoming order meets: its trades, its own account's orders in the way, and what finds nobody."""

    matches: list[Match] = field(default_factory=list)
    prevented: list[Resting] = field(default_factory=list)
    left: int


class Allowances:
    """How much the resting reduce-only orders of each account on one side may still fill, in steps."""

    def __init__(self, closable: Callable[[str], int]) -> None:
        self._closable = closable
        self._left: dict[str, int] = {}

    def of(self, resting: Resting) -> int:
        """Give how much of a resting order may fill now."""
        if not resting.order.reduce_only:
            return resting.left
        return min(resting.left, self._of_account(resting.order.account))

    def use(self, resting: Resting, steps: int) -> None:
        """Count a fill of an account, which closes its position whether or not it had to."""
        account = resting.order.account
        self._left[account] = max(0, self._of_account(account) - steps)

    def _of_account(self, account: str) -> int:
        if account not in self._left:
            self._left[account] = self._closable(account)
        return self._left[account]


def crossing(
    side: Side, steps: int, *, limit_ticks: int | None, account: str | None, closable: Callable[[str], int]
) -> Crossing:
    """Walk a side from its touch to a limit for an incoming order; nothing is changed.

    `account` is whose order comes in (None: simulated flow): its own resting orders are expired, not met
    (self-trade prevention EXPIRE_MAKER). `closable` gives the steps of an account's position that this side closes.
    """
    found, allowances = Crossing(left=steps), Allowances(closable)
    for key in reversed(side.keys):
        if not found.left or (limit_ticks is not None and key < limit_ticks * side.sign):
            break
        queue = side.queues.get(key)
        if queue is None:
            taken = min(found.left, side.sizes[key])
            found.matches.append(Match(ticks=key * side.sign, steps=taken, resting=None))
            found.left -= taken
        else:
            _walk(queue, key * side.sign, found, account, allowances)
    return found


def queue_crossing(queue: Queue, ticks: int, steps: int, closable: Callable[[str], int]) -> list[Match]:
    """Walk one queue for simulated flow; nothing is changed."""
    found = Crossing(left=steps)
    _walk(queue, ticks, found, None, Allowances(closable))
    return found.matches


def _walk(queue: Queue, ticks: int, found: Crossing, account: str | None, allowances: Allowances) -> None:
    """Go through one queue in time order."""
    for resting, simulated in _places(queue):
        taken = min(found.left, simulated)
        if taken:
            found.matches.append(Match(ticks=ticks, steps=taken, resting=None))
            found.left -= taken
        if not found.left:
            return
        if resting is None:
            continue
        if resting.order.account == account:
            found.prevented.append(resting)
            continue
        taken = min(found.left, allowances.of(resting))
        if taken:
            found.matches.append(Match(ticks=ticks, steps=taken, resting=resting))
            allowances.use(resting, taken)
            found.left -= taken


def _places(queue: Queue) -> Iterator[tuple[Resting | None, int]]:
    """Give each order with the simulated quantity between it and the one before, then what is behind them all."""
    passed = 0
    for resting in queue.orders:
        between = max(0, resting.ahead - passed)
        passed += between
        yield resting, between
    yield None, max(0, queue.simulated - passed)


def allowed(orders: Sequence[Resting], closable: Callable[[str], int]) -> list[tuple[Resting, int]]:
    """Give the steps that each resting order of one side may fill when all are filled in turn."""
    allowances, found = Allowances(closable), []
    for resting in orders:
        steps = allowances.of(resting)
        allowances.use(resting, steps)
        found.append((resting, steps))
    return found
