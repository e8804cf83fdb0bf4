"""Execution: a crossing carried out, in the ledger first, then in the book, on the tape and on the streams."""

from collections.abc import Callable

from sandbox.accounts import Accounts
from sandbox.booking import Part
from sandbox.market import Market
from sandbox.matching.crossing import Crossing
from sandbox.matching.open_orders import OpenOrders
from sandbox.matching.queues import Resting
from sandbox.matching.settlement import Settlement
from sandbox.rows import Order

PREVENTED = "EXPIRED_IN_MATCH"  # what self-trade prevention makes of a resting order


class Execution:
    """One event in one market that may trade, end and begin orders; nothing happens before `carry_out`."""

    def __init__(self, accounts: Accounts, orders: OpenOrders, market: Market, at_ms: int) -> None:
        self.market = market
        self.settlement = Settlement(accounts, market, at_ms)
        self._orders = orders
        self._changes: list[Callable[[], None]] = []  # of the book, in order
        self._gone: dict[int, Resting] = {}
        self._left: dict[int, int] = {}  # of resting orders, as this event leaves them so far
        self._printed: list[tuple[Part, bool]] = []  # trade, buyer is maker

    def closable(self, sign: int) -> Callable[[str], int]:
        """Give the function that tells how many steps of an account's position orders of a side can close."""

        def steps(account: str) -> int:
            quantity = self.settlement.position(account).quantity * -sign
            return max(0, int(quantity.scaleb(self.market.spec.quantity_decimals)))

        return steps

    def take(self, taker: Order | None, sign: int, found: Crossing) -> Order | None:
        """Trade an incoming order (None: simulated flow) with what it met; give it as it is then."""
        for resting in found.prevented:
            self.end(resting, PREVENTED, "EXPIRED")
        for match in found.matches:
            part = (self.market.trade_ids.take(), match.ticks, match.steps)
            self._printed.append((part, sign < 0))
            if taker is not None:
                taker = self.settlement.filled(taker, part, maker=False)
            if match.resting is None:
                self.eat(-sign, match.ticks, match.steps)
            else:
                self._fill(match.resting, part)
        return taker

    def fill(self, resting: Resting, steps: int) -> None:
        """Fill steps of a resting order at its price by simulated flow that is not in the book."""
        part = (self.market.trade_ids.take(), resting.ticks, steps)
        self._printed.append((part, resting.sign > 0))
        self._fill(resting, part)

    def eat(self, sign: int, ticks: int, steps: int) -> None:
        """Take simulated quantity from the book without a print."""
        self._changes.append(lambda: self.market.book.eat(sign, ticks, steps))

    def left(self, resting: Resting) -> int:
        """Give what is left of a resting order after this event so far."""
        return self._left.get(resting.order.id, resting.left)

    def end(self, resting: Resting, status: str, execution: str) -> Order:
        """End a resting order that is not filled."""
        if resting.order.id in self._gone:
            return self.settlement.orders[resting.order.id]
        order = self.settlement.orders.get(resting.order.id, resting.order)
        self._leave(resting)
        return self.settlement.ended(order, status, execution)

    def replace(self, resting: Resting, order: Order) -> Order:
        """Take a resting order out of its queue and give it new terms."""
        self._leave(resting)
        return self.settlement.amended(order)

    def rest(self, order: Order, sign: int, ticks: int, steps: int) -> None:
        """Let an order rest with what is left of it."""
        resting = Resting(order=order, sign=sign, ticks=ticks, left=steps)

        def begin() -> None:
            self._orders.add(resting)
            self.market.book.rest(resting)

        self._changes.append(begin)

    def carry_out(self) -> None:
        """Expire the reduce-only orders that no longer reduce, write everything down, then change book and tape."""
        for account in list(self.settlement.positions):
            self.expire_idle(account)
        self.settlement.record()
        for change in self._changes:
            change()
        for number, order in self.settlement.orders.items():
            resting = self._orders.by_id(number)
            if resting is not None:
                resting.order = order
        for maker in (True, False):
            parts = [part for part, buyer_is_maker in self._printed if buyer_is_maker is maker]
            if parts:
                self.market.print_parts(parts, buyer_is_maker=maker)
        self.settlement.tell()
        self.market.listener.quote()

    def expire_idle(self, account: str) -> None:
        """Expire an account's reduce-only orders that have no position to reduce."""
        quantity = self.settlement.position(account).quantity
        for resting in self._orders.of(account, self.market.spec.symbol):
            if resting.order.reduce_only and quantity * resting.sign >= 0 and resting.order.id not in self._gone:
                self.end(resting, "EXPIRED", "EXPIRED")

    def _fill(self, resting: Resting, part: Part) -> None:
        order = self.settlement.orders.get(resting.order.id, resting.order)
        self.settlement.filled(order, part, maker=True)
        steps = part[2]
        left = self._left[resting.order.id] = self.left(resting) - steps
        if left:
            self._changes.append(lambda: self.market.book.reduce(resting, steps))
        else:
            self._leave(resting)

    def _leave(self, resting: Resting) -> None:
        self._gone[resting.order.id] = resting

        def leave() -> None:
            self._orders.drop(resting)
            self.market.book.reduce(resting, resting.left)

        self._changes.append(leave)
